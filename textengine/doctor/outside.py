"""What the carrier finds where we say that we are: our public address, both webhooks, and pictures.

Asked from this machine by the public name, so that TLS and the proxy are in between, as they are for the carrier. A
firewall that lets this machine through, and others not, cannot be seen from here.
"""

import ipaddress
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core.files.storage import default_storage
from django.urls import reverse

from stories.models import StoryText
from subscribers.views import KEEPS_NOTHING
from textengine import carrier
from textengine.checks import is_twilio

from . import Finding, note, ok, wrong
from .asking import LONGEST, Unanswered, ask

# Signed, and about a message that nobody has sent: it is answered, and changes nothing.
NO_MESSAGE = {"MessageSid": "SM" + "0" * 32, "MessageStatus": "delivered", "AccountSid": "AC" + "0" * 32}


def look_at_address() -> Iterator[Finding]:
    """Look whether our web process answers at PUBLIC_URL, and whether that is where the carrier can reach it."""
    if is_twilio(settings.TWILIO_API_URL) and (private := private_addresses()):
        yield wrong("address", f"PUBLIC_URL leads to {private}, where Twilio cannot reach us.", "Give it a public one.")
        return
    try:
        answer = ask("GET", f"{settings.PUBLIC_URL}/healthz")
    except Unanswered as error:
        yield wrong("address", f"{settings.PUBLIC_URL} {error}.", "Start the web process; see DNS, TLS and the proxy.")
        return
    if answer.status == 200 and is_ours(answer.content):
        yield ok("address", f"{settings.PUBLIC_URL} answers.")
    else:
        words = f"{settings.PUBLIC_URL}/healthz answers {answer.status}, and not as Text-Engine does."
        yield wrong("address", words, "Have the proxy pass all paths to the web process, and PUBLIC_URL name it.")


def private_addresses() -> str:
    """Return to which addresses PUBLIC_URL leads, if none of them is public; empty otherwise."""
    parts = urlsplit(settings.PUBLIC_URL)
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(parts.hostname, parts.port or 443)}
    except OSError:
        return ""
    return "" if any(ipaddress.ip_address(address).is_global for address in found) else ", ".join(sorted(found))


def is_ours(content: bytes) -> bool:
    try:
        return "status" in json.loads(content)
    except (ValueError, TypeError):
        return False


def look_at_webhooks() -> Iterator[Finding]:
    """Look whether what the carrier signs is let in by both webhooks, and what nobody signed is not."""
    url = settings.PUBLIC_URL + reverse("twilio-status")
    inbound = settings.PUBLIC_URL + reverse("twilio-inbound")
    try:
        signed = ask("POST", url, NO_MESSAGE, **{"X-Twilio-Signature": carrier.signature(url, NO_MESSAGE)})
        refused = [ask("POST", address, NO_MESSAGE).status for address in (url, inbound)]
    except Unanswered as error:
        yield wrong("webhooks", f"{url} {error}.", "See what stands under “address”.")
        return
    if signed.status == 403:
        words = "what the carrier signs is refused."
        mend = "Give the web process the PUBLIC_URL and TWILIO_AUTH_TOKEN of here, and have the proxy keep the path."
        yield wrong("webhooks", words, mend)
    elif signed.status == 503 and KEEPS_NOTHING in signed.content.decode(errors="replace"):
        yield wrong("webhooks", "what the carrier signs cannot be kept now.", "See what stands under “database”.")
    elif signed.status != 204:
        words = f"{url} answers {signed.status}"
        if leads_to := signed.headers.get("Location"):
            words += f" and leads to {leads_to}, where a text would be lost"
        yield wrong("webhooks", f"{words}.", "Have the proxy pass POSTs below /twilio/ to the web process as they are.")
    elif refused != [403, 403]:
        yield wrong("webhooks", "what nobody signed is let in.", "Something else answers there: see the proxy.")
    else:
        yield ok("webhooks", "what is signed is let in, and nothing else.")


def look_at_pictures() -> Iterator[Finding]:
    """Fetch the picture that was uploaded last, by HEAD and by GET, as the carrier does."""
    text = StoryText.objects.exclude(media="").order_by("pk").last()
    if text is None:
        yield ok("pictures", "none was uploaded yet.")
        return
    if not default_storage.exists(text.media.name):
        yield wrong("pictures", f"{text.media.name} is gone.", "See MEDIA_ROOT or MEDIA_STORAGE; restore the pictures.")
        return
    url = text.picture_url
    try:
        answers = [ask(method, url) for method in ("HEAD", "GET")]
    except Unanswered as error:
        yield wrong("pictures", f"{url} {error}.", "The carrier has to reach this address.")
        return
    for answer in answers:
        kind = answer.headers.get_content_type()
        if answer.status != 200 or not kind.startswith("image/"):
            words = f"{url} answers {answer.status} with {kind}."
            yield wrong("pictures", words, "Anybody has to be able to fetch it, by HEAD and by GET, as a picture.")
            return
    if len(answers[1].content) > LONGEST:
        yield note(
            "pictures", f"{url} has more than 5 MB, which the carrier refuses.", "Upload it anew: it is made small."
        )
    yield ok("pictures", "the carrier can fetch them.")
