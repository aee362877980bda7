"""A queue in which anything may lie, or nothing: the message rows decide what is sent."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.signing import SignedPackage
from django_q.tasks import async_task

from stories.models import Story
from stories.tests.factory import make_story
from subscribers.tests.engine import claimed
from subscribers.tests.factory import make_enrollment, make_subscriber

from .readers import assert_each_got, explained, phones, wait_until_all_have_read

TEXTS = ["One", "Two", "Three"]


class Undefined:
    """What names a module that is not there any more."""

    def __reduce__(self):
        return exec, ("import a_module_that_is_gone",)


def enqueue_unreadable() -> None:
    """Put rows into the queue that hold no task."""
    for payload in ("", "rubbish", SignedPackage.dumps("no task"), SignedPackage.dumps(Undefined())):
        OrmQ.objects.create(key=Conf.CLUSTER_NAME, payload=payload, lock=timezone.now() - timedelta(minutes=1))


def enqueue_failing() -> None:
    """Put tasks into the queue that fail, each in a way of its own; one takes its worker along."""
    async_task("subscribers.tasks.is_not_there")
    async_task("math.sqrt", -1)
    async_task("subscribers.tasks.send", ["no id"], "no lease")
    async_task("os._exit", 1)


def enroll(readers: list[str], texts: list[tuple[str, int]]) -> Story:
    story = make_story(texts=texts)
    for reader in readers:
        make_enrollment(subscriber=make_subscriber(reader), story=story)
    return story


@pytest.mark.once
def test_a_purged_a_doubled_and_a_poisoned_queue_lose_and_double_nothing(processes):
    processes.kill("worker")
    texts = [(text, 0) for text in TEXTS]
    readers = phones(150)
    sleeper = "+14155551000"
    with explained(processes):
        enroll(readers[:20], texts)
        claimed()
        enroll(readers[20:], texts)
        # It purges the queue, and with it the tasks of those before.
        assert len(claimed()) > 2
        first, *others = OrmQ.objects.order_by("pk")
        first.delete()
        for task in others:
            OrmQ.objects.create(key=task.key, payload=task.payload, lock=task.lock)
        enqueue_unreadable()
        # What came in one handful with the poison is done all the same.
        slow = enroll([sleeper], [(text, 3600) for text in TEXTS])
        slow.texts.update(delay=timedelta())
        async_task("subscribers.tasks.follow_story", slow.pk)
        enqueue_failing()
        processes.start("worker")
        wait_until_all_have_read(len(readers) + 1, 60)
        assert processes.stop("worker") == 0
        assert_each_got(processes.sandbox, [*readers, sleeper], TEXTS)
