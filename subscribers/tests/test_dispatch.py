"""Claiming and sending, against the real sandbox over HTTP."""

from datetime import timedelta
from time import monotonic, sleep
from uuid import uuid4

import pytest
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers import claiming, consent, dispatch
from subscribers.models import Enrollment, Hold, Message
from subscribers.outcomes import record
from textengine import carrier

from .engine import claimed, work
from .factory import make_enrollment, make_subscriber

pytestmark = pytest.mark.django_db


def bodies(sandbox, subscriber) -> list[str]:
    return [message["body"] for message in sandbox.messages(str(subscriber.phone_number))]


def make_due(seconds_ago: float = 0, **fields) -> Enrollment:
    """Return a passage whose first text is due since this many seconds."""
    enrollment = make_enrollment(**fields)
    enrollment.messages.update(due_at=timezone.now() - timedelta(seconds=seconds_ago))
    return enrollment


def test_a_due_message_is_sent_and_the_next_one_is_scheduled(sandbox):
    enrollment = make_due(story=make_story(texts=[("One", 0), ("Two", 60)]))
    assert work() == 1
    first, second = enrollment.messages.order_by("step")
    assert (first.status, first.body, first.attempts) == ("queued", "One", 1)
    assert first.sid == sandbox.messages(str(enrollment.subscriber.phone_number))[0]["sid"]
    assert (second.status, second.text.body, second.due_at) == (
        "scheduled",
        "Two",
        first.sent_at + timedelta(seconds=60),
    )
    enrollment.refresh_from_db()
    assert (enrollment.step, enrollment.status) == (1, "active")


def test_the_last_text_completes_the_enrollment(sandbox):
    enrollment = make_due(story=make_story(texts=[("One", 0)]))
    work()
    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.step) == ("completed", 1)
    assert enrollment.ended_at


def test_what_is_not_due_is_not_claimed():
    make_enrollment(story=make_story(texts=[("Later", 60)]))
    assert claimed() == []


def test_an_idle_poll_writes_nothing(django_assert_num_queries):
    make_enrollment(story=make_story(texts=[("Later", 60)]))
    with django_assert_num_queries(1) as queries:
        claiming.claim(timezone.now())
    assert queries.captured_queries[0]["sql"].strip().startswith("SELECT")


def test_the_oldest_are_claimed_first_and_never_more_than_a_poll_may_take():
    for minutes in (3, 9, 6):
        make_due(seconds_ago=60 * minutes)
    [(_, ids, _)] = claimed()
    due = list(Message.objects.in_bulk(ids).values())
    assert [message.pk for message in sorted(due, key=lambda message: message.due_at)] == ids
    Message.objects.bulk_create(
        Message(
            direction="outbound", status="scheduled", subscriber=make_subscriber(), due_at=timezone.now(), body="Reply"
        )
        for _ in range(claiming.CLAIM_LIMIT + 1)
    )
    assert sum(len(ids) for _, ids, _ in claimed()) == claiming.CLAIM_LIMIT
    assert sum(len(ids) for _, ids, _ in claimed()) == 1


def test_claimed_messages_and_their_tasks_stand_or_fall_together(monkeypatch):
    make_due()

    def fail(*arguments):
        raise RuntimeError("the queue is away")

    monkeypatch.setattr(claiming, "async_task", fail)
    with pytest.raises(RuntimeError):
        claiming.claim(timezone.now())
    assert Message.objects.get().status == "scheduled"


def test_a_claim_leaves_what_another_claim_has(sandbox):
    make_due()
    [(_, ids, lease)] = claimed()
    assert claimed() == []
    dispatch.send(ids, lease)
    assert Message.objects.get(step=1).status == "queued"


def test_a_task_that_runs_twice_sends_once(sandbox):
    enrollment = make_due()
    [(_, ids, lease)] = claimed()
    dispatch.send(ids, lease)
    dispatch.send(ids, lease)
    assert len(bodies(sandbox, enrollment.subscriber)) == 1


def test_a_task_with_a_foreign_lease_sends_nothing(sandbox):
    enrollment = make_due()
    [(_, ids, _)] = claimed()
    dispatch.send(ids, uuid4())
    assert bodies(sandbox, enrollment.subscriber) == []


def test_a_claim_that_nobody_worked_on_is_given_back_when_its_lease_runs_out(sandbox):
    enrollment = make_due()
    [(_, ids, lease)] = claimed()
    later = timezone.now() + claiming.LEASE + timedelta(seconds=1)
    assert [function for function, _, _ in claimed(later)] == ["send"]
    dispatch.send(ids, lease)
    assert bodies(sandbox, enrollment.subscriber) == []


def test_a_purged_queue_loses_nothing(sandbox):
    enrollment = make_due()
    claimed()
    # The tasks are gone with the next claim, which begins by deleting them.
    assert work(timezone.now() + claiming.LEASE + timedelta(seconds=1)) == 1
    assert len(bodies(sandbox, enrollment.subscriber)) == 1


def test_what_a_task_could_not_begin_in_time_is_given_back(sandbox, monkeypatch):
    enrollment = make_due()
    [(_, ids, lease)] = claimed()
    monkeypatch.setattr(dispatch, "BEGIN_WITHIN", -1)
    dispatch.send(ids, lease)
    assert bodies(sandbox, enrollment.subscriber) == []
    message = Message.objects.get()
    assert (message.status, message.begun_at, message.lease) == ("scheduled", None, None)
    monkeypatch.undo()
    work()
    assert bodies(sandbox, enrollment.subscriber) == ["Hello."]


