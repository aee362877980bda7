"""The day's counts where they are too many to count while somebody looks: made by the cluster, kept with their time."""

import time
from datetime import datetime, timedelta

from django.db.models import Q
from django_q.tasks import async_task

from ..models import DayCount
from .counting import DAY, Counts, count, moved, reading

# So many messages in two days, or readers, are counted whenever somebody looks: in less than a tenth of a second.
FEW = 5_000
# How old counts may be: some seconds, or ten times as long as they took.
FRESH, TIMES = timedelta(seconds=20), 10
# A count of which nothing was heard for so long is dead.
DEAD = timedelta(minutes=2)


def counts(now: datetime) -> tuple[Counts | None, datetime | None]:
    """Return the day's counts, and from when they are where that is not `now`; nothing where none were made yet."""
    if not are_many(now):
        return count(now), None
    kept, _ = DayCount.objects.get_or_create(pk=1)
    if is_stale(kept, now) and claim(kept, now):
        async_task("subscribers.tasks.count_day")
    return (kept.counts if kept.counted_at else None), kept.counted_at


def are_many(now: datetime) -> bool:
    messages = moved(now - DAY, now + DAY).order_by("moment")
    readers = reading().order_by("status", "-created_at", "-pk")
    return any(found.values("pk")[FEW : FEW + 1].exists() for found in (messages, readers))


def is_stale(kept: DayCount, now: datetime) -> bool:
    return kept.counted_at is None or now - kept.counted_at > max(FRESH, TIMES * timedelta(seconds=kept.seconds))


def claim(kept: DayCount, now: datetime) -> bool:
    """Begin a count, unless one is under way."""
    free = DayCount.objects.filter(Q(begun_at=None) | Q(begun_at__lt=now - DEAD), pk=kept.pk)
    return bool(free.update(begun_at=now))


def make(now: datetime) -> None:
    """Count, and keep that."""
    began = time.monotonic()
    made = count(now)
    seconds = time.monotonic() - began
    DayCount.objects.filter(pk=1).update(counts=made, counted_at=now, seconds=seconds, begun_at=None)
