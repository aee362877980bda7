"""What the carrier has set up for us: the account, our number or service, and where it takes what readers text.

It knows the Twilio library through carrier.py alone.
"""

from dataclasses import dataclass

from django.conf import settings

from .carrier import client, errors_in_our_words


@dataclass(frozen=True, slots=True)
class Account:
    """`status` is the carrier's word: active, suspended or closed."""

    name: str
    status: str
    is_trial: bool


@dataclass(frozen=True, slots=True)
class Inbox:
    """A number of ours, or a service, and where texts to it are taken: to `url`, unless it `leads_elsewhere`.

    `takes_texts` is None where that is not the inbox's to say.
    """

    sid: str
    name: str
    url: str
    method: str
    takes_texts: bool | None = None
    leads_elsewhere: str = ""

    @property
    def is_service(self) -> bool:
        return self.sid.startswith("MG")


async def account() -> Account:
    """Raises CarrierError, as all of these do."""
    with errors_in_our_words():
        found = await twilio().api.accounts(settings.TWILIO_ACCOUNT_SID).fetch_async()
        return Account(found.friendly_name or "", str(found.status), str(found.type).lower() == "trial")


async def number(phone_number: str) -> Inbox | None:
    """Return the inbox of a number; None where the account has no such number."""
    with errors_in_our_words():
        # It also finds numbers of which this is a part.
        numbers = await twilio().incoming_phone_numbers.list_async(phone_number=phone_number, page_size=100)
        for found in numbers:
            if found.phone_number == phone_number:
                elsewhere = f"the TwiML application {found.sms_application_sid}" if found.sms_application_sid else ""
                takes_texts = bool((found.capabilities or {}).get("sms"))
                return Inbox(
                    found.sid, phone_number, found.sms_url or "", found.sms_method or "", takes_texts, elsewhere
                )
    return None


async def service(sid: str) -> Inbox:
    with errors_in_our_words():
        found = await twilio().messaging.v1.services(sid).fetch_async()
        elsewhere = "the webhook of each of its numbers" if found.use_inbound_webhook_on_number else ""
        name = f"{found.friendly_name} ({sid})"
        return Inbox(sid, name, found.inbound_request_url or "", found.inbound_method or "", None, elsewhere)


async def take_texts_to(inbox: Inbox, url: str) -> None:
    """Have the carrier take all texts to this number or service to `url`."""
    with errors_in_our_words():
        if inbox.is_service:
            changed = {"inbound_request_url": url, "inbound_method": "POST", "use_inbound_webhook_on_number": False}
            await twilio().messaging.v1.services(inbox.sid).update_async(**changed)
        else:
            changed = {"sms_url": url, "sms_method": "POST", "sms_application_sid": ""}
            await twilio().incoming_phone_numbers(inbox.sid).update_async(**changed)


def twilio():
    return client(settings.TWILIO_API_URL)
