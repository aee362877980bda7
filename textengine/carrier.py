"""The only door to Twilio: send, find, verify a signature.

Only this module imports `twilio`, and carrier_http, which carries its requests. It knows nothing of models; it speaks
of numbers, bodies and SIDs.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import import_module

import aiohttp
from django.conf import settings
from django.http import HttpRequest
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.request_validator import RequestValidator, get_signature_algorithm
from twilio.rest import Client

from .carrier_codes import Action, action_for
from .carrier_http import CarrierHttpClient, TooLate, event_loop, gather, not_after, trusted

__all__ = ["event_loop", "gather"]

# A trial account puts this before every body; a message is looked up by its body.
TRIAL_PREFIX = "Sent from your Twilio trial account - "
# Behind a webhook's address it has Twilio try again also when we answer with an error, as the proxy does while the web
# process is being restarted: https://www.twilio.com/docs/usage/webhooks
WEBHOOK_RETRIES = "#rc=3&rp=all"

# For how many seconds a message is being erased, until it is tried again later: a task must be over in time.
ERASE_WITHIN = 10

# What is raised when the request cannot have reached the carrier.
NEVER_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
# What the library and its parsers raise about an answer that is none: time-outs, dropped connections, odd JSON.
NO_USABLE_ANSWER = (
    aiohttp.ClientError,
    TimeoutError,
    OSError,
    TwilioException,
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
)


class CarrierError(Exception):
    """The carrier did not accept a message, or may not have."""

    def __init__(self, action: Action, reason: str, code: int | None = None):
        super().__init__(reason)
        self.action, self.reason, self.code = action, reason, code


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that the carrier has: `created_at` is the carrier's own time, aware."""

    sid: str
    body: str
    status: str
    segments: int | None
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Received:
    """A text that a reader sent to our `number`, as the carrier keeps it: `at` is the carrier's own time, aware."""

    sid: str
    sender: str
    number: str
    body: str
    media_urls: list[str]
    at: datetime


def preload() -> None:
    """Load what sending needs, which the library loads when it first sends: processes forked from this one share it."""
    import_module("twilio.rest.api")
    trusted()


async def send(
    *, to: str, sender: str, body: str, media_urls: list[str], status_callback: str, begin_until: float
) -> Accepted:
    """Create one message at the carrier; `sender` is our number, or empty for the configured sender.

    Creating is not idempotent: after an error whose action is LOOK_UP the message may exist. A process that stood
    still sends nothing any more after `begin_until`, a moment of time.monotonic(). Raises CarrierError.
    """
    not_after.set(begin_until)
    try:
        message = await client(settings.TWILIO_API_URL).messages.create_async(
            to=to, body=body, media_url=media_urls or None, status_callback=status_callback, **origin(sender)
        )
        if is_sid(message.sid):
            return accepted(message)
    except TwilioRestException as error:
        raise refusal(error) from error
    except TooLate as error:
        raise CarrierError(Action.RETRY, "the sending process stood still") from error
    except NEVER_CONNECTED as error:
        raise CarrierError(Action.SLOW_DOWN, "the carrier cannot be reached") from error
    except NO_USABLE_ANSWER as error:
        raise CarrierError(Action.LOOK_UP, f"no usable answer from the carrier ({type(error).__name__})") from error
    raise CarrierError(Action.LOOK_UP, "the carrier answered without a message")


async def find(*, to: str, sender: str, body: str, since: datetime) -> list[Accepted]:
    """Return the messages to `to` with this body that the carrier has created since then, oldest first.

    The carrier is asked without a date, since it filters by the date of sending, which a queued message does not
    have yet. Raises CarrierError when it cannot say.
    """
    filters = {"from_": sender} if sender else {}
    found = []
    with errors_in_our_words():
        messages = await client(settings.TWILIO_API_URL).messages.stream_async(to=to, page_size=100, **filters)
        async for message in messages:
            if not is_sid(message.sid):
                continue
            candidate = accepted(message)
            if candidate.created_at and candidate.created_at < since:
                break  # They come newest first.
            if candidate.body in (body, TRIAL_PREFIX + body) and str(message.direction).startswith("outbound"):
                found.append(candidate)
    return found[::-1]


async def received(number: str, since: datetime, until: datetime) -> list[Received]:
    """Return the texts to our `number` that the carrier had between then and then, oldest first.

    Raises CarrierError when it cannot say.
    """
    found = []
    with errors_in_our_words():
        messages = await client(settings.TWILIO_API_URL).messages.stream_async(
            to=number, date_sent_after=since.astimezone(UTC), date_sent_before=until.astimezone(UTC), page_size=100
        )
        async for message in messages:
            if message.direction == "inbound" and is_sid(message.sid):
                media = await message.media.list_async() if message.num_media not in ("0", None) else []
                urls = [settings.TWILIO_API_URL + each.uri.removesuffix(".json") for each in media]
                at = accepted(message).created_at or since
                found.append(Received(message.sid, message.from_ or "", number, message.body or "", urls, at))
    return found[::-1]


