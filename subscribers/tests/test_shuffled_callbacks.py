"""Callbacks in any order, and each twice: statuses only move forward, and what follows from an error follows once."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
import requests
from django.db import transaction
from django.utils import timezone
from twilio.request_validator import RequestValidator

from stories.tests.factory import make_story
from subscribers.claiming import LEASE
from subscribers.models import Enrollment, Message, Subscriber
from textengine.tests.readers import explained

from .factory import OUR_NUMBER
from .webhooks import STATUS, new_sid, report

# The carrier's words for a message that arrives, and for one that is lost on the way: this one is tried again.
ARRIVES = [("queued", None), ("sending", None), ("sent", None), ("delivered", None)]
IS_LOST = [("queued", None), ("sending", None), ("sent", None), ("undelivered", 30003)]
# Of so many messages one is lost, and of another one the answer was never recorded.
PERIOD = 5
LOST, UNKNOWN = 0, 1
CALLBACKS = 2 * len(ARRIVES)  # each comes twice
AT_ONCE = 8

Report = Callable[[str, str, int | None, int], None]


def make_sent(count: int) -> list[tuple[Message, str]]:
    """Return the first texts of so many readers, each with the SID that the carrier gave it, known to us or not."""
    story = make_story([("One", 0), ("Two", 3600)])
    text, now = story.texts.get(position=1), timezone.now()
    readers = Subscriber.objects.bulk_create(
        Subscriber(phone_number=f"+1{2125550000 + number}") for number in range(count)
    )
    enrollments = Enrollment.objects.bulk_create(
        Enrollment(subscriber=reader, story=story, number=OUR_NUMBER) for reader in readers
    )
    under_way = {"status": Message.Status.SENDING, "lease": uuid4(), "lease_until": now + LEASE, "begun_at": now}
    common = {"direction": Message.Direction.OUTBOUND, "story": story, "text": text, "step": 1, "body": "One"}
    messages = [
        Message(
            **common | (under_way if number % PERIOD == UNKNOWN else {"status": Message.Status.QUEUED}),
            subscriber_id=enrollment.subscriber_id,
            enrollment=enrollment,
            number=OUR_NUMBER,
            attempts=1,
            due_at=now,
            sent_at=None if number % PERIOD == UNKNOWN else now,
            sid=None if number % PERIOD == UNKNOWN else new_sid(),
        )
        for number, enrollment in enumerate(enrollments)
    ]
    with transaction.atomic():
        messages = Message.objects.bulk_create(messages)
        Enrollment.objects.exclude(messages__sid=None).update(step=1)
    return [(message, message.sid or new_sid()) for message in messages]


def call_back(sent: list[tuple[Message, str]], tell: Report, at_once: int, seed: int) -> None:
    """Tell all that the carrier has to say of these, twice, in random order."""
    callbacks = [
        (sid, status, error, message.pk)
        for number, (message, sid) in enumerate(sent)
        for status, error in 2 * (IS_LOST if number % PERIOD == LOST else ARRIVES)
    ]
    random.Random(seed).shuffle(callbacks)
    if at_once == 1:
        # In the test's own thread, which has the test's own transaction.
        for callback in callbacks:
            tell(*callback)
        return
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda callback: tell(*callback), callbacks))


def assert_all_moved_forward(sent: list[tuple[Message, str]]) -> None:
    for number, (message, sid) in enumerate(sent):
        message.refresh_from_db()
        arrived = Message.Status.UNDELIVERED if number % PERIOD == LOST else Message.Status.DELIVERED
        assert (message.sid, message.status) == (sid, arrived)
    again = Message.objects.exclude(again=None)
    assert set(again.values_list("again", flat=True)) == {each.pk for each, _ in sent[LOST::PERIOD]}
    assert again.count() == len(sent[LOST::PERIOD])
    # Whose answer was never recorded goes on by the callback, once.
    following = Message.objects.filter(step=2)
    assert following.count() == len(sent[UNKNOWN::PERIOD])
    assert not following.exclude(due_at__gt=timezone.now() + timedelta(minutes=50)).exists()


@pytest.mark.django_db
def test_callbacks_in_random_order_and_twice_only_move_statuses_forward():
    def tell(sid: str, status: str, error: int | None, message: int) -> None:
        assert report(sid, status, error, message).status_code == 204

    sent = make_sent(500 // CALLBACKS)
    call_back(sent, tell, at_once=1, seed=1)
    assert_all_moved_forward(sent)


@pytest.mark.slow
def test_ten_thousand_callbacks_at_once_in_random_order_only_move_statuses_forward(processes):
    # The messages that are sent again would not wait for the judge.
    processes.kill("worker")
    session, signs = requests.Session(), RequestValidator(processes.sandbox.auth_token)

    def tell(sid: str, status: str, error: int | None, message: int) -> None:
        url, fields = f"{processes.url}{STATUS}?message={message}", {"MessageSid": sid, "MessageStatus": status}
        fields |= {"ErrorCode": str(error)} if error else {}
        headers = {"X-Twilio-Signature": signs.compute_signature(url, fields)}
        assert session.post(url, fields, headers=headers, timeout=60).status_code == 204

    seed = random.randrange(1_000_000)
    with explained(processes, lambda: f"seed {seed}"):
        sent = make_sent(10_000 // CALLBACKS)
        call_back(sent, tell, AT_ONCE, seed)
        assert_all_moved_forward(sent)
