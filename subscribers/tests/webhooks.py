"""Genuinely signed posts, as the carrier sends them."""

from uuid import uuid4

from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.utils.datastructures import MultiValueDict
from twilio.request_validator import RequestValidator

from .factory import OUR_NUMBER

INBOUND, STATUS = "/twilio/inbound/", "/twilio/status/"
READER = "+14155550101"


def new_sid() -> str:
    return f"SM{uuid4().hex}"


def signed_post(path: str, parameters: dict, token: str | None = None, **headers) -> HttpResponse:
    """Post `parameters` (values may be lists) with the signature that they and the public address of `path` have."""
    return post(path, parameters, {"X-Twilio-Signature": signature(path, parameters, token)} | headers)


def signature(path: str, parameters: dict, token: str | None = None, algorithm: str | None = None) -> str:
    validator = RequestValidator(token or settings.TWILIO_AUTH_TOKEN)
    return validator.compute_signature(settings.PUBLIC_URL + path, MultiValueDict(fields(parameters)), algorithm)


def post(path: str, parameters: dict, headers: dict) -> HttpResponse:
    # Errors of the view become a 500 here, as they do for the carrier.
    return Client(raise_request_exception=False).post(path, fields(parameters), headers=headers)


def fields(parameters: dict) -> dict[str, list]:
    return {name: value if isinstance(value, list) else [value] for name, value in parameters.items()}


def text(body: str, sender: str = READER, sid: str = "", **parameters) -> HttpResponse:
    """Let a reader text us."""
    sid = sid or new_sid()
    inbound = {
        "MessageSid": sid,
        "SmsSid": sid,
        "AccountSid": settings.TWILIO_ACCOUNT_SID,
        "From": sender,
        "To": OUR_NUMBER,
        "Body": body,
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "ApiVersion": "2010-04-01",
    }
    return signed_post(INBOUND, inbound | parameters)


def report(sid: str, status: str, error_code: int | None = None, message_id: int | None = None) -> HttpResponse:
    """Let the carrier report a message's status, at the address that was given with the message."""
    path = STATUS if message_id is None else f"{STATUS}?message={message_id}"
    parameters = {"MessageSid": sid, "SmsSid": sid, "MessageStatus": status, "SmsStatus": status, "To": READER}
    return signed_post(path, parameters | ({"ErrorCode": str(error_code)} if error_code else {}))
