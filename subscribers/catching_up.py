"""Taking in what readers texted while nothing of ours could hear it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain

from django.conf import settings

from textengine import carrier

from .inbound import InboundText, receive
from .models import Enrollment, Erasure, Message

# So much of the past is asked for at once, and held in memory.
PIECE = timedelta(hours=1)
# By so much pieces overlap: carriers count whole seconds, and not all of them count a piece's first and last one.
SECOND = timedelta(seconds=1)


def catch_up(since: datetime, now: datetime) -> int:
    """Take in the texts to us that the carrier has had from then until now, and that we do not know; return how many.

    Each is taken as if its webhook had come when the carrier had it, so that a reader's stories begin then, and a stop
    counts from then. May run at any time, and again: a text acts once. Raises CarrierError when the carrier cannot say.
    """
    numbers = our_numbers()
    return sum(take_in(unknown(numbers, begin - SECOND, begin + PIECE)) for begin in beginnings(since, now))


def beginnings(since: datetime, now: datetime) -> Iterator[datetime]:
    """Return when each piece of the time between these begins."""
    while since < now:
        yield since
        since += PIECE


def unknown(numbers: set[str], since: datetime, until: datetime) -> list[carrier.Received]:
    """Return the texts to these numbers that the carrier had between then and then, and we did not, oldest first."""
    found = list(chain(*carrier.gather(carrier.received(number, since, until) for number in numbers)))
    sids = [text.sid for text in found]
    known = {
        sid for model in (Message, Erasure) for sid in model.objects.filter(sid__in=sids).values_list("sid", flat=True)
    }
    return sorted((text for text in found if text.sid not in known), key=lambda text: text.at)


def take_in(texts: list[carrier.Received]) -> int:
    """Receive these texts as if they came now; return how many of them had not come meanwhile."""
    return sum(
        receive(InboundText(text.sid, text.sender, text.number, text.body, text.media_urls), text.at) for text in texts
    )


def our_numbers() -> set[str]:
    """Return the numbers that readers may have texted: the one that is set, and those that they have texted before."""
    numbers = {settings.TWILIO_NUMBER, *Enrollment.objects.order_by().values_list("number", flat=True).distinct()}
    return numbers - {""}
