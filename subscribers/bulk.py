"""What editors do to passages: let them wait, go on, or end. Each in batches, each only where it is legal."""

from collections.abc import Callable, Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from textengine.database import write_rows

from .models import Enrollment, Message, Question, Subscriber
from .scheduling import follow_end, schedule, send_next_now

# So many passages change in one transaction, so that nobody waits long for a lock.
BATCH = 1000
ENDED_BY_EDITOR = "an editor ended it"


def can_pause(enrollments: QuerySet[Enrollment]) -> QuerySet[Enrollment]:
    return enrollments.filter(pace=None, status=Enrollment.Status.ACTIVE)


def can_resume(enrollments: QuerySet[Enrollment]) -> QuerySet[Enrollment]:
    return enrollments.filter(pace=None, status=Enrollment.Status.PAUSED, subscriber__opted_out_at=None)


def can_stop(enrollments: QuerySet[Enrollment]) -> QuerySet[Enrollment]:
    return enrollments.filter(pace=None, status__in=Enrollment.LIVE)


def pause(ids: Collection[int], now: datetime) -> int:
    """Let those of these passages wait that are on their way; what is at the carrier still comes. Return how many."""
    return in_batches(ids, can_pause, pause_batch)


def resume(ids: Collection[int], now: datetime) -> int:
    """Let those of these passages go on that are paused; a text whose moment has passed comes now. Return how many."""
    return in_batches(ids, can_resume, lambda found: resume_batch(found, now))


def stop(ids: Collection[int], now: datetime) -> int:
    """End those of these passages that are not over; their readers may begin again. Return how many."""
    return in_batches(ids, can_stop, lambda found: stop_batch(found, now))


def in_batches(ids: Collection[int], can: Callable, work: Callable[[list[Enrollment]], None]) -> int:
    ids, count = sorted(ids), 0
    for first in range(0, len(ids), BATCH):
        batch = ids[first : first + BATCH]
        with transaction.atomic():
            # A reader's STOP at this moment comes before or after, but not in between.
            list(Subscriber.objects.filter(enrollments__in=batch).only("pk").locked())
            found = list(can(Enrollment.objects.filter(pk__in=batch)).locked())
            work(found)
        count += len(found)
    return count


def pause_batch(found: list[Enrollment]) -> None:
    for enrollment in found:
        enrollment.status = Enrollment.Status.PAUSED
    write_rows(found, ["status"])
    cancel(found)


def resume_batch(found: list[Enrollment], now: datetime) -> None:
    for enrollment in found:
        enrollment.resume()
    write_rows(found, ["status", "ended_at", "reason"])
    schedule(found, now)


def stop_batch(found: list[Enrollment], now: datetime) -> None:
    for enrollment in found:
        enrollment.end(Enrollment.Status.STOPPED, now, ENDED_BY_EDITOR)
    write_rows(found, ["status", "ended_at", "reason"])
    cancel(found)
    follow_end([enrollment.pk for enrollment in found])


def cancel(enrollments: list[Enrollment]) -> None:
    """Withdraw what is scheduled of these passages: the next text, and what reminds of a question."""
    reminders = Question.objects.filter(enrollment__in=enrollments).exclude(reminder=None).values("reminder")
    Message.objects.filter(Q(step__isnull=False) | Q(pk__in=reminders), enrollment__in=enrollments).cancel()


# What the cluster does in the background, by its name.
STEPS = {"pause": pause, "resume": resume, "stop": stop, "send_next_now": send_next_now}