async def erase(sid: str, only_words: bool = False) -> None:
    """Have the carrier forget a message: its words, its media and, unless only those, that it was.

    Nothing happens if it is gone. Raises CarrierError while something of it is left, as long as the message is on its
    way.
    """
    message = client(settings.TWILIO_API_URL).messages(sid)
    with errors_in_our_words():
        try:
            async with asyncio.timeout(ERASE_WITHIN):
                await message.update_async(body="")
                for media in await message.media.list_async():
                    await message.media(media.sid).delete_async()
                if not only_words:
                    await message.delete_async()
        except TwilioRestException as error:
            if error.status != 404:
                raise


def signature(url: str, parameters: dict[str, str]) -> str:
    """Return what the carrier puts into X-Twilio-Signature of a POST of these parameters."""
    return RequestValidator(settings.TWILIO_AUTH_TOKEN).compute_signature(url, parameters)


def is_signed(request: HttpRequest) -> bool:
    """Tell whether the carrier signed this POST, for the address under which it reaches us."""
    signature = request.headers.get("X-Twilio-Signature")
    if not signature:
        return False
    algorithm = get_signature_algorithm(request.headers.get("X-Twilio-Webhooks-Signature-Settings"))
    url = settings.PUBLIC_URL + request.get_full_path()
    secrets = (settings.TWILIO_AUTH_TOKEN, *settings.TWILIO_WEBHOOK_SECRETS)
    return any(RequestValidator(secret).validate(url, request.POST, signature, algorithm) for secret in secrets)


def origin(sender: str) -> dict[str, str]:
    """Return from where a message goes out: our number `sender`, or the configured one; through the service, if any."""
    service, number = settings.TWILIO_MESSAGING_SERVICE_SID, sender or settings.TWILIO_NUMBER
    return ({"messaging_service_sid": service} if service else {}) | ({"from_": number} if number else {})


def sender_name(number: str) -> str:
    """Return by what the carrier limits a message from our `number`: the service that sends it, or the number."""
    return settings.TWILIO_MESSAGING_SERVICE_SID or number or settings.TWILIO_NUMBER


@contextmanager
def errors_in_our_words() -> Iterator[None]:
    """Raise CarrierError instead of what the Twilio library raises about a request that may be made once more."""
    try:
        yield
    except TwilioRestException as error:
        raise refusal(error) from error
    except NO_USABLE_ANSWER as error:
        raise CarrierError(Action.LOOK_UP, f"the carrier did not answer ({type(error).__name__})") from error


def refusal(error: TwilioRestException) -> CarrierError:
    """Return an error of the Twilio library in the project's words; what stands before the carrier has other codes."""
    code = error.code if isinstance(error.code, int) and 0 < error.code < 1_000_000 else None
    return CarrierError(action_for(code, error.status), clean(error.msg), code)


def is_sid(sid) -> bool:
    return isinstance(sid, str) and re.fullmatch(r"[0-9A-Za-z]{1,34}", sid) is not None


def accepted(message) -> Accepted:
    """Return a message of the Twilio library in the project's words."""
    created_at = message.date_created
    if created_at and created_at.tzinfo is None:
        created_at = created_at.replace(tzinfo=UTC)
    segments = str(message.num_segments)
    return Accepted(
        sid=message.sid,
        body=message.body or "",
        status=str(message.status or ""),
        segments=int(segments) if re.fullmatch(r"[0-9]{1,4}", segments) else None,
        created_at=created_at,
    )


def clean(reason: str) -> str:
    """Return the carrier's own words without the phone numbers that they may repeat."""
    words = re.sub(r"\+?\d{7,}", lambda number: f"…{number[0][-4:]}", str(reason))[:300]
    # As databases can keep them: PostgreSQL takes no NUL characters, and nobody halves of a surrogate pair.
    return words.replace("\0", "").encode(errors="replace").decode()


@cache
def client(api_url: str) -> Client:
    """Return this process's client of the Twilio library; to be called on the event loop, where it stays."""
    http_client = CarrierHttpClient(api_url)
    return Client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=http_client)


def media_of(parameters: dict[str, str]) -> list[str]:
    """Return the addresses of the media that an inbound webhook's parameters name."""
    # Python refuses to read a number of thousands of digits; no text has a hundred pictures.
    count = re.fullmatch(r"[0-9]{1,2}", parameters.get("NumMedia", ""))
    names = (f"MediaUrl{index}" for index in range(min(int(count[0]), 10) if count else 0))
    # They become links on our pages: of addresses, those that lead to a picture and do nothing.
    return [parameters[name] for name in names if re.match(r"https?://", parameters.get(name, ""))]
