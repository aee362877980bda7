"""Taking in what readers texted while nothing of ours could hear it."""

from datetime import datetime
from itertools import chain

from django.conf import settings

from textengine import carrier

from .inbound import InboundText, receive
from .models import Enrollment, Message


def catch_up(since: datetime) -> int:
    """Take in the texts to us that the carrier has had since then, and that we do not know; return how many.

    Each is taken as if its webhook had come when the carrier had it, so that a reader's stories begin then, and a stop
    counts from then. May run at any time, and again: a text acts once. Raises CarrierError when the carrier cannot say.
    """
    found = list(chain(*carrier.gather(carrier.received(number, since) for number in our_numbers())))
    known = set(Message.objects.filter(sid__in=[text.sid for text in found]).values_list("sid", flat=True))
    unknown = sorted((text for text in found if text.sid not in known), key=lambda text: text.at)
    for text in unknown:
        receive(InboundText(text.sid, text.sender, text.number, text.body, text.media_urls), text.at)
    return len(unknown)


def our_numbers() -> set[str]:
    """Return the numbers that readers may have texted: the one that is set, and those that they have texted before."""
    numbers = {settings.TWILIO_NUMBER, *Enrollment.objects.order_by().values_list("number", flat=True).distinct()}
    return numbers - {""}
