"""What editors do to passages: let them wait, go on, or end. Each in batches, each only where it is legal."""

from collections.abc import Callable, Collection
from datetime import datetime

from django.db.models import QuerySet

from textengine.database import retried_at_once, write_rows

from .models import Enrollment, Subscriber
from .scheduling import may_have_next, schedule, send_next_now
from .steering import ENDED_BY_EDITOR, end, let_wait

# So many passages change in one transaction, so that nobody waits long for a lock.
BATCH = 1000


def can_pause(enrollments: QuerySet[Enrollment]) -> QuerySet[Enrollment]:
    return enrollments.filter(pace=None, status=Enrollment.Status.ACTIVE)


def can_resume(enrollments: QuerySet[Enrollment]) -> QuerySet[Enrollment]:
    return enrollments.filter(pace=None, status=Enrollment.Status.PAUSED, subscriber__opted_out_at=None)


def can_stop(enrollments: QuerySet[Enrollment]) -> QuerySet[Enrollment]:
    return enrollments.filter(pace=None, status__in=Enrollment.LIVE)


def can_have_next(enrollments: QuerySet[Enrollment]) -> QuerySet[Enrollment]:
    return enrollments.filter(may_have_next())


def pause(ids: Collection[int], now: datetime) -> int:
    """Let those of these passages wait that are on their way; what is at the carrier still comes. Return how many."""
    return in_batches(ids, can_pause, let_wait)


def resume(ids: Collection[int], now: datetime) -> int:
    """Let those of these passages go on that are paused; a text whose moment has passed comes now. Return how many."""
    return in_batches(ids, can_resume, lambda found: resume_batch(found, now))


def stop(ids: Collection[int], now: datetime) -> int:
    """End those of these passages that are not over; their readers may begin again. Return how many."""
    return in_batches(ids, can_stop, lambda found: end(found, now, ENDED_BY_EDITOR))


def in_batches(ids: Collection[int], can: Callable, work: Callable[[list[Enrollment]], None]) -> int:
    ids = sorted(ids)
    return sum(work_on(ids[first : first + BATCH], can, work) for first in range(0, len(ids), BATCH))


@retried_at_once
def work_on(batch: list[int], can: Callable, work: Callable[[list[Enrollment]], None]) -> int:
    # A reader's STOP at this moment comes before or after, but not in between.
    list(Subscriber.objects.filter(enrollments__in=batch).only("pk").locked())
    found = list(can(Enrollment.objects.filter(pk__in=batch)).locked())
    work(found)
    return len(found)


def resume_batch(found: list[Enrollment], now: datetime) -> None:
    for enrollment in found:
        enrollment.resume()
    write_rows(found, ["status", "ended_at", "reason"])
    schedule(found, now)


# What the cluster does in the background, by its name.
STEPS = {"pause": pause, "resume": resume, "stop": stop, "send_next_now": send_next_now}
