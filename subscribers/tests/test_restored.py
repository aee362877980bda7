"""After a backup was restored: what may have gone out meanwhile is asked for, and nothing is sent by itself."""

import time
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers import claiming, holds
from subscribers.beginning import begin
from subscribers.models import Hold, Message
from textengine import carrier

from .engine import claimed, work
from .factory import OUR_NUMBER, make_enrollment

pytestmark = pytest.mark.django_db

TEXTS = [("One", 0), ("Two", 60), ("Three", 60), ("Four", 3600)]
SOON = timedelta(minutes=5)


def restore(after: timedelta = timedelta()) -> Hold:
    """Set the brake that a restored copy begins with, of a backup taken a minute ago; `after` this moment."""
    now = timezone.now()
    return Hold.objects.create(reason="Restored.", asks_since=now - timedelta(minutes=1), asks_until=now + after)


def send_elsewhere(enrollment, *bodies: str) -> None:
    """Let the carrier have these texts from the installation of which the backup was taken."""
    for body in bodies:
        message = {"to": str(enrollment.subscriber.phone_number), "sender": OUR_NUMBER, "body": body}
        until = time.monotonic() + 5
        carrier.gather([carrier.send(**message, media_urls=[], status_callback="", begin_until=until)])


def test_what_went_out_since_the_backup_is_adopted_text_by_text_and_the_next_one_is_held(sandbox):
    enrollment = make_enrollment(story=make_story(texts=TEXTS))
    send_elsewhere(enrollment, "One", "Two")
    restore(after=SOON)
    for _ in range(4):
        work(timezone.now() + SOON)
    messages = enrollment.messages.order_by("step")
    assert [(message.body, bool(message.sid)) for message in messages[:2]] == [("One", True), ("Two", True)]
    assert (messages[2].text.body, messages[2].sid, messages.count()) == ("Three", None, 3)
    assert sandbox.received(str(enrollment.subscriber.phone_number)) == ["One", "Two"]


def test_what_did_not_go_out_is_held_and_goes_out_once_when_the_hold_is_released(sandbox):
    enrollment = make_enrollment(story=make_story(texts=TEXTS[:1]))
    hold = restore()
    for _ in range(3):
        work(timezone.now() + SOON * 2)
    assert enrollment.messages.get().status == "held"
    assert sandbox.received(str(enrollment.subscriber.phone_number)) == []
    holds.release(hold, timezone.now())
    for _ in range(2):
        work(timezone.now() + SOON * 2)
    assert sandbox.received(str(enrollment.subscriber.phone_number)) == ["One"]


def test_a_hold_released_at_once_still_has_the_carrier_asked_first(sandbox):
    enrollment = make_enrollment(story=make_story(texts=TEXTS[:1]))
    send_elsewhere(enrollment, "One")
    holds.release(restore(), timezone.now())
    assert [function for function, *_ in claimed()] == ["ask"]
    Message.objects.give_back()
    for _ in range(2):
        work()
    enrollment.refresh_from_db()
    assert enrollment.status == "completed"
    assert sandbox.received(str(enrollment.subscriber.phone_number)) == ["One"]


@pytest.mark.parametrize("way", Hold.Way)
@pytest.mark.parametrize("story_is_held", [False, True])
def test_what_the_old_installation_sent_until_the_release_is_not_sent_again(sandbox, way, story_is_held):
    story = make_story(texts=[("One", 0), ("Two", 0), ("Three", 0), ("Four", 3600)])
    reached, waiting = make_enrollment(story=story), make_enrollment(story=story)
    hold = restore()
    if story_is_held:
        on_story = Hold.objects.create(story=story, reason="A wrong name.")
    pass_by(3, timezone.now() + SOON)
    assert {each.messages.get().status for each in (reached, waiting)} == {"held"}
    # It runs on beside the copy, and one reader is further.
    send_elsewhere(reached, "One", "Two")
    send_elsewhere(waiting, "One")
    Message.objects.update(due_at=timezone.now() - timedelta(minutes=2))
    Hold.objects.update(created_at=timezone.now() - timedelta(minutes=3))
    hold.refresh_from_db()
    holds.release(hold, timezone.now(), way)
    pass_by(4, timezone.now() + SOON)
    if story_is_held:
        on_story.refresh_from_db()
        holds.release(on_story, timezone.now(), way)
    pass_by(6, timezone.now() + SOON * 3)
    for enrollment in (reached, waiting):
        texts = sandbox.received(str(enrollment.subscriber.phone_number))
        assert len(texts) == len(set(texts)), texts
    if way != Hold.Way.SKIP:
        assert "Three" in sandbox.received(str(reached.subscriber.phone_number))


def pass_by(polls: int, now: datetime) -> None:
    for _ in range(polls):
        work(now)


def test_what_did_not_go_out_elsewhere_is_moved_on_by_as_long_as_the_copy_was_held(sandbox):
    enrollment = make_enrollment(story=make_story(texts=TEXTS[:1]))
    hold = restore()
    pass_by(3, timezone.now() + SOON)
    now = timezone.now()
    was_due = now - timedelta(minutes=10)
    Message.objects.update(due_at=was_due)
    Hold.objects.update(created_at=now - timedelta(hours=1))
    hold.refresh_from_db()
    holds.release(hold, now)
    assert [function for function, *_ in claimed()] == ["ask"]
    Message.objects.give_back()
    work()
    message = enrollment.messages.get()
    assert (message.status, message.shifted) == ("scheduled", now - hold.created_at)
    assert message.due_at == was_due + message.shifted
    assert sandbox.received(str(enrollment.subscriber.phone_number)) == []


def test_an_asking_that_was_cut_off_is_taken_up_with_the_moment_of_the_backup(sandbox):
    enrollment = make_enrollment(story=make_story(texts=TEXTS[:1]))
    send_elsewhere(enrollment, "One")
    hold = restore()
    [(_, ids, lease)] = claimed()
    begin(ids, lease, timezone.now(), begun_at=hold.asks_since)
    message = enrollment.messages.get()
    assert (message.begun_at, message.body) == (hold.asks_since, "One")
    work(timezone.now() + claiming.LEASE * 2)
    assert enrollment.messages.get().sid


def test_what_is_due_after_the_restoring_is_in_no_doubt(sandbox):
    enrollment = make_enrollment(story=make_story(texts=TEXTS[:1]))
    holds.release(restore(), timezone.now())
    enrollment.messages.update(due_at=timezone.now() + SOON * 2)
    assert [function for function, *_ in claimed(timezone.now() + SOON * 2)] == ["send"]


def test_a_carrier_that_cannot_say_is_asked_again_and_nothing_is_sent(sandbox):
    enrollment = make_enrollment(story=make_story(texts=TEXTS[:1]))
    restore()
    sandbox.faults({"next": [{"kind": "500", "count": 1, "on": "read"}]})
    work()
    message = enrollment.messages.get()
    assert (message.status, message.sid) == ("sending", None)
    assert sandbox.received(str(enrollment.subscriber.phone_number)) == []