def test_a_worker_that_stood_still_before_its_request_does_not_send_any_more(sandbox):
    enrollment = make_due()
    [(_, ids, lease)] = claimed()
    [request] = dispatch.begin(ids, lease, timezone.now())
    [outcome] = carrier.gather([dispatch.deliver(request, begin_until=monotonic() - 1)])
    record([outcome], lease)
    assert bodies(sandbox, enrollment.subscriber) == []
    message = Message.objects.get()
    assert (message.status, message.begun_at) == ("scheduled", None)


def test_a_worker_that_stood_still_while_it_began_does_not_send_any_more(sandbox, monkeypatch):
    enrollment = make_due()
    [(_, ids, lease)] = claimed()
    begin = dispatch.begin

    def begin_late(*args):
        sleep(0.3)
        return begin(*args)

    monkeypatch.setattr(dispatch, "BEGIN_WITHIN", 0.2)
    monkeypatch.setattr(dispatch, "begin", begin_late)
    dispatch.send(ids, lease)
    assert bodies(sandbox, enrollment.subscriber) == []
    assert Message.objects.get().status == "scheduled"


def test_each_request_begins_at_its_moment(sandbox):
    enrollments = [make_due(seconds_ago=-seconds) for seconds in (0.1, 0.15, 0.2)]
    [(_, ids, lease)] = claimed()
    dispatch.send(ids, lease)
    for message in Message.objects.filter(step=1):
        assert message.begun_at >= message.due_at - dispatch.LEAD
        assert message.sent_at >= message.due_at
    assert [len(bodies(sandbox, enrollment.subscriber)) for enrollment in enrollments] == [1, 1, 1]


def test_a_text_is_worded_when_it_is_sent_and_keeps_its_words(sandbox):
    enrollment = make_due(story=make_story(texts=[("Old", 0), ("Two", 60)]))
    text = enrollment.story.texts.get(position=1)
    text.body = "New"
    text.save()
    work()
    text.delete()
    message = enrollment.messages.get(step=1)
    assert (message.body, message.text) == ("New", None)
    assert bodies(sandbox, enrollment.subscriber) == ["New"]


def test_a_stop_between_claim_and_send_wins(sandbox):
    enrollment = make_due()
    [(_, ids, lease)] = claimed()
    consent.opt_out(enrollment.subscriber, timezone.now(), "the reader texted STOP")
    dispatch.send(ids, lease)
    assert bodies(sandbox, enrollment.subscriber) == []
    assert Message.objects.get().status == "canceled"


def test_a_text_deleted_between_claim_and_send_hands_its_reader_to_the_one_after_it(sandbox):
    enrollment = make_due(story=make_story(texts=[("One", 0), ("Two", 0), ("Three", 0)]))
    [(_, ids, lease)] = claimed()
    enrollment.story.texts.get(position=1).delete()
    dispatch.send(ids, lease)
    assert bodies(sandbox, enrollment.subscriber) == []
    work()
    assert bodies(sandbox, enrollment.subscriber) == ["Two"]


def test_a_batch_is_sent_with_a_fixed_number_of_queries(sandbox, monkeypatch, django_assert_max_num_queries):
    # All answers are recorded together, however long they take.
    monkeypatch.setattr(dispatch, "GROUP", dispatch.AT_ONCE)
    monkeypatch.setattr(dispatch, "LINGER", 60)
    story = make_story(texts=[("One", 0), ("Two", 60)])
    counts = []
    for size in (2, 20):
        for _ in range(size):
            make_due(story=story)
        [(_, ids, lease)] = claimed()
        with django_assert_max_num_queries(40) as queries:
            dispatch.send(ids, lease)
        counts.append(len(queries))
    assert Message.objects.filter(status="queued").count() == 22
    assert counts[0] == counts[1]


def test_a_hold_on_everything_keeps_what_is_due_back(sandbox):
    enrollment = make_due()
    Hold.objects.create(reason="A mistake")
    assert work() == 0
    assert Message.objects.get().status == "held"
    assert bodies(sandbox, enrollment.subscriber) == []


def test_a_hold_on_one_story_lets_the_others_go_on(sandbox):
    held, free = make_due(), make_due()
    Hold.objects.create(story=held.story, reason="A mistake")
    work()
    assert held.messages.get().status == "held"
    assert free.messages.get(step=1).status == "queued"


def test_a_hold_between_claim_and_send_keeps_the_message_back(sandbox):
    enrollment = make_due()
    [(_, ids, lease)] = claimed()
    Hold.objects.create(reason="A mistake")
    dispatch.send(ids, lease)
    assert Message.objects.get().status == "held"
    assert bodies(sandbox, enrollment.subscriber) == []


def test_a_text_comes_from_the_number_that_the_reader_texted(sandbox):
    enrollment = make_due(number="+15005550006")
    work()
    [message] = sandbox.messages(str(enrollment.subscriber.phone_number))
    assert message["from"] == "+15005550006"


def test_after_an_outage_a_reader_goes_on_in_rhythm(sandbox):
    enrollment = make_due(seconds_ago=3600, story=make_story(texts=[("One", 0), ("Two", 60), ("Three", 60)]))
    work()
    assert work() == 0
    second = enrollment.messages.get(step=2)
    assert second.due_at - enrollment.messages.get(step=1).sent_at == timedelta(seconds=60)
    assert second.due_at > timezone.now() + timedelta(seconds=50)
