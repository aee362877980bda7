"""What a reader's text does: it is kept, and it may start a story, stop everything, or take a stop back."""

import logging
import random
from dataclasses import dataclass, field
from datetime import datetime

import phonenumbers

from stories.keywords import HELP_WORDS, START_WORDS, STOP_WORDS, normalize
from stories.models import Story
from textengine.database import insert_rows, retried_at_once

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

    1. Keep it; where its SID is there already, or comes at the same moment, that is all.
    2. A sender that is no phone number cannot read: nothing more.
    3. STOP and START act at once; while a reader is stopped, nothing but START does.
    4. HELP is the carrier's to answer.
    5. The keyword of a story starts it; without one, a reader who is in no story gets one of those not yet had.
    """
    subscriber = find_or_make_subscriber(text.sender) if is_phone_number(text.sender) else None
    kept = insert_rows(
        Message,
        ["sid"],
        [(text.sid,)],
        direction=Message.Direction.INBOUND,
        status=Message.Status.RECEIVED,
        subscriber=subscriber,
        sender="" if subscriber else text.sender,
        number=text.number,
        body=text.body,
        media_urls=text.media_urls,
    )
    if not kept:
        logger.info("message.repeated sid=%s", text.sid)
        return
    logger.info("message.received sid=%s from=%s", text.sid, masked(text.sender))
    if subscriber:
        act(subscriber, text, now)


def find_or_make_subscriber(phone_number: str) -> Subscriber:
    """Return the reader with this number, locked."""
    with_number = Subscriber.objects.filter(phone_number=phone_number).locked()
    subscriber = with_number.first()
    if subscriber is None:
        insert_rows(Subscriber, ["phone_number"], [(phone_number,)])
        subscriber = with_number.get()
    return subscriber


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
