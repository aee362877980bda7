"""Our numbers and messaging services as the carrier keeps them, and where it takes texts to them."""

import hashlib
import time
from dataclasses import dataclass, field

from .create import is_callable
from .errors import NOT_FOUND, ApiError
from .store import API_VERSION, rfc2822

METHODS = ("GET", "POST")


@dataclass(slots=True)
class Inbox:
    """What can be set of a number or a service; `elsewhere` is what then counts instead of the URL."""

    url: str
    method: str = "POST"
    elsewhere: str | bool = ""
    is_set: bool = False
    created: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)


class Inboxes:
    """All of them: each takes texts to `url` until it is told otherwise, and any service is there.

    As the sandbox puts no number into a service, what is set of a service holds for every number of which nothing was
    set.
    """

    def __init__(self, store, url):
        self.store, self.url = store, url
        self.numbers, self.services = {}, {}
        self.last_service = None

    def url_for(self, number):
        """Return where a text to this number is taken; None where that is nothing that this sandbox can call."""
        own = self.number(number)
        inbox = own if own.is_set else self.last_service or own
        return inbox.url if inbox.method == "POST" and inbox.url and not inbox.elsewhere else None

    def list_numbers(self, account, asked):
        """Return the numbers with these digits in them; where any number is ours, the very one that is asked for."""
        known = self.store.numbers or ((asked,) if asked else self.store.our_numbers)
        return [self.number_resource(account, number) for number in known if asked in number]

    def number_of(self, sid):
        """Return the number that the SID names, or raise 20404."""
        for number in {*self.store.our_numbers, *self.numbers}:
            if number_sid(number) == sid:
                return number
        raise ApiError(NOT_FOUND, f"/IncomingPhoneNumbers/{sid}.json")

    def number(self, number):
        return self.numbers.setdefault(number, Inbox(self.url))

    def service(self, sid):
        return self.services.setdefault(sid, Inbox(self.url, elsewhere=False))

    def change(self, inbox, form, names):
        """Set what the form has; `names` are its fields for the URL, the method and what counts instead."""
        url, method, elsewhere = (form.get(name, [None])[0] for name in names)
        if method is not None and method not in METHODS:
            raise ApiError(20001, f"{names[1]} is GET or POST.")
        if url and not is_callable(url):
            raise ApiError(20001, f"{names[0]} is not a valid URL.")
        inbox.url = inbox.url if url is None else url
        inbox.method = method or inbox.method
        if elsewhere is not None:
            inbox.elsewhere = elsewhere == "true" if isinstance(inbox.elsewhere, bool) else elsewhere
        inbox.is_set, inbox.updated = True, time.time()

    def change_number(self, number, form):
        self.change(self.number(number), form, ("SmsUrl", "SmsMethod", "SmsApplicationSid"))

    def change_service(self, sid, form):
        self.last_service = self.service(sid)
        self.change(self.last_service, form, ("InboundRequestUrl", "InboundMethod", "UseInboundWebhookOnNumber"))

    def number_resource(self, account, number):
        """Return a number as Twilio's API shows it."""
        inbox, sid = self.number(number), number_sid(number)
        nothing = ("address_sid", "bundle_sid", "emergency_address_sid", "identity_sid", "trunk_sid")
        return {
            "sid": sid,
            "account_sid": account,
            "phone_number": number,
            "friendly_name": number,
            "api_version": API_VERSION,
            "address_requirements": "none",
            "beta": False,
            "capabilities": {"sms": True, "mms": True, "voice": False, "fax": False},
            "date_created": rfc2822(int(inbox.created)),
            "date_updated": rfc2822(int(inbox.updated)),
            "origin": "twilio",
            "status": "in-use",
            "sms_url": inbox.url,
            "sms_method": inbox.method,
            "sms_application_sid": inbox.elsewhere,
            "sms_fallback_url": "",
            "sms_fallback_method": "POST",
            "status_callback": "",
            "status_callback_method": "POST",
            "uri": f"/{API_VERSION}/Accounts/{account}/IncomingPhoneNumbers/{sid}.json",
            **dict.fromkeys(nothing),
        }

    def service_resource(self, account, sid):
        """Return a messaging service as Twilio's API shows it."""
        inbox = self.service(sid)
        return {
            "sid": sid,
            "account_sid": account,
            "friendly_name": "Sandbox",
            "date_created": iso8601(inbox.created),
            "date_updated": iso8601(inbox.updated),
            "inbound_request_url": inbox.url or None,
            "inbound_method": inbox.method,
            "use_inbound_webhook_on_number": inbox.elsewhere,
            "fallback_url": None,
            "fallback_method": "POST",
            "status_callback": None,
            "usecase": "undeclared",
            "url": f"https://messaging.twilio.com/v1/Services/{sid}",
            "links": {},
        }


def number_sid(number):
    """Return the SID of a number: always the same one, so that it need not be kept."""
    return "PN" + hashlib.sha256(number.encode()).hexdigest()[:32]


def iso8601(second):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))
