"""Races, provoked on purpose: real connections in real threads on the database that the suite runs on."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone
from django_q.models import OrmQ

from stories.tests.factory import make_pier, make_story
from subscribers import claiming, dispatch, holds
from subscribers.models import Enrollment, Hold, Message, SpentDay, Subscriber
from subscribers.outcomes import Outcome, record
from subscribers.scheduling import follow_story, schedule
from textengine.carrier import Accepted
from textengine.tests.databases import is_sqlite

from .engine import claimed
from .factory import make_enrollment
from .webhooks import new_sid, report, text

# What migrations made is put back after each test: other tests of this kind count on it.
pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
ROUNDS = 8
needs_postgresql = pytest.mark.skipif(is_sqlite(), reason="On SQLite one writer waits for the other.")


def at_once(*functions: Callable) -> list:
    """Run these functions at the same moment, each with a connection of its own; return what they return."""
    barrier = threading.Barrier(len(functions))

    def run(function):
        try:
            barrier.wait(10)
            return function()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(functions)) as pool:
        return list(pool.map(run, functions))


@contextmanager
def after_statement(fragment: str, do: Callable):
    """Do this once a statement of this thread that contains `fragment` has run, before the next one."""
    done = []

    def run(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if fragment in sql and not done:
            done.append(True)
            do()
        return result

    with connection.execute_wrapper(run):
        yield
    assert done


def test_the_same_sid_at_the_same_moment_acts_once():
    make_story(keyword="river")
    for _ in range(ROUNDS):
        sid = new_sid()
        before = Enrollment.objects.count()
        sender = f"+1415555{before:04}"
        responses = at_once(*[lambda sid=sid, sender=sender: text("river", sender=sender, sid=sid)] * 4)
        assert [response.status_code for response in responses] == [200] * 4
        assert Message.objects.filter(sid=sid).count() == 1
        assert Enrollment.objects.count() == before + 1


def test_two_first_texts_at_the_same_moment_start_one_story():
    for _ in range(4):
        make_story()
    responses = at_once(lambda: text("Hello"), lambda: text("Hi"), lambda: text("Hey"))
    assert [response.status_code for response in responses] == [200] * 3
    assert Subscriber.objects.count() == 1
    assert Enrollment.objects.count() == 1
    assert Message.objects.filter(direction="inbound").count() == 3


def test_two_clusters_never_claim_the_same_message():
    story = make_story(texts=[("One", 0)])
    for _ in range(20):
        make_enrollment(story=story)
    now = timezone.now() + timedelta(seconds=1)
    at_once(*[lambda: claiming.claim(now)] * 4)
    claiming.claim(now)
    tasks = [pk for row in OrmQ.objects.all() for pk in row.task["args"][0]]
    assert sorted(tasks) == sorted(Message.objects.values_list("pk", flat=True))


def test_a_task_that_runs_in_two_workers_at_once_sends_once(sandbox):
    for _ in range(ROUNDS):
        enrollment = make_enrollment(story=make_story(texts=[("One", 0)]))
        [(_, ids, lease)] = claimed()
        at_once(*[lambda ids=ids, lease=lease: dispatch.send(ids, lease)] * 2)
        assert len(sandbox.messages(str(enrollment.subscriber.phone_number))) == 1


def test_a_stop_at_the_moment_of_sending_either_wins_or_came_too_late(sandbox):
    for _ in range(ROUNDS):
        enrollment = make_enrollment(story=make_story(texts=[("One", 0), ("Two", 0)]))
        [(_, ids, lease)] = claimed()
        at_once(
            lambda ids=ids, lease=lease: dispatch.send(ids, lease),
            lambda number=str(enrollment.subscriber.phone_number): stop(number),
        )
        had = len(sandbox.messages(str(enrollment.subscriber.phone_number)))
        first = enrollment.messages.get(step=1)
        assert (first.status in ("queued", "sent", "delivered")) == (had == 1)
        assert not enrollment.messages.filter(status="scheduled").exists()
        enrollment.refresh_from_db()
        assert enrollment.status == "stopped"


def stop(number: str) -> None:
    assert text("STOP", sender=number).status_code == 200
    assert Subscriber.objects.get(phone_number=number).opted_out_at


def test_a_stop_beside_the_carriers_own_word_of_it_is_kept(sandbox):
    for _ in range(ROUNDS):
        enrollment = make_enrollment(story=make_story(texts=[("One", 0), ("Two", 0)]))
        number = str(enrollment.subscriber.phone_number)
        sandbox.faults({"numbers": {number: "opted-out"}})
        [(_, ids, lease)] = claimed()
        at_once(
            lambda ids=ids, lease=lease: dispatch.send(ids, lease),
            lambda number=number: stop(number),
        )
        enrollment.refresh_from_db()
        assert enrollment.status == "stopped"
        assert Message.objects.filter(direction="inbound", subscriber=enrollment.subscriber).count() == 1


def test_a_stop_at_the_moment_of_a_record_is_never_lost():
    for _ in range(ROUNDS):
        enrollment = make_enrollment(story=make_story(texts=[("One", 0), ("Two", 0)]))
        number = str(enrollment.subscriber.phone_number)
        [(_, ids, lease)] = claimed()
        [request] = dispatch.begin(ids, lease, timezone.now())
        accepted = Accepted(new_sid(), "One", "queued", 1, timezone.now())
        at_once(
            lambda request=request, accepted=accepted: record([Outcome(request.message_id, timezone.now(), accepted)]),
            lambda number=number: stop(number),
        )
        enrollment.refresh_from_db()
        assert (enrollment.status, enrollment.step) == ("stopped", 1)
        assert not enrollment.messages.filter(status="scheduled").exists()


def test_a_text_deleted_while_readers_enroll_breaks_no_enrollment():
    for _ in range(ROUNDS):
        story = make_story(keyword="river", texts=[("One", 60), ("Two", 60)])
        number = f"+1415557{story.pk:04}"
        first = story.texts.get(position=1)
        response, _ = at_once(lambda number=number: text("river", sender=number), first.delete)
        assert response.status_code == 200
        assert Enrollment.objects.get(subscriber__phone_number=number).status == "active"
        Enrollment.objects.all().delete()
        story.delete()


def test_two_holds_released_at_the_same_moment_leave_nothing_held():
    for _ in range(ROUNDS):
        enrollment = make_enrollment(story=make_story(texts=[("One", 0)]))
        enrollment.messages.update(status="held")
        everything = Hold.objects.create(reason="A mistake")
        story = Hold.objects.create(reason="Another", story=enrollment.story)
        at_once(
            lambda hold=everything: holds.release(hold, timezone.now()),
            lambda hold=story: holds.release(hold, timezone.now()),
        )
        assert enrollment.messages.get().status == "scheduled"


def test_an_answer_and_a_callback_at_the_same_moment_record_once():
    for _ in range(ROUNDS):
        enrollment = make_enrollment(story=make_story(texts=[("One", 0), ("Two", 60)]))
        [(_, ids, lease)] = claimed()
        [request] = dispatch.begin(ids, lease, timezone.now())
        sid = new_sid()
        accepted = Accepted(sid, "One", "queued", 1, timezone.now())
        _, response = at_once(
            lambda request=request, accepted=accepted, lease=lease: record(
                [Outcome(request.message_id, timezone.now(), accepted=accepted)], lease
            ),
            lambda sid=sid, request=request: report(sid, "delivered", message_id=request.message_id),
        )
        assert response.status_code == 204
        assert enrollment.messages.get(step=1).status == "delivered"
        assert enrollment.messages.count() == 2


def test_an_answer_recorded_while_its_callback_looks_loses_no_status():
    enrollment = make_enrollment(story=make_story(texts=[("One", 0), ("Two", 60)]))
    [(_, ids, lease)] = claimed()
    [request] = dispatch.begin(ids, lease, timezone.now())
    sid, now = new_sid(), timezone.now()
    outcome = Outcome(request.message_id, now, accepted=Accepted(sid, "One", "queued", 1, now))
    with after_statement("SET status = ", lambda: record([outcome], lease)):
        report(sid, "delivered", message_id=request.message_id)
    assert enrollment.messages.get(step=1).status == "delivered"


def test_callbacks_at_the_same_moment_end_at_the_last_status():
    for _ in range(ROUNDS):
        enrollment = make_enrollment(story=make_story(texts=[("One", 0), ("Two", 60)]), sent=1)
        enrollment.messages.filter(step=1).update(status="queued")
        sid = enrollment.messages.get(step=1).sid
        responses = at_once(*[lambda s=status, sid=sid: report(sid, s) for status in ("delivered", "sending", "sent")])
        assert [response.status_code for response in responses] == [204] * 3
        assert enrollment.messages.get(step=1).status == "delivered"


def test_editing_at_the_moment_of_sending_neither_loses_nor_doubles(sandbox):
    for _ in range(ROUNDS):
        story = make_story(texts=[("One", 0), ("Two", 0)])
        enrollment = make_enrollment(story=story)
        [(_, ids, lease)] = claimed()
        at_once(
            lambda ids=ids, lease=lease: dispatch.send(ids, lease),
            lambda story=story: follow_story(story.pk, timezone.now()),
        )
        for _ in range(3):
            for _, ids, lease in claimed():
                dispatch.send(ids, lease)
        bodies = [message["body"] for message in sandbox.messages(str(enrollment.subscriber.phone_number))]
        assert bodies == ["One", "Two"]


def test_a_hold_that_is_released_at_the_moment_of_a_claim_leaves_no_message_held():
    for _ in range(ROUNDS):
        enrollment = make_enrollment(story=make_story(texts=[("One", 0)]))
        hold = Hold.objects.create(reason="A mistake")
        at_once(
            lambda: claiming.claim(timezone.now()),
            lambda hold=hold: holds.release(hold, timezone.now()),
        )
        assert enrollment.messages.get().status in ("scheduled", "sending")


def test_writers_never_find_the_database_locked():
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has no such lock.")
    make_story(keyword="river")
    writers = [
        lambda n=n: [text("river", sender=f"+1415556{n}{i:03}").status_code for i in range(10)] for n in range(8)
    ]
    assert {status for statuses in at_once(*writers) for status in statuses} == {200}
    assert Enrollment.objects.count() == 80


def test_words_and_picture_come_from_one_look_at_the_text():
    story = make_story(texts=[("", 0)])
    story.texts.update(media_url="https://example.org/river.png")
    make_enrollment(story=story)
    [(_, ids, lease)] = claimed()
    with after_statement("begun_at = ", lambda: story.texts.update(media_url="", body="The river")):
        [request] = dispatch.begin(ids, lease, timezone.now())
    assert (request.body, request.media_urls) == ("", ["https://example.org/river.png"])


@needs_postgresql
def test_a_hold_that_is_released_while_a_message_is_put_aside_does_not_keep_it_waiting():
    enrollment = make_enrollment(story=make_story(texts=[("One", 0)]))
    [(_, ids, lease)] = claimed()
    hold = Hold.objects.create(reason="A mistake")
    with after_statement("begun_at = ", lambda: at_once(lambda: holds.release(hold, timezone.now()))):
        assert dispatch.begin(ids, lease, timezone.now()) == []
    assert enrollment.messages.get().status == "scheduled"


@needs_postgresql
def test_a_hold_put_on_while_beginning_waits_keeps_the_message_back():
    enrollment = make_enrollment(story=make_story(texts=[("One", 0)]))
    [(_, ids, lease)] = claimed()
    locked = threading.Event()

    def begin():
        locked.wait(10)
        return dispatch.begin(ids, lease, timezone.now())

    def hold_meanwhile():
        with transaction.atomic():
            enrollment.messages.update(reason="")
            locked.set()
            time.sleep(0.5)
            at_once(lambda: Hold.objects.create(reason="A mistake"))

    requests, _ = at_once(begin, hold_meanwhile)
    assert requests == []
    assert enrollment.messages.get().status == "held"


@needs_postgresql
def test_beginning_beside_an_edited_story_waits_in_no_circle():
    story = make_story(texts=[("One", 0), ("Two", 60)])
    _, orphaned = make_enrollment(story=story), make_enrollment(story=story)
    [(_, ids, lease)] = claimed()
    orphaned.messages.update(text=None)
    begun, tries = threading.Event(), []

    def begin():
        with after_statement("begun_at = ", lambda: (tries.append(True), begun.set(), time.sleep(0.2))):
            return dispatch.begin(ids, lease, timezone.now())

    def follow():
        with transaction.atomic():
            locked = list(Enrollment.objects.filter(story=story).locked())
            begun.wait(10)
            time.sleep(0.4)
            schedule(locked, timezone.now())

    requests, _ = at_once(begin, follow)
    assert len(requests) == 1
    assert len(tries) == 1


@needs_postgresql
def test_a_delay_changed_while_a_record_waits_counts():
    others, enrollment = (make_enrollment(story=make_story(texts=[("One", 0), ("Two", 60)])) for _ in range(2))
    [(_, ids, lease)] = claimed()
    requests, now = dispatch.begin(ids, lease, timezone.now()), timezone.now()
    outcomes = [Outcome(request.message_id, now, Accepted(new_sid(), "One", "queued", 1, now)) for request in requests]
    locked = threading.Event()

    def record_later():
        locked.wait(10)
        record(outcomes, lease)

    def edit():
        with transaction.atomic():
            list(Enrollment.objects.filter(pk=others.pk).locked())
            locked.set()
            time.sleep(0.5)
            at_once(edit_other)

    def edit_other():
        enrollment.story.texts.filter(position=2).update(delay=timedelta(hours=9))
        follow_story(enrollment.story_id, timezone.now())

    at_once(record_later, edit)
    assert enrollment.messages.get(step=2).due_at == now + timedelta(hours=9)


@needs_postgresql
def test_a_first_callback_beside_a_stop_waits_in_no_circle():
    enrollment = make_enrollment(story=make_story(texts=[("One", 0), ("Two", 60)]))
    [(_, ids, lease)] = claimed()
    dispatch.begin(ids, lease, timezone.now())
    adopted, tries = threading.Event(), []

    def adopt():
        with after_statement("reordered_at", lambda: (adopted.set(), time.sleep(0.4))):
            report(new_sid(), "sent", message_id=ids[0])

    def stop_meanwhile():
        adopted.wait(10)
        with connection.execute_wrapper(lambda run, sql, *rest: (tries.append(sql), run(sql, *rest))[1]):
            stop(str(enrollment.subscriber.phone_number))

    at_once(adopt, stop_meanwhile)
    assert sum("INSERT INTO subscribers_message" in sql for sql in tries) == 1
    assert enrollment.messages.get(step=2).status == "canceled"


@needs_postgresql
def test_a_story_that_loses_its_only_text_while_a_reader_enrolls_does_not_begin():
    story = make_story(keyword="river", texts=[("One", 0)])
    with after_statement("s.weight, s.id", lambda: at_once(story.texts.all().delete)):
        assert text("river").status_code == 200
    assert not Enrollment.objects.exists()
    assert Message.objects.get().body == "river"


@needs_postgresql
def test_a_text_is_deleted_although_a_reader_begins_with_it_meanwhile():
    story = make_story(keyword="river", texts=[("One", 60), ("Two", 60)])
    first = story.texts.get(position=1)
    # Django has looked by then for messages whose text this is.
    with after_statement('UPDATE "subscribers_message"', lambda: at_once(lambda: text("river"))):
        first.delete()
    assert Enrollment.objects.get().messages.get().text is None


def at_question(**fields) -> Enrollment:
    """Return a passage whose reader was just asked."""
    enrollment = make_enrollment(story=make_pier(**fields), sent=1)
    now = timezone.now()
    enrollment.messages.filter(step=2).update(sent_at=now, status="delivered", sid=new_sid())
    enrollment.step = 2
    enrollment.save()
    with transaction.atomic():
        schedule([enrollment], now)
    return enrollment


def test_two_answers_at_the_same_moment_are_one():
    for _ in range(ROUNDS):
        enrollment = at_question()
        phone = str(enrollment.subscriber.phone_number)
        at_once(lambda: text("A", phone), lambda: text("B", phone))  # noqa: B023
        question = enrollment.questions.get()
        following = enrollment.messages.get(step=3)
        assert following.text.body == {"A": "At sea.", "B": "Alone."}[question.choice]
        assert enrollment.messages.count() == 3


def test_an_answer_beside_the_request_of_the_default_is_taken_or_too_late():
    for _ in range(ROUNDS):
        enrollment = at_question(answer_within=timedelta(0, 1), default_answer="A")
        enrollment.messages.filter(step=3).update(due_at=timezone.now())
        [(_, ids, lease)] = claimed()
        phone = str(enrollment.subscriber.phone_number)
        requests, _ = at_once(
            lambda: dispatch.begin(ids, lease, timezone.now()),  # noqa: B023
            lambda: text("B", phone),  # noqa: B023
        )
        choice, following = enrollment.questions.get().choice, enrollment.messages.get(step=3)
        assert (len(requests), choice, following.text.body) in [(1, "", "At sea."), (0, "B", "Alone.")]


def test_workers_that_spend_the_days_last_segments_at_once_put_one_brake_on(settings):
    settings.DAILY_SEGMENTS = 4
    now, sids = timezone.now(), [new_sid() for _ in range(8)]
    ids = [make_enrollment(story=make_story([("One", 0)])).messages.get().pk for _ in sids]
    Message.objects.filter(pk__in=ids).update(attempts=1)
    answers = [Outcome(pk, now, Accepted(sid, "One", "queued", 1, now)) for pk, sid in zip(ids, sids, strict=True)]
    at_once(*(lambda answer=answer: record([answer]) for answer in answers))
    assert SpentDay.objects.get().segments == 8
    assert Hold.objects.count() == 1


def test_stories_that_begin_at_once_each_have_a_turn_of_their_own(settings):
    settings.ENROLLMENTS_PER_MINUTE = 4
    make_story([("One", 0)], keyword="river")
    at_once(*(lambda number=number: text("river", sender=f"+1415555020{number}") for number in range(6)))
    now = timezone.now()
    late = [due_at - now for due_at in Message.objects.story_texts().values_list("due_at", flat=True)]
    assert sorted(wait > timedelta(seconds=9) for wait in late) == [False] * 4 + [True] * 2
