"""What readers ask for at the same moment as something else happens, on purpose."""

from datetime import timedelta

import pytest
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers import dispatch
from subscribers.ending import follow_end
from subscribers.erasing import erase
from subscribers.models import Enrollment, Erasure, Message, StoppedNumber, Subscriber
from subscribers.outcomes import Outcome, record
from subscribers.replies import AHEAD
from textengine.carrier import Accepted

from .engine import claimed, work
from .factory import make_enrollment, make_subscriber
from .test_races import ROUNDS, at_once
from .webhooks import new_sid, text

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def says(body: str, number: str, sid: str = ""):
    """Return a function that lets this number text us."""

    def run() -> int:
        return text(body, sender=number, sid=sid).status_code

    return run


def test_two_keywords_at_the_same_moment_keep_to_the_limit(settings):
    settings.MAX_STORIES_AT_ONCE = 1
    for keyword in ("river", "forest", "desert"):
        make_story(keyword=keyword)
    for place in range(ROUNDS):
        number = f"+1415558{place:04}"
        assert at_once(*[says(keyword, number) for keyword in ("river", "forest", "desert")]) == [200] * 3
        found = Enrollment.objects.filter(subscriber__phone_number=number)
        assert sorted(found.values_list("status", flat=True)) == ["active", "waiting", "waiting"]


def test_two_ends_at_the_same_moment_let_in_one(settings):
    settings.MAX_STORIES_AT_ONCE = 1
    for _ in range(ROUNDS):
        reader = make_subscriber()
        ended = make_enrollment(reader, make_story(closing="Goodbye."), status="completed")
        for _ in range(2):
            make_enrollment(reader, make_story(), status="waiting")
        at_once(*[lambda ended=ended: follow_end([ended.pk], timezone.now())] * 3)
        assert sorted(reader.enrollments.values_list("status", flat=True)) == ["active", "completed", "waiting"]
        assert Message.objects.filter(subscriber=reader, automatic="closing").count() == 1


def test_an_end_beside_a_stop_lets_nobody_in(settings):
    settings.MAX_STORIES_AT_ONCE = 1
    for _ in range(ROUNDS):
        reader = make_subscriber()
        ended = make_enrollment(reader, status="completed")
        make_enrollment(reader, make_story(), status="waiting")
        at_once(lambda ended=ended: follow_end([ended.pk], timezone.now()), says("stop", str(reader.phone_number)))
        assert sorted(reader.enrollments.values_list("status", flat=True)) == ["completed", "stopped"]
        assert not Message.objects.filter(subscriber=reader, status="scheduled").exists()


def test_a_pause_at_the_moment_of_sending_either_wins_or_came_too_late(sandbox):
    for _ in range(ROUNDS):
        enrollment = make_enrollment(story=make_story(texts=[("One", 0), ("Two", 0)]))
        number = str(enrollment.subscriber.phone_number)
        [(_, ids, lease)] = claimed()
        at_once(lambda ids=ids, lease=lease: dispatch.send(ids, lease), says("pause", number))
        had = [body for body in sandbox.received(number) if body == "One"]
        work()
        assert [body for body in sandbox.received(number) if body in ("One", "Two")] == had
        enrollment.refresh_from_db()
        assert (enrollment.status, enrollment.step) == ("paused", len(had))
        text("resume", sender=number)
        for _ in range(2):
            work(timezone.now() + AHEAD)
        assert [body for body in sandbox.received(number) if body in ("One", "Two")] == ["One", "Two"]


def test_pause_and_resume_at_the_same_moment_leave_nothing_between(sandbox):
    for _ in range(ROUNDS):
        enrollment = make_enrollment(story=make_story(texts=[("One", 3600)]))
        number = str(enrollment.subscriber.phone_number)
        at_once(says("pause", number), says("resume", number), says("pause", number))
        enrollment.refresh_from_db()
        waits = enrollment.messages.get(step=1).status
        assert (enrollment.status, waits) in {("active", "scheduled"), ("paused", "canceled")}


def test_a_forget_that_comes_four_times_at_once_acts_once():
    for place in range(ROUNDS):
        enrollment = make_enrollment(make_subscriber(f"+1415559{place:04}"))
        number, sid = str(enrollment.subscriber.phone_number), new_sid()
        assert at_once(*[says("forget", number, sid)] * 4) == [200] * 4
        assert Message.objects.filter(subscriber__phone_number=number).count() == 1
        assert Erasure.objects.filter(sid=sid).count() == 1


def test_a_forget_at_the_moment_of_a_record_leaves_nothing():
    for _ in range(ROUNDS):
        enrollment = make_enrollment(story=make_story(texts=[("One", 0), ("Two", 0)]))
        number = str(enrollment.subscriber.phone_number)
        [(_, ids, lease)] = claimed()
        [request] = dispatch.begin(ids, lease, timezone.now())
        sid, now = new_sid(), timezone.now()
        outcome = Outcome(request.message_id, now, Accepted(sid, "One", "queued", 1, now))
        at_once(lambda outcome=outcome, lease=lease: record([outcome], lease), says("forget", number))
        Message.objects.filter(automatic="forgotten").update(status="canceled")
        erase(timezone.now())
        assert Erasure.objects.filter(sid=sid).exists()
        assert not Subscriber.objects.filter(phone_number=number).exists()
        assert not Message.objects.filter(pk=request.message_id).exists()


def test_a_forget_at_the_moment_of_a_stop_leaves_the_mark_or_the_stop():
    for _ in range(ROUNDS):
        StoppedNumber.objects.all().delete()
        enrollment = make_enrollment()
        number = str(enrollment.subscriber.phone_number)
        assert at_once(says("forget", number), says("stop", number)) == [200] * 2
        erase(timezone.now() + timedelta(days=2))
        reader = Subscriber.objects.filter(phone_number=number).first()
        assert StoppedNumber.objects.exists() or (reader and reader.opted_out_at)
        assert not Message.objects.filter(subscriber__phone_number=number, status="scheduled").exists()
