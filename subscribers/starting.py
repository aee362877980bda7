"""Which story a reader begins, and beginning it."""

import logging
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from stories.models import Story
from stories.quiet import by_day, quiet_hours_of
from stories.timing import due_at
from stories.waits import Wait
from textengine.database import run_sql

from . import limits, replies
from .meaning import Keyword
from .models import Enrollment, zone_of
from .scheduling import insert_messages, wait_of
from .wording import OCCASIONS, Kind, filled

logger = logging.getLogger(__name__)

NO_LIMIT = 1_000_000

# A story as it begins: with its first text. Stories are Story.objects.readable() that start at the number of ours
# that was texted; enrollments are Enrollment.LIVE; a rehearsal, which has a pace, is none.
OPENING_COLUMNS = "s.weight, s.id, t.id, t.delay, t.days, t.at, s.quiet"
OPENINGS = """
FROM stories_story s JOIN stories_storytext t ON t.id = (
    SELECT id FROM stories_storytext WHERE story_id = s.id ORDER BY position LIMIT 1)
WHERE s.status = 'published' AND
"""
OPENING = f"SELECT {OPENING_COLUMNS} {OPENINGS} s.id = %(story)s"
# From what one is drawn, and those whose keywords are about as long as the text; whether the reader has had each (1) or
# is in it (2).
STORIES = f"""
SELECT s.keyword, (
    SELECT MAX(CASE WHEN e.status IN ('active', 'paused', 'waiting') THEN 2 ELSE 1 END)
    FROM subscribers_enrollment e
    WHERE e.subscriber_id = %(subscriber)s AND e.story_id = s.id AND e.pace IS NULL
), {OPENING_COLUMNS} {OPENINGS} s.number IN ('', %(number)s)
    AND (s.weight > 0 OR LENGTH(s.keyword) BETWEEN %(shortest)s AND %(longest)s)
"""  # noqa: S608
# The latter alone.
NEAR = """
SELECT s.keyword, s.id, EXISTS (
    SELECT 1 FROM subscribers_enrollment e
    WHERE e.subscriber_id = %(subscriber)s AND e.story_id = s.id AND e.status IN ('active', 'paused', 'waiting')
        AND e.pace IS NULL)
FROM stories_story s
WHERE s.status = 'published' AND s.number IN ('', %(number)s) AND LENGTH(s.keyword) BETWEEN %(shortest)s AND %(longest)s
    AND EXISTS (SELECT 1 FROM stories_storytext t WHERE t.story_id = s.id)
"""
# Nothing for who is in this story, or has begun as many within a day as one may; it waits in line where the reader is
# in as many as may be. With it come the words that welcome a new reader, in the story's language.
ENROLL = """
INSERT INTO subscribers_enrollment (subscriber_id, story_id, number, created_at, status, step, reason)
SELECT %(subscriber)s, %(story)s, %(number)s, %(now)s, CASE WHEN %(limit)s > (
    SELECT COUNT(*) FROM subscribers_enrollment e
    WHERE e.subscriber_id = %(subscriber)s AND e.status IN ('active', 'paused') AND e.pace IS NULL
) THEN 'active' ELSE 'waiting' END, 0, ''
WHERE (
    SELECT COUNT(*) FROM subscribers_enrollment e
    WHERE e.subscriber_id = %(subscriber)s AND e.created_at > %(day_ago)s AND e.pace IS NULL
) < %(a_day)s
ON CONFLICT DO NOTHING RETURNING id, status, (
    SELECT body FROM subscribers_systemtext WHERE kind = 'welcome' AND (language = '' OR (
        SELECT language FROM stories_story WHERE id = %(story)s) || '-' LIKE language || '-%%')
    ORDER BY language DESC LIMIT 1)
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who texted us, locked: the subscriber's id, and what stands there; `is_new` to any story.

    One who has asked to be forgotten may still be there; one who `was_made` just now was not. Whether remarks are
    answered is the newsroom's choice, read along since most texts are remarks. Nothing is said to one whom we are
    not `allowed` to text. The `text` is the id of the message that was kept; one who begins `by_editor` has not texted,
    and the limits of what texts may cost are not for these.
    """

    subscriber: int
    opted_out: bool
    time_zone: str
    phone_number: str
    forgotten: bool = False
    was_made: bool = False
    is_new: bool = False
    remarks_are_answered: bool = False
    allowed: bool = True
    text: int | None = None
    by_editor: bool = False

    @property
    def zone(self) -> ZoneInfo:
        return zone_of(self.time_zone, self.phone_number)


@dataclass(frozen=True, slots=True)
class Opening:
    """A story as it begins: its first text, and what the database says of that one's wait.

    `had` is None where this reader has not had it, and 2 for who is in it.
    """

    weight: int
    story: int
    text: int
    delay: Any
    days: int | None
    at: Any
    quiet: str
    keyword: str | None = None
    had: int | None = None

    @property
    def wait(self) -> Wait:
        return wait_of(self.delay, self.days, self.at)


