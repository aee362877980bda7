"""What the cluster runs: doors to the functions that do the work."""

from uuid import UUID

from django.utils import timezone
from django_q.tasks import async_task

from stories.models import Story

from . import bulk, dispatch, ending, erasing, housekeeping, recovery, scheduling
from .funnel import tallies


def send(message_ids: list[int], lease: str) -> None:
    dispatch.send(message_ids, UUID(lease))


def recover(message_ids: list[int], lease: str) -> None:
    recovery.recover(message_ids, UUID(lease), timezone.now())


def follow_story(story_id: int, after: int = 0) -> None:
    last = scheduling.follow_story(story_id, timezone.now(), after)
    if last is not None:
        async_task("subscribers.tasks.follow_story", story_id, last)


def follow_end(enrollments: list[int]) -> None:
    ending.follow_end(enrollments, timezone.now())


def erase() -> None:
    if erasing.erase(timezone.now()):
        async_task("subscribers.tasks.erase")


def steer(name: str, enrollments: list[int]) -> None:
    bulk.STEPS[name](enrollments, timezone.now())


def tally(story_id: int) -> None:
    story = Story.objects.filter(pk=story_id).first()
    if story and tallies.go_on(story, timezone.now()):
        async_task("subscribers.tasks.tally", story_id)


def sweep() -> None:
    if housekeeping.sweep(timezone.now()):
        async_task("subscribers.tasks.sweep")
