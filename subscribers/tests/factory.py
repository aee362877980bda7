"""Readers, their passages and messages, and people of the newsroom, for tests."""

from datetime import timedelta
from itertools import count
from uuid import uuid4

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils import timezone

from stories.models import Story
from stories.tests.factory import make_story
from subscribers.models import Enrollment, Message, Subscriber
from subscribers.scheduling import schedule

numbers = count(100)
OUR_NUMBER = "+15005550006"


def make_account(group: str, name: str = "") -> User:
    """Return somebody of the newsroom in this group, called as it is unless `name` says otherwise."""
    user = User.objects.create_user(name or group, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


def make_subscriber(number: str = "", **fields) -> Subscriber:
    return Subscriber.objects.create(phone_number=number or f"+1212555{next(numbers):04}", **fields)


def make_enrollment(
    subscriber: Subscriber | None = None, story: Story | None = None, sent: int = 0, **fields
) -> Enrollment:
    """Return a passage of which this many texts were delivered, an hour apart; an active one has its next message."""
    now = timezone.now()
    defaults = {
        "subscriber": subscriber or make_subscriber(),
        "story": story or make_story(),
        "step": sent,
        "number": OUR_NUMBER,
        "created_at": now - timedelta(hours=sent),
    }
    enrollment = Enrollment.objects.create(**defaults | fields)
    for step, text in enumerate(enrollment.story.texts.order_by("position")[:sent], start=1):
        make_message(enrollment, text=text, step=step, body=text.body, sent_at=now - timedelta(hours=sent - step))
    with transaction.atomic():
        schedule([enrollment], now)
    return enrollment


def make_message(enrollment: Enrollment, /, **fields) -> Message:
    """Return a message to this passage's reader, delivered unless `fields` say otherwise."""
    defaults = {
        "direction": Message.Direction.OUTBOUND,
        "status": Message.Status.DELIVERED,
        "subscriber": enrollment.subscriber,
        "enrollment": enrollment,
        "story": enrollment.story,
        "number": OUR_NUMBER,
        "sid": f"SM{uuid4().hex}",
        "due_at": enrollment.created_at,
    }
    return Message.objects.create(**defaults | fields)


def make_inbound(subscriber: Subscriber, body: str = "Hello", **fields) -> Message:
    """Return a text that this reader sent."""
    defaults = {
        "direction": Message.Direction.INBOUND,
        "status": Message.Status.RECEIVED,
        "number": OUR_NUMBER,
        "sid": f"SM{uuid4().hex}",
    }
    return Message.objects.create(subscriber=subscriber, body=body, **defaults | fields)
