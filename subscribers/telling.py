"""How the newsroom is told: by e-mail, and as signed JSON to a webhook."""

import hashlib
import hmac
import json
import urllib.error
import urllib.request
from datetime import datetime
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage

from .models import Digest

TIMEOUT_SECONDS = 10


class NotDelivered(Exception):
    """What did not get through; the message says why, in words for whoever runs the newsroom's server."""


def channels() -> list[Digest.Channel]:
    """Return the ways by which the newsroom wants to be told."""
    wanted = {Digest.Channel.EMAIL: settings.DIGEST_EMAILS, Digest.Channel.WEBHOOK: settings.DIGEST_WEBHOOK}
    return [channel for channel, address in wanted.items() if address]


def mail(subject: str, body: str, name: str) -> None:
    """Send an e-mail; its `name` is the same for every try, so that a mail program shows one that came twice once."""
    headers = {"Message-ID": f"<{name}@{settings.PUBLIC_HOST}>"}
    try:
        EmailMessage(subject, body, to=settings.DIGEST_EMAILS, headers=headers).send()
    except (SMTPException, OSError) as error:
        raise NotDelivered(f"The mail server did not take it: {error}") from error


def post(payload: dict, now: datetime, **headers: str) -> None:
    """POST it as JSON, signed: HMAC-SHA256 by DIGEST_SECRET of the time stamp, a full stop and the body."""
    body = json.dumps(payload, ensure_ascii=False).encode()
    stamp = str(int(now.timestamp()))
    headers |= {
        "Content-Type": "application/json",
        "User-Agent": "Text-Engine",
        "X-Text-Engine-Timestamp": stamp,
        "X-Text-Engine-Signature": f"sha256={signature(stamp, body)}",
    }
    request = urllib.request.Request(settings.DIGEST_WEBHOOK, body, headers, method="POST")  # noqa: S310
    try:
        OPENER.open(request, timeout=TIMEOUT_SECONDS).close()
    except urllib.error.HTTPError as error:
        error.close()
        raise NotDelivered(f"The webhook answered {error.code}.") from error
    except OSError as error:
        raise NotDelivered(f"The webhook cannot be reached: {error}") from error


def signature(stamp: str, body: bytes) -> str:
    return hmac.new(settings.DIGEST_SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """What is meant for one address is told to no other."""

    def redirect_request(self, *args, **kwargs):
        return None


OPENER = urllib.request.build_opener(NoRedirects)
