"""What the cluster runs: doors to the functions that do the work."""

from uuid import UUID

from django.utils import timezone
from django_q.tasks import async_task

from stories.models import Story

from . import alerts, bulk, correcting, dispatch, ending, erasing, holds, housekeeping, recovery, scheduling
from .exporting import making
from .funnel import tallies
from .models import Reply
from .reply_desk import answering, digests, sorting
from .today import keeping


def send(message_ids: list[int], lease: str) -> None:
    dispatch.send(message_ids, UUID(lease))


def recover(message_ids: list[int], lease: str) -> None:
    recovery.recover(message_ids, UUID(lease), timezone.now())


def ask(message_ids: list[int], lease: str) -> None:
    recovery.ask(message_ids, UUID(lease), timezone.now())


def follow_story(story_id: int, after: int = 0) -> None:
    last = scheduling.follow_story(story_id, timezone.now(), after)
    if last is not None:
        async_task("subscribers.tasks.follow_story", story_id, last)


def correct(correction: int) -> None:
    if correcting.write_batch(correction, timezone.now()):
        async_task("subscribers.tasks.correct", correction)


def follow_end(enrollments: list[int]) -> None:
    ending.follow_end(enrollments, timezone.now())


def begin_with_room() -> None:
    if ending.begin_with_room(timezone.now()):
        async_task("subscribers.tasks.begin_with_room")


def release(hold_id: int) -> None:
    if holds.go_on_releasing(hold_id, timezone.now()):
        async_task("subscribers.tasks.release", hold_id)


def resume_releases() -> None:
    for hold_id in holds.lost_releases(timezone.now()):
        async_task("subscribers.tasks.release", hold_id)


def erase() -> None:
    if erasing.erase(timezone.now()):
        async_task("subscribers.tasks.erase")


def steer(name: str, enrollments: list[int], by: int | None = None) -> None:
    bulk.STEPS[name].do(enrollments, timezone.now(), by)


def count_day() -> None:
    keeping.make(timezone.now())


def tally(story_id: int) -> None:
    story = Story.objects.filter(pk=story_id).first()
    if story and tallies.go_on(story, timezone.now()):
        async_task("subscribers.tasks.tally", story_id)


def sweep(after: int = 0) -> None:
    last = housekeeping.sweep(timezone.now(), after)
    if last is not None:
        async_task("subscribers.tasks.sweep", last)


def tend_reply_desk() -> None:
    """Sort what came in, go on with answers that were broken off, and tell what is unread."""
    now = timezone.now()
    if sorting.sort(now):
        async_task("subscribers.tasks.tend_reply_desk")
        return
    for reply in Reply.objects.unfinished():
        answer_group(reply.pk)
    digests.tell(now)


def answer_group(reply_id: int) -> None:
    if answering.go_on(reply_id, timezone.now()):
        async_task(answering.TASK, reply_id)


def tell_of_hold(hold_id: int, channel: str) -> None:
    alerts.tell_of_hold(hold_id, channel, timezone.now())


def make_export() -> None:
    making.make_next(timezone.now())


def tend_exports() -> None:
    making.tend(timezone.now())
