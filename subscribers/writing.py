"""What people of the newsroom write to readers: messages without a step, in the same queue as all others."""

import logging
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import OuterRef, QuerySet
from django.utils import timezone

from stories.models import BODY_MAX_LENGTH
from textengine.database import retried_at_once

from .models import Message, Subscriber
from .steering import FORGOTTEN, OPTED_OUT, Refused

logger = logging.getLogger(__name__)

# Who sends the same words to the same reader so soon has pressed a button twice, or gone back to a page.
TWICE_WITHIN = timedelta(minutes=1)


class AnsweredMeanwhile(Refused):
    """Somebody has written to this reader since the page was drawn; who sends as well has seen that message."""

    def __init__(self, message: Message):
        super().__init__(answered_by(message) + " Send yours as well?")
        self.known = message.pk


def as_sent(written: str) -> str:
    """Return words from a form's field as they are sent: a browser writes two characters for each new line."""
    return written.replace("\r\n", "\n").strip()


def objection(subscriber: Subscriber) -> str:
    """Return why nobody may write to this reader, a sentence; empty if one may."""
    if subscriber.forgotten_at:
        return FORGOTTEN
    return OPTED_OUT if subscriber.opted_out_at else ""


def unsendable(body: str) -> str:
    """Return why these words cannot be sent to anybody, a sentence; empty if they can."""
    if not body.strip():
        return "There is nothing to send. Write something first."
    if len(body) > BODY_MAX_LENGTH:
        return f"This is too long: the carrier takes {BODY_MAX_LENGTH} characters."
    return ""


def message_to(subscriber: int, number: str, body: str, by: int | None, due_at: datetime, **about) -> Message:
    """Return a message, not yet saved, by which the account `by` writes to this reader from our `number`.

    It has no passage: one that is stopped, or fails, has no part in it. A hold on its story, if it has one, holds it.
    """
    return Message(
        direction=Message.Direction.OUTBOUND,
        status=Message.Status.SCHEDULED,
        subscriber_id=subscriber,
        number=number,
        body=body,
        written_by_id=by,
        due_at=due_at,
        **about,
    )


def our_number(subscriber: int) -> str:
    """Return our number that this reader knows: the one of the last text between us; empty for the configured one."""
    last = Message.objects.filter(subscriber=subscriber).exclude(number="").order_by("-pk")
    return last.values_list("number", flat=True).first() or ""


def answers_to(subscriber: int | OuterRef) -> QuerySet[Message]:
    """Return what people of the newsroom wrote to this reader alone or to a group, newest first; no correction."""
    written = Message.objects.filter(subscriber=subscriber, step=None, correction=None, again=None)
    return written.exclude(written_by=None).exclude(status=Message.Status.CANCELED).order_by("-pk")


def last_answer(subscriber: int) -> int:
    """Return the id of the last of these messages, for a page that is drawn now; 0 for none."""
    return answers_to(subscriber).values_list("pk", flat=True).first() or 0


def answered_by(message: Message) -> str:
    """Return a sentence on who has answered this message's reader, when, and in which words."""
    local = timezone.localtime(message.created_at)
    day = "" if local.date() == timezone.localdate() else f" on {local:%Y-%m-%d}"
    who = message.written_by.get_username()
    return f"{message.subscriber} was answered by {who}{day} at {local:%H:%M}: “{message.body}”"


def refuse_unseen(subscriber: int, known: int) -> None:
    """Raise AnsweredMeanwhile if somebody has written to this reader after the message `known`.

    The caller has locked the reader: whoever writes to one at the same moment does so before, or looks here after.
    """
    unseen = answers_to(subscriber).filter(pk__gt=known).select_related("subscriber", "written_by").first()
    if unseen:
        raise AnsweredMeanwhile(unseen)


@retried_at_once
def reply(subscriber: int, body: str, user: User, now: datetime, known: int = 0) -> Message | None:
    """Schedule this reply for `now`; None where it has been just before, and a button was pressed twice.

    `known` is the last message of the newsroom to this reader that the editor has seen. A STOP of this moment comes
    before, and refuses it, or after, and cancels it.
    """
    body = as_sent(body)
    if sentence := unsendable(body):
        raise Refused(sentence)
    reader = Subscriber.objects.locked().filter(pk=subscriber).first()
    if reader is None or objection(reader):
        raise Refused(objection(reader) if reader else FORGOTTEN)
    lately = Message.objects.filter(subscriber=reader, written_by=user, created_at__gt=now - TWICE_WITHIN)
    if lately.filter(body=body).exclude(status=Message.Status.CANCELED).exists():
        return None
    refuse_unseen(reader.pk, known)
    message = message_to(reader.pk, our_number(reader.pk), body, user.pk, now)
    message.save()
    logger.info("reply.scheduled id=%s subscriber=%s user=%s", message.pk, reader.pk, user.pk)
    return message
