"""A disk that is full, and a database that is read-only: webhooks come again, and the engine goes on afterwards."""

import contextlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
import requests
from django.utils import timezone
from twilio.request_validator import RequestValidator

from stories.tests.factory import make_story
from subscribers.models import Enrollment, Heartbeat, Message
from subscribers.models.heartbeats import BEAT
from subscribers.tests.engine import work
from subscribers.tests.factory import OUR_NUMBER, make_enrollment
from subscribers.tests.webhooks import INBOUND, new_sid, report, text
from textengine.broker import MessageBroker

from .databases import copied_to, filled_up, full, is_sqlite, no_file_may_grow, read_only, read_only_for, tmpfs
from .processes import Processes, wait_until
from .readers import assert_each_got, explained, phones, text_in, wait_until_all_have_read

only_sqlite = pytest.mark.skipif(not is_sqlite(), reason="PostgreSQL's disk is another machine's.")
TEXTS = ["One", "Two", "Three", "Four"]
READERS = 20


@pytest.mark.django_db(transaction=True)
def test_webhooks_that_meet_a_read_only_database_come_again_and_act_once(sandbox):
    enrollment = make_enrollment(sent=1, story=make_story(keyword="river"))
    delivered, sid = Message.objects.get(step=1), new_sid()
    Message.objects.filter(pk=delivered.pk).update(status=Message.Status.QUEUED)
    with read_only():
        assert [text("river", sid=sid).status_code, report(delivered.sid, "delivered").status_code] == [503, 503]
    for _ in range(2):
        assert [text("river", sid=sid).status_code, report(delivered.sid, "delivered").status_code] == [200, 204]
    delivered.refresh_from_db()
    assert delivered.status == Message.Status.DELIVERED
    assert Message.objects.filter(sid=sid).count() == 1
    assert Enrollment.objects.exclude(pk=enrollment.pk).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_worker_on_a_read_only_database_says_so_sends_nothing_and_goes_on_afterwards(sandbox, caplog):
    enrollment = make_enrollment(story=make_story(texts=[("One", 0)]))
    with read_only():
        assert MessageBroker().dequeue() is None
    assert re.search(r"claim\.postponed error=\w+ reason=.*(readonly database|read-only transaction)", caplog.text)
    assert sandbox.received(str(enrollment.subscriber.phone_number)) == []
    work()
    assert sandbox.received(str(enrollment.subscriber.phone_number)) == ["One"]


@only_sqlite
@pytest.mark.django_db(transaction=True)
def test_a_text_that_meets_a_full_disk_comes_again_and_acts_once():
    sid, long = new_sid(), "x" * 50_000
    with full():
        assert text(long, sid=sid).status_code == 503
    assert [text(long, sid=sid).status_code for _ in range(2)] == [200, 200]
    assert Message.objects.get().body == long


def answer(processes: Processes) -> int:
    """Return what the web process answers to a long text that starts nothing; 0 while there is no answer."""
    fields = {"MessageSid": new_sid(), "From": "12345", "To": OUR_NUMBER, "Body": "x" * 50_000}
    signature = RequestValidator(processes.sandbox.auth_token).compute_signature(processes.url + INBOUND, fields)
    headers = {"X-Twilio-Signature": signature}
    with contextlib.suppress(requests.ConnectionError):
        return requests.post(processes.url + INBOUND, fields, headers=headers, timeout=30).status_code
    return 0


def read_on(processes: Processes, broken: Callable[[], AbstractContextManager]) -> None:
    """Let readers read while the database cannot be written to for a while, and judge what they got."""
    make_story(keyword="river", texts=[(each, 1) for each in TEXTS])
    early, late = phones(2 * READERS)[:READERS], phones(2 * READERS)[READERS:]
    # What the carrier has accepted, and nothing could be recorded of, nobody tells afterwards either.
    processes.sandbox.faults({"latency": 0.5, "callback-late": 600})
    text_in(processes.sandbox, early)
    wait_until(lambda: Message.objects.filter(step=2).count() > READERS // 2, 60)
    with broken():
        wait_until(lambda: answer(processes) == 503, 30, lambda: str(answer(processes)))
        text_in(processes.sandbox, late)
        # By now it had to tell of itself twice, and could not: the worker has met the fault at its work, and again.
        wait_until(lambda: not Heartbeat.objects.filter(seen_at__gt=timezone.now() - 2 * BEAT).exists(), 60)
    wait_until(lambda: answer(processes) == 200, 60, processes.logged)
    known = set(map(str, Enrollment.objects.values_list("subscriber__phone_number", flat=True)))
    assert not known & set(late)
    text_in(processes.sandbox, late)
    wait_until_all_have_read(2 * READERS, 120)
    assert processes.stop("worker") == 0
    assert_each_got(processes.sandbox, early + late, TEXTS)


@pytest.mark.slow
def test_a_database_that_is_read_only_for_a_while_loses_and_doubles_nothing(processes):
    with explained(processes):
        read_on(processes, lambda: read_only_for(processes))


@pytest.mark.slow
@only_sqlite
def test_a_disk_that_is_full_for_a_while_loses_and_doubles_nothing(
    transactional_db, django_db_serialized_rollback, tmp_path
):
    with tmpfs(tmp_path / "small") as small:
        if small is None:
            pytest.skip("Only root may mount a small file system.")
        with copied_to(small), Processes(tmp_path) as processes, explained(processes):
            read_on(processes, lambda: filled_up(small))


@pytest.mark.slow
@only_sqlite
def test_files_that_may_not_grow_for_a_while_lose_and_double_nothing(processes):
    with explained(processes):
        read_on(processes, lambda: no_file_may_grow(processes))
