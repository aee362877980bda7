"""What an editor does at the same moment as a reader, another editor or the cluster, on purpose."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers import correcting, dispatch, steering, writing
from subscribers.models import Correction, Enrollment, Message, Recipient
from subscribers.steering import Refused

from .engine import claimed, work
from .factory import make_enrollment, make_subscriber
from .test_races import ROUNDS, at_once
from .test_reader_races import says

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def tried(function, *arguments):
    """Return a function that does this unless it is refused, and then returns why."""

    def run() -> object:
        try:
            return function(*arguments, timezone.now())
        except Refused as refused:
            return str(refused)

    return run


def test_a_stop_at_the_moment_of_a_reply_wins(sandbox):
    user = User.objects.create_user("eddie")
    for _ in range(ROUNDS):
        reader = make_subscriber()
        at_once(tried(writing.reply, reader.pk, "Yes.", user), says("stop", str(reader.phone_number)))
        work()
        assert "Yes." not in sandbox.received(str(reader.phone_number))
        assert set(Message.objects.filter(body="Yes.", subscriber=reader).values_list("status", flat=True)) <= {
            "canceled"
        }


def test_a_stop_at_the_moment_of_a_correction_wins(sandbox):
    user = User.objects.create_user("eddie")
    for _ in range(ROUNDS):
        enrollment = make_enrollment(story=make_story([("One", 60), ("Two", 3600)]), sent=1)
        now, number = timezone.now(), str(enrollment.subscriber.phone_number)
        text = enrollment.story.texts.get(position=1)
        correction = correcting.start(text, "", "It was Tuesday.", now, user, now)
        at_once(tried(correcting.write_batch, correction.pk), says("stop", number))
        work()
        assert "It was Tuesday." not in sandbox.received(number)


def test_a_correction_that_two_tasks_write_at_once_comes_once_to_each():
    user = User.objects.create_user("eddie")
    for _ in range(ROUNDS):
        story = make_story([("One", 60), ("Two", 3600)])
        for _ in range(3):
            make_enrollment(story=story, sent=1)
        now, text = timezone.now(), story.texts.get(position=1)
        correction = correcting.start(text, "", "It was Tuesday.", now, user, now)
        at_once(*[tried(correcting.write_batch, correction.pk)] * 3)
        assert Recipient.objects.filter(correction=correction).count() == 3
        assert Message.objects.filter(story=story, body="It was Tuesday.").count() == 3


def test_a_correction_that_is_stopped_while_it_is_written_sends_nothing(sandbox):
    user = User.objects.create_user("eddie")
    for _ in range(ROUNDS):
        enrollment = make_enrollment(story=make_story([("One", 60), ("Two", 3600)]), sent=1)
        now, text = timezone.now(), enrollment.story.texts.get(position=1)
        correction = correcting.start(text, "", "It was Tuesday.", now, user, now)
        at_once(tried(correcting.write_batch, correction.pk), tried(correcting.stop, correction.pk))
        work()
        assert sandbox.received(str(enrollment.subscriber.phone_number)) == []


def test_a_stop_at_the_moment_of_a_resume_wins():
    for _ in range(ROUNDS):
        enrollment = make_enrollment(status="paused")
        at_once(tried(steering.resume, enrollment.pk), says("stop", str(enrollment.subscriber.phone_number)))
        enrollment.refresh_from_db()
        assert enrollment.status == "stopped"
        assert not Message.objects.filter(enrollment=enrollment, status="scheduled").exists()


def test_two_editors_who_start_a_story_again_start_it_once():
    for _ in range(ROUNDS):
        enrollment = make_enrollment(status="completed")
        at_once(*[tried(steering.start_again, enrollment.pk)] * 3)
        assert Enrollment.objects.filter(subscriber=enrollment.subscriber, status="active").count() == 1


def test_a_reader_is_put_elsewhere_while_the_text_is_claimed_and_gets_one_text(sandbox):
    for _ in range(ROUNDS):
        story = make_story([("One", 0), ("Two", 3600), ("Three", 3600), ("Four", 3600)])
        enrollment = make_enrollment(story=story)
        [(_, ids, lease)] = claimed()
        third = story.texts.get(position=3).pk
        at_once(lambda ids=ids, lease=lease: dispatch.send(ids, lease), tried(steering.place, enrollment.pk, third))
        received = sandbox.received(str(enrollment.subscriber.phone_number))
        enrollment.refresh_from_db()
        assert received in ([], ["One"])
        assert enrollment.step == len(received)
        upcoming = enrollment.messages.get(step=enrollment.step + 1)
        assert (upcoming.status, upcoming.text.body in ("Two", "Three")) == ("scheduled", True)


def test_of_two_who_correct_a_text_at_the_same_moment_one_is_asked_to_look_again():
    users = [User.objects.create_user(name) for name in ("eddie", "ada")]
    for _ in range(ROUNDS):
        story = make_story([("One", 60), ("Two", 3600)])
        make_enrollment(story=story, sent=1)
        text = story.texts.get(position=1)
        # Each has looked at another moment, before either sends.
        looks = [(user, timezone.now()) for user in users]
        at_once(*[tried(correcting.start, text, "", f"By {user}.", seen, user) for user, seen in looks])
        assert Correction.objects.filter(text=text).count() == 1
