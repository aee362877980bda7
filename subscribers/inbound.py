"""What a reader's text does: it is kept, and it may start a story, stop everything, or take a stop back."""

import json
import logging
import random
from dataclasses import dataclass, field
from datetime import datetime

import phonenumbers
from django.db import connection

from stories.keywords import HELP_WORDS, START_WORDS, STOP_WORDS, normalize
from textengine.database import retried_at_once, run_sql

from . import consent
from .models import Subscriber, masked
from .scheduling import schedule_first

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InboundText:
    """A text as it came: `sender` is a phone number in E.164, or whatever else the carrier names as sender."""

    sid: str
    sender: str
    number: str
    body: str
    media_urls: list[str] = field(default_factory=list)


FIND_READER = "SELECT id, opted_out_at FROM subscribers_subscriber WHERE phone_number = %(phone_number)s"
ADD_READER = """
INSERT INTO subscribers_subscriber (phone_number, time_zone, created_at) VALUES (%(phone_number)s, '', %(now)s)
ON CONFLICT DO NOTHING RETURNING id, opted_out_at
"""
KEEP = """
INSERT INTO subscribers_message (direction, status, subscriber_id, sender, number, body, media_urls, sid, created_at,
    reason, attempts, lease_owner)
VALUES ('inbound', 'received', %(subscriber)s, %(sender)s, %(number)s, %(body)s, %(media_urls)s, %(sid)s, %(now)s,
    '', 0, '')
ON CONFLICT DO NOTHING RETURNING id
"""
# The story of a keyword, and whether this reader is in it. Here and below, stories are Story.objects.readable() and
# enrollments Enrollment.LIVE.
BY_KEYWORD = """
SELECT s.id, EXISTS (
    SELECT 1 FROM subscribers_enrollment e
    WHERE e.story_id = s.id AND e.subscriber_id = %(subscriber)s AND e.status IN ('active', 'paused'))
FROM stories_story s
WHERE s.keyword = %(word)s AND s.status = 'published'
    AND EXISTS (SELECT 1 FROM stories_storytext t WHERE t.story_id = s.id)
"""
# What a reader who is in no story has not had yet.
UNREAD = """
SELECT s.id, s.weight FROM stories_story s
WHERE s.status = 'published' AND s.weight > 0
    AND EXISTS (SELECT 1 FROM stories_storytext t WHERE t.story_id = s.id)
    AND NOT EXISTS (
        SELECT 1 FROM subscribers_enrollment e
        WHERE e.subscriber_id = %(subscriber)s AND (e.story_id = s.id OR e.status IN ('active', 'paused')))
"""
ENROLL = """
INSERT INTO subscribers_enrollment (subscriber_id, story_id, number, created_at, status, step, reason)
VALUES (%(subscriber)s, %(story)s, %(number)s, %(now)s, 'active', 0, '') RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who texted us, locked: the subscriber's id, and whether there is an opt-out."""

    subscriber: int
    opted_out: bool


def receive(text: InboundText, now: datetime) -> None:
    """Keep an inbound text and do what it asks for, once for each SID.

    1. Keep it; where its SID is there already, or comes at the same moment, that is all.
    2. A sender that is no phone number cannot read: nothing more.
    3. STOP and START act at once; while a reader is stopped, nothing but START does.
    4. HELP is the carrier's to answer.
    5. The keyword of a story starts it; without one, a reader who is in no story gets one of those not yet had.
    """
    if keep_and_act(text, phone_number(text.sender), normalize(text.body), now):
        logger.info("message.received sid=%s from=%s", text.sid, masked(text.sender))
    else:
        logger.info("message.repeated sid=%s", text.sid)


@retried_at_once
def keep_and_act(text: InboundText, number: str, word: str, now: datetime) -> bool:
    """Do what receive() says in one transaction; return whether this SID comes for the first time.

    `number` is the sender's in E.164, empty for one who cannot be texted; `word` is the text as keywords are compared.
    """
    reader = find_or_make_reader(number, now) if number else None
    kept = run_sql(
        KEEP,
        subscriber=reader and reader.subscriber,
        sender="" if reader else text.sender,
        number=text.number,
        body=text.body,
        media_urls=json.dumps(text.media_urls),
        sid=text.sid,
        now=now,
    )
    if kept and reader:
        act(reader, word, text.number, now)
    return bool(kept)


def find_or_make_reader(number: str, now: datetime) -> Reader:
    """Return the reader with this number, locked."""
    lock = " FOR NO KEY UPDATE" if connection.features.has_select_for_update else ""
    found = run_sql(FIND_READER + lock, phone_number=number) or run_sql(ADD_READER, phone_number=number, now=now)
    # Another text of a new reader may have come at the same moment.
    [(subscriber, opted_out_at)] = found or run_sql(FIND_READER + lock, phone_number=number)
    return Reader(subscriber, bool(opted_out_at))


def phone_number(sender: str) -> str:
    """Return the number of a `sender` that can be texted, in E.164; lenient about ranges newer than our tables.

    Empty for a short code, a name, or what is no number at all.
    """
    try:
        number = phonenumbers.parse(sender)
    except phonenumbers.NumberParseException:
        return ""
    possible = sender.startswith("+") and phonenumbers.is_possible_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if possible else ""


def act(reader: Reader, word: str, number: str, now: datetime) -> None:
    """Do what this word, texted to our `number`, asks for."""
    if word in STOP_WORDS:
        consent.opt_out(Subscriber.objects.get(pk=reader.subscriber), now, f"the reader texted {word}")
    elif reader.opted_out:
        if word in START_WORDS:
            consent.opt_in(Subscriber.objects.get(pk=reader.subscriber), now)
    elif word in HELP_WORDS:
        return
    elif story := choose_story(reader.subscriber, word):
        enroll(reader.subscriber, story, number, now)


def choose_story(subscriber: int, word: str) -> int | None:
    """Return the story that a text starts; None where it starts none."""
    for story, is_reading in run_sql(BY_KEYWORD, subscriber=subscriber, word=word) if word else ():
        return None if is_reading else story
    unread = run_sql(UNREAD, subscriber=subscriber)
    return random.choices(*zip(*unread, strict=True))[0] if unread else None  # noqa: S311


def enroll(subscriber: int, story: int, number: str, now: datetime) -> None:
    """Start a story for this reader, who texted our `number`: its first text is scheduled, counted from `now`."""
    [(enrollment,)] = run_sql(ENROLL, subscriber=subscriber, story=story, number=number, now=now)
    schedule_first(enrollment, now)
    logger.info("enrollment.started id=%s story=%s subscriber=%s", enrollment, story, subscriber)
