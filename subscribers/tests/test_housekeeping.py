"""What is swept away, and what stays."""

import time
from datetime import UTC, timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from django_q.models import Schedule

from stories.tests.factory import make_story
from subscribers import commands, erasing, housekeeping, scheduling
from subscribers.models import Enrollment, Erasure, Message, Subscriber

from .engine import work
from .factory import make_enrollment, make_inbound, make_message, make_subscriber
from .webhooks import READER

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


def words() -> list[str]:
    return [message.body for message in Message.objects.order_by("pk")]


def test_messages_are_kept_unless_a_retention_is_set(long_ago):
    make_finished(long_ago)
    grow_old(long_ago)
    assert housekeeping.sweep(timezone.now()) is None
    assert words() == ["One"]


def test_the_words_of_finished_passages_are_deleted_and_that_they_were_sent_stays(settings, long_ago):
    settings.MESSAGE_RETENTION = timedelta(days=30)
    enrollment = make_finished(long_ago)
    make_inbound(enrollment.subscriber, media_urls=["https://api.twilio.com/picture"])
    make_inbound(None, sender="NEWS")
    grow_old(long_ago)
    housekeeping.sweep(timezone.now())
    assert words() == ["", "", ""]
    sent = enrollment.messages.get()
    assert (sent.step, sent.status) == (1, "delivered")
    assert sent.redacted_at
    assert all(not message.media_urls and not message.sender for message in Message.objects.all())
    assert Enrollment.objects.get().step == 1


def test_what_is_deleted_here_is_emptied_at_the_carrier_and_stays_there(settings, long_ago, sandbox):
    settings.MESSAGE_RETENTION = timedelta(days=30)
    make_enrollment(make_subscriber(READER), make_story(texts=[("One", 0)]))
    before = len(sandbox.received(READER))
    work()
    sid = Message.objects.get().sid
    grow_old(long_ago)
    housekeeping.sweep(timezone.now())
    assert list(Erasure.objects.values_list("sid", "only_words")) == [(sid, True)]
    for hours in range(1, 9):
        time.sleep(0.05)
        erasing.erase(timezone.now() + timedelta(hours=hours))
    assert len(sandbox.received(READER)) == before + 1
    assert [message["body"] for message in sandbox.messages(READER) if message["sid"] == sid] == [""]


def test_who_asks_to_be_forgotten_meanwhile_is_forgotten_altogether(settings, long_ago):
    settings.MESSAGE_RETENTION = timedelta(days=30)
    enrollment = make_finished(long_ago)
    grow_old(long_ago)
    housekeeping.sweep(timezone.now())
    Erasure.objects.update(done_at=timezone.now())
    erasing.erase_by_hand(Subscriber.objects.filter(pk=enrollment.subscriber_id), timezone.now())
    assert list(Erasure.objects.values_list("only_words", "done_at")) == [(False, None)]


@pytest.mark.parametrize("status", ["active", "paused", "stopped"])
def test_the_words_of_passages_that_may_go_on_stay(settings, long_ago, status):
    settings.MESSAGE_RETENTION = timedelta(days=30)
    make_finished(long_ago, status=status)
    grow_old(long_ago)
    housekeeping.sweep(timezone.now())
    assert words() == ["One"]


def test_what_waits_and_what_is_recent_stays(settings, long_ago):
    settings.MESSAGE_RETENTION = timedelta(days=30)
    finished = make_finished(long_ago)
    make_message(finished, status="scheduled", due_at=timezone.now(), body="waits")
    Message.objects.update(created_at=long_ago)
    make_inbound(finished.subscriber, "recent")
    housekeeping.sweep(timezone.now())
    assert words() == ["", "waits", "recent"]


def test_a_full_batch_says_where_the_next_one_begins(settings, long_ago, monkeypatch):
    settings.MESSAGE_RETENTION = timedelta(days=30)
    monkeypatch.setattr(housekeeping, "SWEEP_BATCH", 2)
    for _ in range(3):
        make_finished(long_ago)
    grow_old(long_ago)
    after = housekeeping.sweep(timezone.now())
    assert words() == ["", "", "One"]
    assert housekeeping.sweep(timezone.now(), after) is None
    assert words() == ["", "", ""]


def test_what_was_deleted_is_not_looked_at_again(settings, long_ago):
    settings.MESSAGE_RETENTION = timedelta(days=30)
    make_finished(long_ago)
    grow_old(long_ago)
    housekeeping.sweep(timezone.now())
    Erasure.objects.all().delete()
    housekeeping.sweep(timezone.now())
    assert not Erasure.objects.exists()


def test_pages_say_that_words_were_deleted(settings, long_ago, client):
    settings.MESSAGE_RETENTION = timedelta(days=30)
    enrollment = make_finished(long_ago)
    grow_old(long_ago)
    housekeeping.sweep(timezone.now())
    client.force_login(User.objects.create_superuser("root"))
    for page in (
        reverse("admin:subscribers_subscriber_change", args=[enrollment.subscriber_id]),
        reverse("admin:subscribers_message_changelist"),
    ):
        assert "[deleted: its time was over]" in client.get(page).content.decode()


def test_a_text_whose_words_are_gone_is_not_sent_again(settings, long_ago):
    settings.MESSAGE_RETENTION = timedelta(days=30)
    enrollment = make_finished(long_ago)
    grow_old(long_ago)
    housekeeping.sweep(timezone.now())
    commands.again(enrollment.subscriber_id, "+15005550006", UTC, timezone.now())
    assert not Message.objects.filter(automatic=Message.AGAIN).exists()


def test_the_cluster_sweeps_once_a_day():
    schedule = Schedule.objects.get(func="subscribers.tasks.sweep")
    assert (schedule.schedule_type, schedule.repeats) == (Schedule.DAILY, -1)


def test_a_failed_passage_whose_words_are_gone_goes_on_where_it_was(settings, long_ago):
    settings.MESSAGE_RETENTION = timedelta(days=30)
    enrollment = make_enrollment(story=make_story(texts=[("One", 0), ("Two", 0)]), sent=1)
    enrollment.messages.filter(step=2).update(status="failed", attempts=1)
    Enrollment.objects.update(status="failed", ended_at=long_ago)
    grow_old(long_ago)
    housekeeping.sweep(timezone.now())
    assert scheduling.send_next_now([enrollment.pk], timezone.now()) == 1
    assert enrollment.messages.get(status="scheduled").worded() == "Two"
