"""Every check that Twilio makes before it accepts a message, in one function a rule. No HTTP here."""

import re
import time

from stories.segments import count_segments

from .errors import ApiError, refuses_request
from .phone_numbers import SENDER_NAME, is_e164, is_short_code
from .store import Message, new_sid
from .webhooks import parse_target

LONGEST_BODY, MOST_MEDIA, LONGEST_URL, LONGEST_VALIDITY = 1600, 10, 4000, 36_000
SERVICE_SID = re.compile(r"MG[0-9a-fA-F]{32}")


def build_message(store, faults, account_sid, form):
    """Return the message that `form` (a dict of lists) asks for, or raise the ApiError that Twilio gives."""
    recipient, sender, service_sid = (_one(form, name) for name in ("To", "From", "MessagingServiceSid"))
    body = form.get("Body", [""])[0]
    media_urls = tuple(url for url in form.get("MediaUrl", ()) if url)
    if not recipient:
        raise ApiError(21604)
    if not sender and not service_sid:
        raise ApiError(21603)
    _check_content(body, media_urls)
    _check_recipient(faults, recipient)
    _check_sender(store, sender, service_sid, recipient)
    callback = _check_options(form)
    if store.is_opted_out(sender or store.our_number, recipient):
        raise ApiError(21610)
    now = time.time()
    return Message(
        sid=new_sid("MM" if media_urls else "SM"),
        account_sid=account_sid,
        direction="outbound-api",
        sender=sender,
        recipient=recipient,
        body=body,
        status="accepted" if service_sid else "queued",
        created=now,
        updated=now,
        num_segments=1 if media_urls else count_segments(body),
        media_urls=media_urls,
        messaging_service_sid=service_sid or None,
        status_callback=callback or None,
    )


def _one(form, name):
    return form.get(name, [""])[0].strip()


def _check_content(body, media_urls):
    if not body and not media_urls:
        raise ApiError(21602)
    if len(body) > LONGEST_BODY:
        raise ApiError(21617)
    if len(media_urls) > MOST_MEDIA:
        raise ApiError(21623)
    for url in media_urls:
        if not is_callable(url):
            raise ApiError(21620, url)


def _check_recipient(faults, recipient):
    if not is_e164(recipient):
        raise ApiError(21211, recipient)
    code = faults.code_for(recipient)
    if code and refuses_request(code):
        raise ApiError(code, recipient)


def _check_sender(store, sender, service_sid, recipient):
    if service_sid and not SERVICE_SID.fullmatch(service_sid):
        raise ApiError(21701, service_sid)
    if not sender:
        return
    if not (is_e164(sender) or is_short_code(sender) or SENDER_NAME.fullmatch(sender)):
        raise ApiError(21212, sender)
    if sender == recipient:
        raise ApiError(21266, sender)
    if store.numbers and sender not in store.numbers:
        raise ApiError(21606, sender)


def _check_options(form):
    """Return the status callback after checking it and the validity period."""
    callback = _one(form, "StatusCallback")
    if callback and not is_callable(callback):
        raise ApiError(21609, callback)
    validity = _one(form, "ValidityPeriod")
    if validity and not (validity.isascii() and validity.isdecimal() and 1 <= int(validity) <= LONGEST_VALIDITY):
        raise ApiError(21624, validity)
    return callback


def is_callable(url):
    """Say whether `url` is one that the sandbox can call."""
    try:
        parse_target(url)
    except ValueError:
        return False
    return len(url) <= LONGEST_URL
