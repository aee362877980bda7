"""What the carrier knows of us: the account, the number or service, and where it takes what readers text."""

import re
from collections.abc import Iterator

from django.conf import settings
from django.urls import reverse

from textengine import carrier_account
from textengine.carrier import WEBHOOK_RETRIES, CarrierError, gather
from textengine.carrier_account import Inbox
from textengine.carrier_codes import Action

from . import Finding, note, ok, wrong


def wanted() -> str:
    """Return where the carrier has to take what readers text."""
    return settings.PUBLIC_URL + reverse("twilio-inbound") + WEBHOOK_RETRIES


def look_at_account() -> Iterator[Finding]:
    """Look whether the credentials open an account that may send."""
    if not (settings.TWILIO_ACCOUNT_SID and settings.TWILIO_AUTH_TOKEN):
        yield wrong("account", "there are no credentials.", "Set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN.")
        return
    try:
        [account] = gather([carrier_account.account()])
    except CarrierError as error:
        if error.action is Action.HOLD:
            words, mend = f"the credentials are refused: {error.reason}.", "Set both as Twilio's console shows them."
        else:
            words, mend = f"cannot be asked: {error.reason}.", "See TWILIO_API_URL, DNS and the firewall."
        yield wrong("account", words, mend)
        return
    if account.status != "active":
        yield wrong("account", f"it is {account.status}.", "See what Twilio's console asks for.")
        return
    if account.is_trial:
        yield note("account", "a trial account puts its own line before texts, and knows few numbers.", "Upgrade it.")
    yield ok("account", f"{account.name} is active.")


def inboxes() -> list[Inbox | None]:
    """Return what takes in texts: our service, and our number; None for a number that the account does not have.

    Raises CarrierError.
    """
    asked = []
    if settings.TWILIO_MESSAGING_SERVICE_SID:
        asked.append(carrier_account.service(settings.TWILIO_MESSAGING_SERVICE_SID))
    if settings.TWILIO_NUMBER:
        asked.append(carrier_account.number(settings.TWILIO_NUMBER))
    return gather(asked)


def look_at_inboxes(found: list[Inbox | None]) -> Iterator[Finding]:
    """Look whether these can send, and take texts to us; of a number, the service's word counts where there is one."""
    by_service = bool(settings.TWILIO_MESSAGING_SERVICE_SID)
    for inbox in found:
        if inbox is None:
            words = f"the account has no {settings.TWILIO_NUMBER}."
            yield wrong("number", words, "Set TWILIO_NUMBER to one of its numbers, or buy this one.")
        elif inbox.takes_texts is False:
            yield wrong("number", f"{inbox.name} takes no texts.", "Take one with SMS.")
        elif by_service and not inbox.is_service:
            yield ok("number", f"{inbox.name} is there; the service says where its texts are taken.")
        else:
            yield look_at_url(inbox)


def look_at_url(inbox: Inbox) -> Finding:
    part, mend = ("service" if inbox.is_service else "number"), "Run manage.py doctor --fix, or set it in the console."
    if inbox.leads_elsewhere:
        return wrong(part, f"texts to {inbox.name} are taken to {inbox.leads_elsewhere}.", mend)
    if inbox.url.partition("#")[0] != wanted().partition("#")[0]:
        return wrong(part, f"texts to {inbox.name} are taken to {shown(inbox.url)}, not to {wanted()}.", mend)
    if inbox.method != "POST":
        return wrong(part, f"texts to {inbox.name} are taken here by {inbox.method}.", mend)
    if inbox.url != wanted():
        return note(part, f"texts to {inbox.name} are not brought again when we are being restarted.", mend)
    return ok(part, f"texts to {inbox.name} are taken to {inbox.url}.")


def shown(url: str) -> str:
    """Return an address without the login that it may have."""
    return re.sub(r"//[^/]*@", "//…@", url) or "nowhere"


def mended(found: list[Inbox | None]) -> list[Inbox]:
    """Have the carrier take texts here that it takes elsewhere; return what was changed. Raises CarrierError."""
    by_service = bool(settings.TWILIO_MESSAGING_SERVICE_SID)
    astray = [
        inbox
        for inbox in found
        if inbox
        and inbox.is_service == by_service
        and (inbox.url != wanted() or inbox.method != "POST" or inbox.leads_elsewhere)
    ]
    gather([carrier_account.take_texts_to(inbox, wanted()) for inbox in astray])
    return astray
