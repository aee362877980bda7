"""Forgetting a reader, here and at the carrier."""

import time
from datetime import timedelta

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from stories.tests.factory import make_story
from subscribers import dispatch, housekeeping, tasks
from subscribers.erasing import digest, erase, erase_by_hand
from subscribers.models import Enrollment, Erasure, Message, StoppedNumber, Subscriber
from subscribers.outcomes import record
from textengine import carrier
from textengine.tests.sandbox_process import SandboxProcess

from .engine import claimed, work
from .factory import make_enrollment, make_subscriber
from .webhooks import READER, new_sid, text

pytestmark = pytest.mark.django_db
LATER = timedelta(hours=2)


@pytest.fixture
def reading(sandbox):
    """A reader who was sent one text through the sandbox, and has texted us."""
    enrollment = make_enrollment(
        make_subscriber(READER), make_story(keyword="river", texts=[("One", 0), ("Two", 3600)])
    )
    work()
    text("I love this")
    return enrollment


def erase_all() -> None:
    """Send what is due, and erase until nothing is left to do."""
    work()
    moment = timezone.now()
    for _ in range(8):
        time.sleep(0.05)
        moment += LATER
        erase(moment)


def traces(number: str) -> list[str]:
    """Return the tables in which this number stands anywhere."""
    found = []
    for table in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            if any(number.lstrip("+") in str(value) for row in cursor.fetchall() for value in row):
                found.append(table)
    return found


def test_forget_leaves_nothing_here_and_nothing_at_the_carrier(reading, sandbox):
    sids = list(Message.objects.exclude(sid=None).values_list("sid", flat=True))
    text("Forget!")
    assert not Enrollment.objects.exists()
    assert [message.automatic for message in Message.objects.all()] == ["forgotten"]
    erase_all()
    assert not Subscriber.objects.exists()
    assert not Message.objects.exists()
    assert not StoppedNumber.objects.exists()
    assert traces(READER) == []
    left = {message["sid"] for message in sandbox.messages(READER)}
    assert not left & set(sids)
    assert Erasure.objects.filter(done_at=None).count() == 0


def test_who_is_forgotten_is_told_so_in_the_last_text(reading, sandbox):
    text("forget")
    work()
    assert sandbox.received(READER)[-1].startswith("Everything that we knew about you is erased.")


def test_the_newsrooms_log_forgets_the_number(reading):
    user = User.objects.create_user("jo")
    for row in (reading, reading.subscriber):
        LogEntry.objects.log_actions(user.pk, [row], CHANGE, "Changed.", single_object=True)
    assert "django_admin_log" not in traces(READER)
    LogEntry.objects.update(object_repr=READER)  # as it was before numbers were masked
    assert "django_admin_log" in traces(READER)
    text("forget")
    erase_all()
    assert traces(READER) == []
    assert LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(Subscriber)).count() == 1


def test_a_number_that_had_opted_out_leaves_a_mark_that_is_not_the_number(reading, sandbox):
    had = len(sandbox.received(READER))
    text("stop")
    text("forget")
    erase_all()
    assert traces(READER) == []
    assert StoppedNumber.objects.get().digest == digest(READER)
    assert len(sandbox.received(READER)) <= had


def test_the_mark_of_a_stop_is_honoured_until_start(reading, sandbox):
    text("stop")
    text("forget")
    erase_all()
    for body in ("river", "hello", "help", "where"):
        text(body)
    assert not Enrollment.objects.exists()
    assert not Message.objects.filter(direction="outbound").exists()
    text("START")
    assert not StoppedNumber.objects.exists()
    text("river")
    assert Enrollment.objects.get().status == "active"


def test_who_was_forgotten_begins_anew(reading):
    text("forget")
    erase_all()
    text("river")
    assert Enrollment.objects.get().step == 0


def test_who_texts_again_before_all_is_gone_stays(reading):
    text("forget")
    text("river")
    erase_all()
    assert Enrollment.objects.get().subscriber == Subscriber.objects.get()


