"""What the cluster runs: doors to the functions that do the work."""

from uuid import UUID

from django.utils import timezone
from django_q.tasks import async_task

from . import dispatch, ending, erasing, housekeeping, recovery, scheduling


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


def follow_end(enrollments: list[int]) -> None:
    ending.follow_end(enrollments, timezone.now())


def begin_with_room() -> None:
    if ending.begin_with_room(timezone.now()):
        async_task("subscribers.tasks.begin_with_room")


def erase() -> None:
    if erasing.erase(timezone.now()):
        async_task("subscribers.tasks.erase")


def sweep() -> None:
    if housekeeping.sweep(timezone.now()):
        async_task("subscribers.tasks.sweep")
