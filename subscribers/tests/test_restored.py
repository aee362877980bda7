"""After a backup was restored: what may have gone out meanwhile is asked for, and nothing is sent by itself."""

import time
from datetime import timedelta

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