def test_a_forget_that_comes_twice_acts_once_and_brings_nobody_back(reading):
    sid = new_sid()
    text("forget", sid=sid)
    text("forget", sid=sid)
    assert Message.objects.filter(automatic="forgotten").count() == 1
    erase_all()
    text("forget", sid=sid)
    assert not Subscriber.objects.exists()
    assert not Message.objects.exists()


def test_a_text_whose_outcome_is_unknown_is_erased_once_it_is_known(reading, sandbox):
    other = make_enrollment(reading.subscriber, make_story(texts=[("Another", 0), ("More", 0)]))
    [(_, ids, lease)] = claimed()
    [request] = dispatch.begin(ids, lease, timezone.now())
    text("forget")
    [outcome] = carrier.gather([dispatch.deliver(request, time.monotonic() + 5)])
    record([outcome], lease)
    assert not Enrollment.objects.filter(pk=other.pk).exists()
    assert not Message.objects.story_texts().exists()
    erase_all()
    assert traces(READER) == []
    assert "Another" not in sandbox.received(READER)


def test_the_carrier_is_asked_again_until_it_lets_go(reading, sandbox, settings):
    text("forget")
    settings.TWILIO_API_URL = "http://127.0.0.1:9"
    erase(timezone.now())
    left = Erasure.objects.filter(done_at=None, attempts=1)
    assert left.exists()
    assert not left.filter(due_at__lt=timezone.now() + timedelta(seconds=10)).exists()
    settings.TWILIO_API_URL = sandbox.url
    erase_all()
    assert not Erasure.objects.filter(done_at=None).exists()


def test_a_message_on_its_way_loses_its_words_at_once_and_is_deleted_later(settings):
    with SandboxProcess("http://127.0.0.1:9/", settings.TWILIO_AUTH_TOKEN, delivery_delay=60) as slow:
        settings.TWILIO_API_URL = slow.url
        make_enrollment(make_subscriber(READER), make_story(texts=[("One", 0), ("Two", 3600)]))
        work()
        sid = Message.objects.get(step=1).sid
        with pytest.raises(carrier.CarrierError) as refused:
            carrier.gather([carrier.erase(sid)])
        assert refused.value.code == 20009
        assert slow.received(READER) == [""]


def test_pictures_of_readers_are_deleted_at_the_carrier(sandbox):
    message = sandbox.text(READER, "Look", media_url=["http://127.0.0.1:9/nowhere.png"])
    assert carrier.gather([carrier.erase(message["sid"])]) == [None]
    assert message["sid"] not in [each["sid"] for each in sandbox.messages(READER)]
    assert carrier.gather([carrier.erase(message["sid"])]) == [None]


def test_a_last_word_that_cannot_be_said_is_given_up_after_a_day(reading):
    text("forget")
    Message.objects.update(status="held")
    erase(timezone.now() + timedelta(hours=23))
    assert Subscriber.objects.exists()
    erase(timezone.now() + timedelta(hours=25))
    assert not Subscriber.objects.exists()


def test_erasing_by_hand_keeps_the_mark_of_a_stop_and_says_nothing(reading):
    text("stop")
    erase_by_hand(Subscriber.objects.all(), timezone.now())
    assert traces(READER) == []
    assert StoppedNumber.objects.count() == 1
    assert not Message.objects.exists()


def test_what_was_erased_is_remembered_for_a_day_by_its_sid_alone(reading):
    text("forget")
    erase_all()
    housekeeping.sweep(timezone.now() + timedelta(days=3))
    assert not Erasure.objects.exists()


def test_the_cluster_goes_on_erasing_by_itself():
    assert Schedule.objects.get(name="Erasing").func == "subscribers.tasks.erase"
    text("forget")
    assert "subscribers.tasks.erase" in [row.task["func"] for row in OrmQ.objects.all()]
    Erasure.objects.all().delete()
    tasks.erase()
