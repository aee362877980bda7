"""What is swept away, and what stays."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import Schedule

from stories.tests.factory import make_story
from subscribers import housekeeping, scheduling
from subscribers.models import Enrollment, Message

from .factory import make_enrollment, make_inbound, make_message

pytestmark = pytest.mark.django_db


@pytest.fixture
def long_ago():
    return timezone.now() - timedelta(days=100)


def grow_old(long_ago) -> None:
    Message.objects.update(created_at=long_ago)
    Enrollment.objects.exclude(ended_at=None).update(ended_at=long_ago)


def make_finished(long_ago, status: str = "completed") -> Enrollment:
    enrollment = make_enrollment(story=make_story(texts=[("One", 0)]), sent=1)
    Enrollment.objects.filter(pk=enrollment.pk).update(status=status, ended_at=long_ago)
    return enrollment


def test_messages_are_kept_unless_a_retention_is_set(long_ago):
    make_finished(long_ago)
    grow_old(long_ago)
    assert housekeeping.sweep(timezone.now()) is False
    assert Message.objects.exists()


def test_messages_of_finished_passages_are_swept_and_the_passage_stays(settings, long_ago):
    settings.MESSAGE_RETENTION = timedelta(days=30)
    enrollment = make_finished(long_ago)
    make_inbound(enrollment.subscriber)
    grow_old(long_ago)
    housekeeping.sweep(timezone.now())
    assert not Message.objects.exists()
    assert Enrollment.objects.get().step == 1


@pytest.mark.parametrize("status", ["active", "paused", "stopped"])
def test_messages_of_passages_that_may_go_on_stay(settings, long_ago, status):
    settings.MESSAGE_RETENTION = timedelta(days=30)
    make_finished(long_ago, status=status)
    grow_old(long_ago)
    housekeeping.sweep(timezone.now())
    assert Message.objects.exists()


def test_what_waits_and_what_is_recent_stays(settings, long_ago):
    settings.MESSAGE_RETENTION = timedelta(days=30)
    finished = make_finished(long_ago)
    make_message(finished, status="scheduled", due_at=timezone.now())
    Message.objects.update(created_at=long_ago)
    make_inbound(finished.subscriber)
    housekeeping.sweep(timezone.now())
    assert sorted(Message.objects.values_list("status", flat=True)) == ["received", "scheduled"]


def test_a_full_batch_says_that_there_may_be_more(settings, long_ago, monkeypatch):
    settings.MESSAGE_RETENTION = timedelta(days=30)
    monkeypatch.setattr(housekeeping, "SWEEP_BATCH", 2)
    for _ in range(3):
        make_finished(long_ago)
    grow_old(long_ago)
    assert housekeeping.sweep(timezone.now()) is True
    assert Message.objects.count() == 1
    assert housekeeping.sweep(timezone.now()) is False


def test_the_cluster_sweeps_once_a_day():
    schedule = Schedule.objects.get(func="subscribers.tasks.sweep")
    assert (schedule.schedule_type, schedule.repeats) == (Schedule.DAILY, -1)


def test_a_failed_passage_whose_messages_are_swept_does_not_begin_again(settings, long_ago):
    settings.MESSAGE_RETENTION = timedelta(days=30)
    enrollment = make_enrollment(story=make_story(texts=[("One", 0), ("Two", 0)]), sent=1)
    enrollment.messages.filter(step=2).update(status="failed", attempts=1)
    Enrollment.objects.update(status="failed", ended_at=long_ago)
    grow_old(long_ago)
    housekeeping.sweep(timezone.now())
    assert scheduling.send_next_now([enrollment.pk], timezone.now()) == 0
    assert not Message.objects.exists()
