"""STOP at every moment of a send. What went out is read from the carrier's record, and not from ours."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers import dispatch
from subscribers.models import Enrollment, Message
from subscribers.outcomes import record
from subscribers.scheduling import send_next_now
from textengine import carrier

from .engine import claimed, work
from .factory import make_enrollment
from .webhooks import new_sid, report, text

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
# Long after all that could be waiting.
LATER = timedelta(days=3)


@pytest.fixture
def enrollment():
    """A reader whose next text is due, and to whom nothing was ever sent."""
    return make_enrollment(story=make_story(texts=[("One", 0), ("Two", 0), ("Three", 0)]))


@pytest.fixture
def phone(enrollment):
    return str(enrollment.subscriber.phone_number)


def stop(phone: str) -> None:
    assert text("STOP", sender=phone).status_code == 200


def send(tasks) -> None:
    for _, ids, lease in tasks:
        dispatch.send(ids, lease)


def all_that_comes(sandbox, phone: str) -> list[str]:
    """Return what this phone was ever sent, after the engine has done all that it would still do in three days."""
    for _ in range(4):
        work(timezone.now() + LATER)
    return sandbox.received(phone)


@contextmanager
def sending(tasks):
    """Send in a thread of its own while the block runs."""

    def run():
        try:
            send(tasks)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(run)
        yield
        sent.result(60)


def test_before_the_claim(sandbox, enrollment, phone):
    stop(phone)
    assert claimed() == []
    assert all_that_comes(sandbox, phone) == []


def test_between_claim_and_send(sandbox, enrollment, phone):
    tasks = claimed()
    stop(phone)
    send(tasks)
    assert all_that_comes(sandbox, phone) == []


def test_during_a_request_that_the_carrier_has_accepted(sandbox, enrollment, phone):
    sandbox.faults({"latency": 0.7})
    with sending(claimed()):
        sandbox.wait_for(phone, 1)
        stop(phone)
        assert Message.objects.get(step=1).sid is None
    assert all_that_comes(sandbox, phone) == ["One"]
    assert Message.objects.get(step=1).sid


@pytest.mark.parametrize(("fault", "went_out"), [("drop-before", []), ("drop-after", ["One"]), ("500-after", ["One"])])
def test_after_a_request_of_which_nobody_knows_what_came(sandbox, enrollment, phone, fault, went_out):
    sandbox.faults({"next": [{"kind": fault, "count": 1}]})
    send(claimed())
    stop(phone)
    assert all_that_comes(sandbox, phone) == went_out


@pytest.mark.parametrize("fault", ["429", "500"])
def test_after_a_request_that_the_carrier_did_not_take(sandbox, enrollment, phone, fault):
    sandbox.faults({"next": [{"kind": fault, "count": 1}]})
    send(claimed())
    stop(phone)
    assert all_that_comes(sandbox, phone) == []


def test_before_the_record(sandbox, enrollment, phone):
    [(_, ids, lease)] = claimed()
    [request] = dispatch.begin(ids, lease, timezone.now())
    [outcome] = carrier.gather([dispatch.deliver(request, time.monotonic() + 5)])
    stop(phone)
    record([outcome], lease)
    assert all_that_comes(sandbox, phone) == ["One"]


def test_after_the_record(sandbox, enrollment, phone):
    send(claimed())
    stop(phone)
    assert all_that_comes(sandbox, phone) == ["One"]


def test_in_the_middle_of_a_batch(sandbox):
    story = make_story(texts=[("One", 0), ("Two", 3600)])
    everybody = [make_enrollment(story=story) for _ in range(dispatch.AT_ONCE + 20)]
    # As long as the carrier answers nobody, the last ones wait: so long, that a busy machine is done with the stops.
    sandbox.faults({"latency": dispatch.BEGIN_WITHIN - 1})
    # All of them in one task, as if there were one worker.
    parts = claimed()
    task = ("send", [pk for _, ids, _ in parts for pk in ids], parts[0][2])
    stopped = [str(enrollment.subscriber.phone_number) for enrollment in everybody[-3:]]
    waiting = Message.objects.filter(subscriber__phone_number__in=stopped, status="sending", begun_at=None)
    with sending([task]):
        sandbox.wait_for(str(everybody[0].subscriber.phone_number), 1)
        begun = Message.objects.exclude(begun_at=None).count()
        assert (begun, waiting.count()) == (dispatch.AT_ONCE, 3)
        for phone in stopped:
            stop(phone)
        assert not Message.objects.filter(subscriber__phone_number__in=stopped).exclude(begun_at=None).exists()
        sandbox.faults({})
    for _ in range(3):
        work()
    for enrollment in everybody:
        phone = str(enrollment.subscriber.phone_number)
        assert sandbox.received(phone) == ([] if phone in stopped else ["One"])


def test_while_a_text_waits_to_be_sent_once_more(sandbox, enrollment, phone):
    send(claimed())
    first = Message.objects.get(step=1)
    report(first.sid, "undelivered", error_code=30003)
    assert Message.objects.filter(again=first, status="scheduled").exists()
    stop(phone)
    assert all_that_comes(sandbox, phone) == ["One"]


def test_while_an_answer_waits(sandbox, enrollment, phone):
    text("where", sender=phone)
    stop(phone)
    assert all_that_comes(sandbox, phone) == []


def test_while_everything_is_paused_or_on_hold(sandbox, enrollment, phone):
    text("pause", sender=phone)
    stop(phone)
    assert all_that_comes(sandbox, phone) == []
    assert Enrollment.objects.get().status == "stopped"


@pytest.mark.parametrize("how", ["send", "callback"])
def test_the_carriers_word_that_a_reader_has_stopped_ends_all_other_stories_too(sandbox, enrollment, phone, how):
    other = make_enrollment(enrollment.subscriber, make_story(texts=[("Another", 3600)]))
    if how == "send":
        sandbox.faults({"numbers": {phone: "opted-out"}})
        send(claimed())
    else:
        Message.objects.filter(enrollment=enrollment, step=1).update(status="queued", sid=(sid := new_sid()))
        report(sid, "failed", error_code=21610)
    sandbox.faults({})
    assert all_that_comes(sandbox, phone) == []
    other.refresh_from_db()
    assert other.status == "stopped"


def test_an_editors_push_sends_nothing_to_who_has_stopped(sandbox, enrollment, phone):
    stop(phone)
    assert send_next_now([enrollment.pk], timezone.now()) == 0
    assert all_that_comes(sandbox, phone) == []


@pytest.mark.parametrize(("before", "after"), [("paused", "paused"), ("active", "active")])
def test_start_puts_a_paused_story_back_into_its_pause(enrollment, phone, before, after):
    Enrollment.objects.update(status=before)
    stop(phone)
    assert Enrollment.objects.get().status == "stopped"
    text("START", sender=phone)
    assert Enrollment.objects.get().status == after
    assert Message.objects.filter(status="scheduled", step=1).exists() == (after == "active")
    text("resume", sender=phone)
    assert Enrollment.objects.get().status == "active"
    assert Message.objects.filter(status="scheduled", step=1).exists()


@pytest.mark.parametrize(
    ("bodies", "said"),
    [(["STOP"], []), (["Stop."], ["stopped", "started"]), (["Stop.", "river", "stop"], ["stopped"])],
)
def test_the_start_is_answered_by_whoever_answered_the_stop(enrollment, phone, bodies, said):
    for body in bodies:
        text(body, sender=phone)
    text("START", sender=phone)
    assert list(Message.objects.exclude(automatic="").order_by("pk").values_list("automatic", flat=True)) == said