def stories_for(reader: Reader, number: str, word: str) -> list[Opening]:
    """Return the stories from which one may be drawn, and those whose keywords this word may be, misspelt."""
    rows = run_sql(STORIES, subscriber=reader.subscriber, number=number, **lengths_near(word))
    return [Opening(*row, keyword, had) for keyword, had, *row in rows]


def near_keywords(reader: Reader, number: str, word: str) -> dict[str, Keyword]:
    """Return the keywords that this word may be, misspelt."""
    rows = run_sql(NEAR, subscriber=reader.subscriber, number=number, **lengths_near(word))
    return {keyword: Keyword(story, bool(reading)) for keyword, story, reading in rows}


def lengths_near(word: str) -> dict[str, int]:
    return {"shortest": len(word) - 1, "longest": len(word) + 1}


def begin_story(reader: Reader, story: int, openings: list[Opening], number: str, now: datetime) -> None:
    found = [opening for opening in openings if opening.story == story]
    for opening in found or [Opening(*row) for row in run_sql(OPENING, story=story)]:
        enroll(reader, opening, number, now)


def begin_any(reader: Reader, openings: list[Opening], number: str, now: datetime) -> None:
    """Begin one of the stories that this reader has not had; say so to whoever has had them all."""
    if opening := draw(openings):
        enroll(reader, opening, number, now)
    else:
        replies.answer(reader.subscriber, number, nothing_to_begin(reader, number), now)


def nothing_to_begin(reader: Reader, number: str) -> Kind:
    """Return what is said to one who gets no story: a new reader is told of keywords, if there are any."""
    if not reader.is_new:
        return Kind.ALL_READ
    by_keyword = Story.objects.readable().filter(number__in=["", number]).exclude(keyword=None)
    return Kind.NOTHING if not reader.remarks_are_answered and by_keyword.exists() else Kind.UNKNOWN


def draw(openings: list[Opening]) -> Opening | None:
    unread = [opening for opening in openings if opening.had is None and opening.weight]
    weights = [opening.weight for opening in unread]
    return random.choices(unread, weights)[0] if unread else None  # noqa: S311


def enroll(reader: Reader, opening: Opening, number: str, now: datetime) -> None:
    """Start a story for this reader, who texted our `number`: its first text is scheduled, counted from its turn."""
    begun = run_sql(
        ENROLL,
        subscriber=reader.subscriber,
        story=opening.story,
        number=number,
        now=now,
        limit=settings.MAX_STORIES_AT_ONCE or NO_LIMIT,
        day_ago=now - limits.DAY,
        a_day=NO_LIMIT if reader.by_editor else settings.STORIES_PER_DAY,
    )
    if not begun and is_kept_out(reader, opening.story, now):
        limits.refuse(reader.text)
    for enrollment, status, welcome in begun:
        if status == Enrollment.Status.WAITING:
            title = {"story": Story.objects.values_list("title", flat=True).get(pk=opening.story)}
            replies.answer(reader.subscriber, number, Kind.IN_LINE, now, title)
            continue
        turn = now if reader.by_editor else limits.turn(now)
        due = first_due(reader, opening, turn, now)
        if reader.is_new and greet(reader, opening.story, welcome, number, turn, now):
            due = max(due, turn + replies.AHEAD)
        insert_messages([(reader.subscriber, number, enrollment, opening.story, opening.text, 1, due, False)], now)
        logger.info("enrollment.started id=%s story=%s subscriber=%s", enrollment, opening.story, reader.subscriber)


def is_kept_out(reader: Reader, story: int, now: datetime) -> bool:
    """Tell whether this reader did not get the story because of the day's limit, and not for being in it."""
    if reader.by_editor or not limits.has_begun_enough(reader.subscriber, now):
        return False
    return not Enrollment.objects.readers().live().filter(subscriber=reader.subscriber, story=story).exists()


def first_due(reader: Reader, opening: Opening, turn: datetime, now: datetime) -> datetime:
    """Return when a story's first text comes to this reader, who has texted us now and whose turn it is then."""
    quiet = quiet_hours_of(opening.quiet)
    zone = reader.zone if opening.at or quiet else UTC
    return by_day(due_at(turn, opening.wait, zone), zone, quiet, heard_at=now)


def greet(reader: Reader, story: int, welcome: str | None, number: str, due: datetime, now: datetime) -> bool:
    """Welcome a new reader to a story, in the newsroom's words or (None) ours; return whether there are any."""
    body = OCCASIONS[Kind.WELCOME].default if welcome is None else welcome
    if body:
        title = Story.objects.values_list("title", flat=True).get(pk=story) if "{story}" in body else ""
        replies.say(
            reader.subscriber, number, Kind.WELCOME, filled(body, {"story": title}), now, story=story, due_at=due
        )
    return bool(body)
