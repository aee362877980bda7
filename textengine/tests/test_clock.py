"""A clock that is put forward or back by an hour: nothing is lost, and nothing is sent twice."""

import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers.claiming import LEASE, claim
from subscribers.models import Message, Sender
from subscribers.tests.engine import claimed, work
from subscribers.tests.factory import make_enrollment
from textengine.broker import MessageBroker

from .processes import Processes, wait_until
from .readers import assert_each_got, explained, phones, text_in, wait_until_all_have_read

HOUR = 3600
TEXTS = ["One", "Two", "Three"]
READERS = 40


def begun(**fields) -> Message:
    """Return a message whose request has begun, and of which nothing is known yet."""
    make_enrollment()
    lease = {"lease": uuid4(), "lease_until": timezone.now() + LEASE}
    begun = {"status": Message.Status.SENDING, "begun_at": timezone.now(), "attempts": 1, "body": "Hello."}
    message = Message.objects.exclude(status=Message.Status.DELIVERED).latest("pk")
    Message.objects.filter(pk=message.pk).update(**lease | begun | fields)
    message.refresh_from_db()
    return message


@pytest.mark.django_db
@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_jump_of_the_clock_is_noticed_and_leases_are_left_alone_after_it(jump):
    broker, now = MessageBroker(), time.time()
    looks = [(0, 0), (14, 0), (16, 0), (17, jump), (18, jump), (41, jump), (43, jump)]
    steady = [broker.is_steady(now + passed + ahead, passed) for passed, ahead in looks]
    # Having just started, after the longest request, and after the jump as long as a lease runs.
    assert steady == [False, False, True, False, False, False, True]


@pytest.mark.django_db
def test_a_request_that_is_under_way_when_the_clock_is_put_forward_is_not_looked_up():
    message = begun()
    assert claim(timezone.now() + timedelta(hours=1), clock_is_steady=False) == 0
    message.refresh_from_db()
    assert message.lease_until < timezone.now() + LEASE
    assert claim(timezone.now() + timedelta(hours=1)) == 1


@pytest.mark.django_db
def test_a_lease_of_a_clock_that_was_an_hour_ahead_has_run_out():
    message = begun(lease_until=timezone.now() + timedelta(hours=1), begun_at=None)
    assert [(name, ids) for name, ids, _ in claimed()] == [("send", [message.pk])]


@pytest.mark.django_db(transaction=True)
def test_what_was_begun_by_a_clock_an_hour_ahead_is_found_at_the_carrier(sandbox):
    ahead = timezone.now() + timedelta(hours=1)
    message = begun(begun_at=ahead, lease_until=ahead)
    to = str(message.subscriber.phone_number)
    sid = sandbox.client(settings.TWILIO_ACCOUNT_SID).messages.create(to=to, from_=message.number, body="Hello.").sid
    assert work() == 1
    message.refresh_from_db()
    assert (message.sid, sandbox.received(to)) == (sid, ["Hello."])


def test_a_rate_does_not_wait_for_what_a_clock_said_that_was_an_hour_ahead():
    now = timezone.now()
    sender = Sender(segments_per_second=1, free_at=now + timedelta(hours=1))
    assert sender.may_send(now)
    sender.spend(5, now)
    assert sender.free_at == now + timedelta(seconds=5)
    assert not sender.may_send(now)


def set_clock(clock: Path, ahead: int) -> None:
    """Let the clock be ahead by so many seconds, from one moment to the next."""
    new = clock.with_suffix(".new")
    new.write_text(str(ahead))
    new.replace(clock)


@pytest.mark.slow
@pytest.mark.parametrize("first", [HOUR, -HOUR])
def test_a_clock_that_jumps_there_and_back_while_texts_are_sent_loses_and_doubles_nothing(
    first, transactional_db, django_db_serialized_rollback, tmp_path
):
    clock = tmp_path / "clock"
    set_clock(clock, 0)
    make_story(keyword="river", texts=[(text, 1) for text in TEXTS])
    early, late = phones(2 * READERS)[:READERS], phones(2 * READERS)[READERS:]
    under_way = Message.objects.filter(status=Message.Status.SENDING, begun_at__isnull=False)
    with Processes(tmp_path, clock=clock) as processes, explained(processes):
        # Nobody tells of a text whose answer is still on its way.
        processes.sandbox.faults({"latency": 3, "callback-late": HOUR})
        text_in(processes.sandbox, early)
        for ahead in (first, 0):
            wait_until(lambda: under_way.count() > READERS // 4, 60, lambda: f"{under_way.count()} under way")
            set_clock(clock, ahead)
            if ahead:
                text_in(processes.sandbox, late)
        # A worker killed in a wrong hour leaves leases of that hour.
        processes.kill("worker")
        set_clock(clock, first)
        processes.start("worker")
        time.sleep(LEASE.total_seconds())
        set_clock(clock, 0)
        processes.sandbox.faults({})
        # What was due by a clock that was ahead comes when the true one says so.
        time.sleep(LEASE.total_seconds())
        set_clock(clock, HOUR)
        wait_until_all_have_read(2 * READERS, 180)
        waiting = Message.objects.filter(Q(status=Message.Status.SENDING) | Q(status=Message.Status.SCHEDULED))
        assert not waiting.exists()
        assert processes.stop("worker") == 0
        assert_each_got(processes.sandbox, early + late, TEXTS)
        assert "clock.jumped" in processes.logged()
