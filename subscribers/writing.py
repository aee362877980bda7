"""What an editor writes to one reader: a message without a step, in the same queue as all others."""

import logging
from datetime import datetime

from django.contrib.auth.models import User

from stories.models import BODY_MAX_LENGTH
from textengine.database import retried_at_once

from .models import Message, Subscriber
from .steering import FORGOTTEN, OPTED_OUT, Refused

logger = logging.getLogger(__name__)


def as_sent(written: str) -> str:
    """Return words from a form's field as they are sent: a browser writes two characters for each new line."""
    return written.replace("\r\n", "\n").strip()


def objection(subscriber: Subscriber) -> str:
    """Return why nobody may write to this reader, a sentence; empty if one may."""
    if subscriber.forgotten_at:
        return FORGOTTEN
    return OPTED_OUT if subscriber.opted_out_at else ""


def our_number(subscriber: int) -> str:
    """Return our number that this reader knows: the one of the last text between us; empty for the configured one."""
    last = Message.objects.filter(subscriber=subscriber).exclude(number="").order_by("-pk")
    return last.values_list("number", flat=True).first() or ""


@retried_at_once
def reply(subscriber: int, body: str, user: User, now: datetime) -> Message:
    """Schedule this reply for `now`. A STOP of this moment comes before, and refuses it, or after, and cancels it."""
    body = as_sent(body)
    if not body:
        raise Refused("There is nothing to send. Write something first.")
    if len(body) > BODY_MAX_LENGTH:
        raise Refused(f"This is too long: the carrier takes {BODY_MAX_LENGTH} characters.")
    reader = Subscriber.objects.locked().filter(pk=subscriber).first()
    if reader is None or objection(reader):
        raise Refused(objection(reader) if reader else FORGOTTEN)
    message = Message.objects.create(
        direction=Message.Direction.OUTBOUND,
        status=Message.Status.SCHEDULED,
        subscriber=reader,
        number=our_number(reader.pk),
        written_by=user,
        body=body,
        due_at=now,
    )
    logger.info("reply.scheduled id=%s subscriber=%s user=%s", message.pk, reader.pk, user.pk)
    return message
