"""Asking an address as the carrier does: without redirects, without a proxy, and with a list of trusted authorities."""

import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from urllib.parse import urlencode

from subscribers.telling import NoRedirects
from textengine.carrier_http import trusted

TIMEOUT = 10
# Of a picture, the carrier takes five megabytes.
LONGEST = 5_000_000


class Unanswered(Exception):
    """Nobody answered; the words say why, for behind "it"."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Message
    content: bytes


def ask(method: str, url: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
    """Return what is answered, whatever the status; raise Unanswered when nobody answers."""
    data = None if form is None else urlencode(form).encode()
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310
    try:
        with opener().open(request, timeout=TIMEOUT) as response:
            return Answer(response.status, response.headers, response.read(LONGEST + 1))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read(LONGEST))
    except (OSError, ValueError) as error:
        raise Unanswered(reason(error)) from error


def opener() -> urllib.request.OpenerDirector:
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted()), NoRedirects())
    return urllib.request.build_opener(*handlers)


def reason(error: Exception) -> str:
    cause = getattr(error, "reason", error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"has a certificate that cannot be trusted ({cause.verify_message})"
    if isinstance(cause, TimeoutError):
        return f"did not answer within {TIMEOUT} seconds"
    return f"cannot be reached ({getattr(cause, 'strerror', None) or cause})"
