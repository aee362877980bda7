"""Saying what the system says by itself: messages without a step, in the same queue as all others."""

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings

from stories.models import Story
from textengine import traces
from textengine.database import run_sql

from .models import Enrollment
from .wording import OCCASIONS, Kind, filled

logger = logging.getLogger(__name__)

HOUR = timedelta(hours=1)
COUNTED_ALONE = (Kind.HELP, Kind.STOPPED)
OFFERED_MAX = 3
# How far what we say is ahead of the text that follows it, so that it comes first.
AHEAD = timedelta(seconds=3)

# The newsroom's words in the language of the story that this reader began last (“de” for one in “de-CH”, if there are
# none in that), else in its own.
WORDS = """
SELECT body FROM subscribers_systemtext WHERE kind = %(kind)s AND (language = '' OR (
    SELECT s.language FROM subscribers_enrollment e JOIN stories_story s ON s.id = e.story_id
    WHERE e.subscriber_id = %(subscriber)s AND e.pace IS NULL ORDER BY e.id DESC LIMIT 1) || '-' LIKE language || '-%%')
ORDER BY language DESC LIMIT 1
"""
# Nothing for a number that has had its answers for this hour: it may be a machine that answers to ours. What the law
# asks for is not lost to other answers: it is counted by itself.
SAY = """
INSERT INTO subscribers_message (direction, status, subscriber_id, number, story_id, automatic, body, media_urls,
    trace, due_at, created_at, sender, reason, attempts, lease_owner)
SELECT 'outbound', 'scheduled', %(subscriber)s, %(number)s, %(story)s, %(automatic)s, %(body)s, %(media_urls)s,
    CAST(%(trace)s AS varchar), %(due_at)s, %(now)s, '', '', 0, ''
WHERE (SELECT COUNT(*) FROM subscribers_message
    WHERE subscriber_id = %(subscriber)s AND NOT (automatic = '') AND created_at > %(hour_ago)s
        AND %(counted_alone)s IN ('', automatic)) < %(limit)s
RETURNING id
"""


def words(kind: Kind, subscriber: int) -> str:
    """Return the words of this occasion for a reader, with placeholders; empty where nothing is to be said."""
    found = run_sql(WORDS, kind=kind, subscriber=subscriber)
    return found[0][0] if found else OCCASIONS[kind].default


def answer(subscriber: int, number: str, kind: Kind, now: datetime, values: Mapping[str, str] | None = None) -> None:
    """Say to this reader, from our `number`, what there is to say on this occasion."""
    body = words(kind, subscriber)
    values = dict(values or {})
    if "{offers}" in body:
        values["offers"] = offers(subscriber, number)
    say(subscriber, number, kind, filled(body, values), now)


def say(
    subscriber: int,
    number: str,
    automatic: str,
    body: str,
    now: datetime,
    media_urls: list[str] | None = None,
    story: int | None = None,
    due_at: datetime | None = None,
) -> None:
    """Schedule a message that the system sends by itself, for now by default; `automatic` says which.

    Without words there is no message.

    A hold on `story` holds it, as one on everything holds whatever we say.
    """
    if not body and not media_urls:
        return
    said = run_sql(
        SAY,
        subscriber=subscriber,
        number=number,
        story=story,
        automatic=automatic,
        body=body,
        media_urls=json.dumps(media_urls or []),
        trace=traces.current(),
        due_at=due_at or now,
        now=now,
        hour_ago=now - HOUR,
        limit=settings.ANSWERS_PER_HOUR,
        counted_alone=automatic if automatic in COUNTED_ALONE else "",
    )
    if said:
        logger.info("answer.scheduled id=%s kind=%s subscriber=%s", said[0][0], automatic, subscriber)
    else:
        logger.warning(
            "answer.withheld kind=%s subscriber=%s limit=%s", automatic, subscriber, settings.ANSWERS_PER_HOUR
        )


def offers(subscriber: int, number: str) -> str:
    """Return a few stories that this reader has not had, with the keywords that start them at our `number`."""
    stories = Story.objects.readable().filter(number__in=["", number]).exclude(keyword=None)
    had = Enrollment.objects.readers().filter(subscriber=subscriber)
    unread = stories.exclude(pk__in=had.values("story")).order_by("-weight", "title")[:OFFERED_MAX]
    return ", ".join(f"{story.keyword} ({story.title})" for story in unread)
