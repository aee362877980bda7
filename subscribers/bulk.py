"""What editors do to passages: let them wait, go on, or end. Each in batches, each only where it is legal."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet

from textengine.database import retried_at_once, write_rows

from .models import Enrollment, Message, Subscriber
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


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done to passages: to which it can be done, how to a batch of them, and how history tells it.

    `work` has them locked, and returns those to which it was done.
    """

    can: Callable[[QuerySet[Enrollment]], QuerySet[Enrollment]]
    work: Callable[[list[Enrollment], datetime], list[Enrollment]]
    told: str

    def do(self, ids: Collection[int], now: datetime, by: int | None = None) -> dict[int, int]:
        """Do it to those of these passages to which it can be done; return these, each with its reader (ids).

        Where `by`, an account, is named, the history of each passage and of its reader says so.
        """
        ids, done = sorted(ids), {}
        for first in range(0, len(ids), BATCH):
            done |= self.do_batch(ids[first : first + BATCH], now, by)
        return done

    @retried_at_once
    def do_batch(self, ids: list[int], now: datetime, by: int | None) -> dict[int, int]:
        # A reader's STOP at this moment comes before or after, but not in between.
        list(Subscriber.objects.filter(enrollments__in=ids).only("pk").locked())
        chosen = Enrollment.objects.filter(pk__in=ids).select_related("subscriber", "story")
        done = self.work(list(self.can(chosen).locked()), now)
        if by:
            LogEntry.objects.bulk_create(entry for each in done for entry in self.entries(each, by))
        return {each.pk: each.subscriber_id for each in done}

    def entries(self, enrollment: Enrollment, by: int) -> list[LogEntry]:
        told = ((enrollment, self.told), (enrollment.subscriber, f"“{enrollment.story}”: {self.told}"))
        return [
            LogEntry(
                user_id=by,
                content_type=ContentType.objects.get_for_model(changed),
                object_id=str(changed.pk),
                object_repr=str(changed)[:200],
                action_flag=CHANGE,
                change_message=words,
            )
            for changed, words in told
        ]


def let_wait_batch(found: list[Enrollment], now: datetime) -> list[Enrollment]:
    let_wait(found)
    return found


def resume_batch(found: list[Enrollment], now: datetime) -> list[Enrollment]:
    for enrollment in found:
        enrollment.resume()
    write_rows(found, ["status", "ended_at", "reason"])
    schedule(found, now)
    return found


def end_batch(found: list[Enrollment], now: datetime) -> list[Enrollment]:
    end(found, now, ENDED_BY_EDITOR)
    return found


def send_batch(found: list[Enrollment], now: datetime) -> list[Enrollment]:
    """Make their next texts due now; some have none that waits."""
    send_next_now([enrollment.pk for enrollment in found], now)
    due = Message.objects.filter(enrollment__in=found, due_at=now, status=Message.Status.SCHEDULED).story_texts()
    sent = set(due.values_list("enrollment", flat=True))
    return [enrollment for enrollment in found if enrollment.pk in sent]


# By the names of the list's actions. What is at the carrier when it is paused still comes; a text whose moment has
# passed comes when it is resumed; a story that is stopped may be begun again.
STEPS = {
    "pause": Step(can_pause, let_wait_batch, "Paused from the list."),
    "resume": Step(can_resume, resume_batch, "Resumed from the list."),
    "stop": Step(can_stop, end_batch, "Stopped from the list."),
    "send_next_now": Step(can_have_next, send_batch, "The next text was sent at once, from the list."),
}
