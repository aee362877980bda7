"""What a reader's text does: it is kept, and it may start a story, stop everything, or take a stop back."""

import logging
import random
from dataclasses import dataclass, field
from datetime import datetime

import phonenumbers

from stories.keywords import HELP_WORDS, START_WORDS, STOP_WORDS, normalize
from stories.models import Story
from textengine.database import retried_at_once

from . import consent
from .models import Enrollment, Message, Subscriber, masked
from .scheduling import schedule

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InboundText:
    """A text as it came: `sender` is a phone number in E.164, or whatever else the carrier names as sender."""

    sid: str
    sender: str
    number: str
    body: str
    media_urls: list[str] = field(default_factory=list)


@retried_at_once
def receive(text: InboundText, now: datetime) -> None:
    """Keep an inbound text and do what it asks for, once for each SID, in one transaction.

    1. Keep it, unless its SID is there already: of two at the same moment, the second is tried again and sees it.
    2. A sender that is no phone number cannot read: nothing more.
    3. STOP and START act at once; while a reader is stopped, nothing but START does.
    4. HELP is the carrier's to answer.
    5. The keyword of a story starts it; without one, a reader who is in no story gets one of those not yet had.
    """
    if Message.objects.filter(sid=text.sid).exists():
        logger.info("message.repeated sid=%s", text.sid)
        return
    subscriber = find_or_make_subscriber(text.sender)
    Message.objects.create(
        direction=Message.Direction.INBOUND,
        status=Message.Status.RECEIVED,
        subscriber=subscriber,
        sender="" if subscriber else text.sender,
        number=text.number,
        sid=text.sid,
        body=text.body,
        media_urls=text.media_urls,
    )
    logger.info("message.received sid=%s from=%s", text.sid, masked(text.sender))
    if subscriber:
        act(subscriber, text, now)


def find_or_make_subscriber(sender: str) -> Subscriber | None:
    """Return the reader with this number, locked; None for a short code or a name."""
    if not is_phone_number(sender):
        return None
    Subscriber.objects.get_or_create(phone_number=sender)
    return Subscriber.objects.locked().get(phone_number=sender)


def is_phone_number(sender: str) -> bool:
    """Tell whether a text can be sent to `sender`; lenient about ranges that are newer than our tables."""
    try:
        return sender.startswith("+") and phonenumbers.is_possible_number(phonenumbers.parse(sender))
    except phonenumbers.NumberParseException:
        return False


def act(subscriber: Subscriber, text: InboundText, now: datetime) -> None:
    word = normalize(text.body)
    if word in STOP_WORDS:
        consent.opt_out(subscriber, now, f"the reader texted {word}")
    elif subscriber.opted_out_at:
        if word in START_WORDS:
            consent.opt_in(subscriber, now)
    elif word in HELP_WORDS:
        return
    elif story := choose_story(subscriber, word):
        enroll(subscriber, story, text.number, now)


def choose_story(subscriber: Subscriber, word: str) -> Story | None:
    """Return the story that a text starts; None where it starts none."""
    live = subscriber.enrollments.live()
    if word and (story := Story.objects.readable().filter(keyword=word).first()):
        return None if live.filter(story=story).exists() else story
    if live.exists():
        return None
    unread = list(Story.objects.readable().filter(weight__gt=0).exclude(enrollments__subscriber=subscriber))
    if not unread:
        return None
    return random.choices(unread, weights=[story.weight for story in unread])[0]  # noqa: S311


def enroll(subscriber: Subscriber, story: Story, number: str, now: datetime) -> Enrollment:
    """Start `story` for this reader, who texted our `number`: its first text is scheduled, counted from `now`."""
    enrollment = Enrollment.objects.create(subscriber=subscriber, story=story, number=number, created_at=now)
    schedule([enrollment], now)
    logger.info("enrollment.started id=%s story=%s subscriber=%s", enrollment.pk, story.pk, subscriber.pk)
    return enrollment
