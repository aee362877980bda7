"""What one number, one minute and one day may cost, so that whoever texts from a thousand numbers costs a known sum.

No limit counts what is there: of a reader a few rows are looked at, and for everybody one row is written.
"""

import logging
import time
from datetime import UTC, datetime, timedelta

from django.conf import settings

from textengine.database import run_sql

from .holds import stop_everything
from .models import Enrollment, Message
from .models.brakes import newsroom_day

logger = logging.getLogger(__name__)

DAY = timedelta(days=1)
TOO_MANY = "this number has begun as many stories within a day as it may (STORIES_PER_DAY)"

SPEND = """
INSERT INTO subscribers_spentday (day, segments) VALUES (%(day)s, %(segments)s)
ON CONFLICT (day) DO UPDATE SET segments = subscribers_spentday.segments + excluded.segments RETURNING segments
"""
# A gate at which nobody came for a minute lets a minute's worth through at once. It begins anew where it was last asked
# by a clock that was ahead; one that waited for the row, or two machines, may be some seconds apart.
TURN = """
INSERT INTO subscribers_gate (id, free_at, asked_at) VALUES (1, %(now)s - 60 + %(step)s, %(now)s)
ON CONFLICT (id) DO UPDATE SET asked_at = excluded.asked_at, free_at = %(step)s + CASE
    WHEN subscribers_gate.asked_at < %(now)s + 60 AND subscribers_gate.free_at > %(now)s - 60
    THEN subscribers_gate.free_at ELSE %(now)s - 60 END
RETURNING free_at
"""


def has_begun_enough(subscriber: int, now: datetime) -> bool:
    """Tell whether this reader, who is locked, has begun as many stories within a day as one may."""
    begun = Enrollment.objects.readers().filter(subscriber=subscriber, created_at__gt=now - DAY)
    return begun.count() >= settings.STORIES_PER_DAY


def refuse(message: int) -> None:
    """Say on a reader's text, of this id, why no story began; the reader gets no answer, which would cost as much."""
    Message.objects.filter(pk=message).update(reason=TOO_MANY)
    logger.warning("enrollment.refused message=%s limit=%s", message, settings.STORIES_PER_DAY)


def turn(now: datetime) -> datetime:
    """Return when one more story may begin: now, or in line where more want to than ENROLLMENTS_PER_MINUTE.

    Nobody is turned away: most who come at once come since a keyword was on the air. Others wait for the row until the
    transaction is over.
    """
    if not settings.ENROLLMENTS_PER_MINUTE:
        return now
    # By the clock: of a text that is taken in late `now` is the moment when it was sent.
    [(free_at,)] = run_sql(TURN, now=time.time(), step=60 / settings.ENROLLMENTS_PER_MINUTE)
    return max(now, datetime.fromtimestamp(free_at, UTC))


def spend(segments: int, now: datetime) -> None:
    """Count segments that the carrier took; put the brake on whenever another DAILY_SEGMENTS of a day are used up.

    Whoever releases it allows as many again. Call it last in a transaction, since others wait for the row.
    """
    if not settings.DAILY_SEGMENTS or not segments:
        return
    [(spent,)] = run_sql(SPEND, day=newsroom_day(now).isoformat(), segments=segments)
    if spent // settings.DAILY_SEGMENTS > (spent - segments) // settings.DAILY_SEGMENTS:
        stop_everything(
            f"{spent:,} segments went out today, and DAILY_SEGMENTS is {settings.DAILY_SEGMENTS:,}. "
            "Releasing this hold lets as many go out again."
        )
