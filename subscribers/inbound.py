"""What a reader's text does: it is kept, and it may start a story, stop everything, or take a stop back."""

import json
import logging
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime

import phonenumbers

from stories.keywords import HELP_WORDS, START_WORDS, STOP_WORDS, normalize
from stories.timing import due_at
from stories.waits import Wait
from textengine.database import retried_at_once, run_sql

from . import answers, consent
from .models import Subscriber, masked, zone_of
from .scheduling import insert_messages, wait_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InboundText:
    """A text as it came: `sender` is a phone number in E.164, or whatever else the carrier names as sender."""

    sid: str
    sender: str
    number: str
    body: str
    media_urls: list[str] = field(default_factory=list)


# Locks the reader's row, whether it was there before or is made now.
READER = """
INSERT INTO subscribers_subscriber (phone_number, time_zone, created_at, heard_at)
VALUES (%(phone_number)s, '', %(now)s, %(now)s)
ON CONFLICT (phone_number) DO UPDATE SET heard_at = excluded.heard_at RETURNING id, opted_out_at, time_zone
"""
# With it comes what it asks for: the story whose keyword this is, whether the reader is in any story, and whether one
# may ask something. Here and below, stories are Story.objects.readable() and enrollments Enrollment.LIVE; a rehearsal,
# which has a pace, is none, but may ask.
KEEP = """
INSERT INTO subscribers_message (direction, status, subscriber_id, sender, number, body, media_urls, sid, created_at,
    reason, attempts, lease_owner)
VALUES ('inbound', 'received', %(subscriber)s, %(sender)s, %(number)s, %(body)s, %(media_urls)s, %(sid)s, %(now)s,
    '', 0, '')
ON CONFLICT DO NOTHING
RETURNING (
    SELECT s.id FROM stories_story s
    WHERE s.keyword = %(word)s AND s.status = 'published'
        AND EXISTS (SELECT 1 FROM stories_storytext t WHERE t.story_id = s.id)
), EXISTS (
    SELECT 1 FROM subscribers_enrollment e
    WHERE e.subscriber_id = %(subscriber)s AND e.status IN ('active', 'paused') AND e.pace IS NULL),
EXISTS (
    SELECT 1 FROM subscribers_enrollment e
    WHERE e.subscriber_id = %(subscriber)s AND e.status IN ('active', 'paused'))
"""
# A story as it begins: with its first text.
OPENINGS = """
SELECT s.weight, s.id, t.id, t.delay, t.days, t.at FROM stories_story s
JOIN stories_storytext t ON t.id = (
    SELECT id FROM stories_storytext WHERE story_id = s.id ORDER BY position LIMIT 1)
WHERE s.status = 'published' AND
"""
OPENING = f"{OPENINGS} s.id = %(story)s"
# What a reader has not had yet.
UNREAD = f"""{OPENINGS} s.weight > 0 AND NOT EXISTS (
    SELECT 1 FROM subscribers_enrollment e WHERE e.subscriber_id = %(subscriber)s AND e.story_id = s.id
        AND e.pace IS NULL)
"""  # noqa: S608
# Nothing for who is in this story.
ENROLL = """
INSERT INTO subscribers_enrollment (subscriber_id, story_id, number, created_at, status, step, reason)
VALUES (%(subscriber)s, %(story)s, %(number)s, %(now)s, 'active', 0, '') ON CONFLICT DO NOTHING RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who texted us, locked: the subscriber's id, and what stands there."""

    subscriber: int
    opted_out: bool
    time_zone: str
    phone_number: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a text asks for: the story whose keyword it is; and whether its reader is in any story by now.

    Whoever only rehearses one is in none, but may answer what it asks.
    """

    story: int | None
    reading: bool
    may_answer: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """A story's first text and its wait."""

    story: int
    text: int
    wait: Wait


def receive(text: InboundText, now: datetime) -> None:
    """Keep an inbound text and do what it asks for, once for each SID.

    1. Keep it; where its SID is there already, or comes at the same moment, that is all.
    2. A sender that is no phone number cannot read: nothing more.
    3. STOP and START act at once; while a reader is stopped, nothing but START does.
    4. HELP is the carrier's to answer.
    5. What a story that asked waits for is its answer.
    6. The keyword of a story starts it; without one, a reader who is in no story gets one of those not yet had.
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
    reader = lock_reader(number, now) if number else None
    kept = run_sql(
        KEEP,
        subscriber=reader and reader.subscriber,
        sender="" if reader else text.sender,
        number=text.number,
        body=text.body,
        media_urls=json.dumps(text.media_urls),
        sid=text.sid,
        now=now,
        word=word or None,
    )
    if kept and reader:
        act(reader, word, Asked(*kept[0]), text, now)
    return bool(kept)


def lock_reader(number: str, now: datetime) -> Reader:
    """Return the reader with this number, locked; make one who is new."""
    [(subscriber, opted_out_at, time_zone)] = run_sql(READER, phone_number=number, now=now)
    return Reader(subscriber, bool(opted_out_at), time_zone, number)


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


def act(reader: Reader, word: str, asked: Asked, text: InboundText, now: datetime) -> None:
    """Do what this text, which is `word` as keywords are compared, asks for."""
    if word in STOP_WORDS:
        consent.opt_out(Subscriber.objects.get(pk=reader.subscriber), now, f"the reader texted {word}")
    elif reader.opted_out:
        if word in START_WORDS:
            consent.opt_in(Subscriber.objects.get(pk=reader.subscriber), now)
    elif word in HELP_WORDS or is_answer(reader, asked, text.body, now):
        return
    elif opening := choose_story(reader.subscriber, asked):
        enroll(reader, opening, text.number, now)


def is_answer(reader: Reader, asked: Asked, body: str, now: datetime) -> bool:
    """Hand a text to the story that waits for an answer, if one does; return whether it was meant for it."""
    return asked.may_answer and answers.hear(reader.subscriber, body, now, means_more=bool(asked.story))


def choose_story(subscriber: int, asked: Asked) -> Opening | None:
    """Return the story that a text starts, if the reader is not in it; None where it starts none."""
    if asked.story:
        found = run_sql(OPENING, story=asked.story)
    else:
        found = [] if asked.reading else run_sql(UNREAD, subscriber=subscriber)
    # The only one is chosen whatever its weight.
    chosen = random.choices(found, [weight for weight, *_ in found]) if len(found) > 1 else found  # noqa: S311
    return next((Opening(story, text, wait_of(*wait)) for _, story, text, *wait in chosen), None)


def enroll(reader: Reader, opening: Opening, number: str, now: datetime) -> None:
    """Start a story for this reader, who texted our `number`: its first text is scheduled, counted from `now`."""
    begun = run_sql(ENROLL, subscriber=reader.subscriber, story=opening.story, number=number, now=now)
    for (enrollment,) in begun:
        zone = zone_of(reader.time_zone, reader.phone_number) if opening.wait.at else UTC
        due = due_at(now, opening.wait, zone)
        insert_messages([(reader.subscriber, number, enrollment, opening.story, opening.text, 1, due)], now)
        logger.info("enrollment.started id=%s story=%s subscriber=%s", enrollment, opening.story, reader.subscriber)
