"""Letting readers sleep: what would leave in its reader's quiet hours waits for their end."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from stories.quiet import by_day, quiet_hours_of
from textengine.database import read, update_rows

from .models import Message, Subscriber, zone_of

logger = logging.getLogger(__name__)

# So late a message still counts as sent at its moment: an evening's last texts are not kept for a slow minute.
PUNCTUAL = timedelta(minutes=1)
# Readers are looked up once it is settled which few messages are taken: joined before that, all readers who have one
# due would be. A message without a story, such as an answer, keeps the newsroom's hours.
CANDIDATES = """
WITH due (id, due_at, at_any_hour, story_id, subscriber_id) AS ({due})
SELECT id, due_at, at_any_hour, COALESCE((SELECT s.quiet FROM stories_story s WHERE s.id = story_id), ''),
    (SELECT r.heard_at FROM subscribers_subscriber r WHERE r.id = subscriber_id),
    (SELECT r.time_zone FROM subscribers_subscriber r WHERE r.id = subscriber_id),
    (SELECT r.phone_number FROM subscribers_subscriber r WHERE r.id = subscriber_id)
FROM due ORDER BY due_at, id
"""


class Candidate(NamedTuple):
    """A message that is due, and what says whether its reader may be asleep."""

    message: int
    due_at: datetime
    at_any_hour: bool
    quiet: str
    heard_at: datetime | None
    time_zone: str
    phone_number: str

    def moment(self, now: datetime) -> datetime:
        """Return when this is to leave, seen from `now`: as soon as can be, or at the end of the quiet hours."""
        leaves_at = max(self.due_at, now - PUNCTUAL)
        hours = None if self.at_any_hour else quiet_hours_of(self.quiet)
        if hours is None:
            return leaves_at
        return by_day(leaves_at, zone_of(self.time_zone, self.phone_number), hours, self.heard_at)


def candidates_of(due: QuerySet[Message]) -> list[Candidate]:
    """Run this query of messages, which says how many are taken; return them, the oldest first."""
    try:
        sql, values = due.values_list(
            "pk", "due_at", "at_any_hour", "story_id", "subscriber_id"
        ).query.sql_with_params()
    except EmptyResultSet:
        return []
    with connection.cursor() as cursor:
        cursor.execute(CANDIDATES.format(due=sql), values)
        return [
            Candidate(
                pk, read(Message, "due_at", due_at), at_any_hour, quiet, read(Subscriber, "heard_at", heard), *zone
            )
            for pk, due_at, at_any_hour, quiet, heard, *zone in cursor
        ]


def let_sleep(candidates: Iterable[Candidate], now: datetime) -> list[int]:
    """Put off what would wake a reader, to the end of the quiet hours; return the ids of the others, in their order.

    Whatever is late comes by here: after an outage, a hold, a full queue, an error. The caller has locked the messages.
    """
    awake, put_off = [], []
    for candidate in candidates:
        moment = candidate.moment(now)
        if moment > max(candidate.due_at, now):
            put_off.append((candidate.message, moment))
        else:
            awake.append(candidate.message)
    update_rows(Message, ["due_at"], put_off)
    if put_off:
        logger.info("messages.put_off count=%s", len(put_off))
    return awake
