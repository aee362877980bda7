"""What came of a message: the carrier's answer or its callback, written down, with all that follows from it."""

import logging
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from textengine.carrier import Accepted, Action, CarrierError, action_for
from textengine.database import retried_at_once, retried_patiently

from . import consent, error_codes
from .models import Enrollment, Hold, Message, Subscriber, masked
from .scheduling import schedule

logger = logging.getLogger(__name__)

# How often a message is sent again after errors that may pass, before its text is given up.
ATTEMPTS = {Action.RETRY_ONCE: 2, Action.RETRY_FEW: 5}
BACKOFF_MAX = timedelta(minutes=15)
# When to look a message up whose request got no usable answer: the carrier may still be working on it.
LOOK_UP_AFTER = timedelta(seconds=15)

# Twilio's words for a message, as ours; `sending` means something else here, and its other words say no more.
STATUSES = {
    "accepted": Message.Status.QUEUED,
    "queued": Message.Status.QUEUED,
    "sending": Message.Status.QUEUED,
    "sent": Message.Status.SENT,
    "delivered": Message.Status.DELIVERED,
    "read": Message.Status.DELIVERED,
    "undelivered": Message.Status.UNDELIVERED,
    "failed": Message.Status.FAILED,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request, and when; exactly one of `accepted` and `error` is there."""

    message_id: int
    at: datetime
    accepted: Accepted | None = None
    error: CarrierError | None = None


def backoff(attempts: int) -> timedelta:
    """Return how long to wait after this many attempts: twice as long each time, give or take a quarter."""
    seconds = min(2 ** min(attempts, 20), BACKOFF_MAX.total_seconds())
    return timedelta(seconds=seconds * random.uniform(0.75, 1.25))  # noqa: S311


@retried_patiently
def record(outcomes: list[Outcome], lease: UUID | None = None) -> None:
    """Write a batch of outcomes down, with each reader's next message, in one transaction.

    Only messages that have no SID yet are touched: what a callback or another worker has settled stays as it is.
    That a message was accepted is a fact, whoever brings it; an error counts only from who still holds `lease`
    (None: from anybody). Waits for a database that is away.
    """
    if not outcomes:
        return
    of = {outcome.message_id: outcome for outcome in outcomes}
    list(Subscriber.objects.filter(messages__in=list(of)).locked())
    enrollments = Enrollment.objects.filter(messages__in=list(of)).select_related("subscriber").locked()
    enrollment_of = {enrollment.pk: enrollment for enrollment in enrollments}
    messages = list(Message.objects.filter(pk__in=of).select_related("subscriber").locked())
    waiting = [message for message in messages if message.sid is None and message.attempts]
    settled = [message for message in messages if message.sid and of[message.pk].accepted]
    accepted = [message for message in waiting if of[message.pk].accepted]
    for message in accepted:
        outcome = of[message.pk]
        status = STATUSES.get(outcome.accepted.status, Message.Status.QUEUED)
        message.accept(outcome.accepted.sid, status, outcome.at, outcome.accepted.segments)
        if message.step:
            enrollment_of[message.enrollment_id].step = message.step
    refused = [message for message in waiting if of[message.pk].error and lease in (None, message.lease)]
    for message in refused:
        apply_error(message, of[message.pk].error, of[message.pk].at)
    completed = [message for message in settled if complete(message, of[message.pk].accepted)]
    Message.objects.write(accepted + refused + completed, RECORDED_FIELDS)
    moved = [enrollment_of[message.enrollment_id] for message in accepted if message.step]
    Enrollment.objects.write(moved, ["step"])
    schedule(moved, now=max(outcome.at for outcome in outcomes))
    for message in refused:
        follow_error(message, of[message.pk].error.action, of[message.pk].at)
    for message in accepted + refused:
        log(message)


def complete(message: Message, accepted: Accepted) -> bool:
    """Add to a settled message what the callback that settled it could not say; return whether there was any."""
    if message.sid != accepted.sid:
        logger.error("message.doubled id=%s sid=%s other=%s", message.pk, message.sid, accepted.sid)
        return False
    changed = message.segments is None and accepted.segments is not None
    message.segments = accepted.segments
    return changed


RECORDED_FIELDS = [
    "sid",
    "status",
    "number",
    "sent_at",
    "segments",
    "due_at",
    "begun_at",
    "lease",
    "lease_until",
    "error_code",
    "reason",
]


def apply_error(message: Message, error: CarrierError, now: datetime) -> None:
    """Write on the message itself what this error means for it; it is saved by the caller."""
    message.error_code, message.reason = error.code, error.reason
    match error.action:
        case Action.LOOK_UP:
            message.lease_until = now + LOOK_UP_AFTER
        case Action.RETRY:
            message.release(due_at=now + backoff(message.attempts))
        case Action.RETRY_FEW | Action.RETRY_ONCE if message.attempts < ATTEMPTS[error.action]:
            message.release(due_at=now + backoff(message.attempts))
        case Action.RETRY_TOMORROW:
            message.release(due_at=now + timedelta(days=1))
        case Action.NEW_SENDER if message.number:
            # The number that the reader once texted is not ours any more: the configured one takes over.
            message.number = ""
            message.release(due_at=message.due_at)
        case Action.HOLD | Action.NEW_SENDER:
            message.release(due_at=message.due_at)
        case _:
            message.fail()


def follow_error(message: Message, action: Action, now: datetime) -> None:
    """Do to the reader, the enrollment or everything what an error of this kind asks for."""
    reason = error_codes.in_words(message.error_code) or message.reason
    match action:
        case Action.OPT_OUT:
            consent.opt_out(message.subscriber, now, "opted out at the carrier")
        case Action.GIVE_UP_READER:
            end(Enrollment.objects.filter(subscriber=message.subscriber_id), reason, now)
        case Action.NEW_SENDER if forget_number(message):
            logger.warning("enrollment.sender_changed id=%s", message.enrollment_id)
        case Action.HOLD | Action.NEW_SENDER:
            _, made = Hold.objects.get_or_create(
                story=None, released_at=None, defaults={"reason": f"Set by itself: {reason}"[:300]}
            )
            if made:
                logger.error("hold.set story=all error=%s", message.error_code)
        case _ if message.status == Message.Status.FAILED and not message.sent_at:
            end(Enrollment.objects.filter(pk=message.enrollment_id), reason, now)


def forget_number(message: Message) -> bool:
    """Let this reader's further texts come from the configured number; return whether it was another one until now."""
    return bool(Enrollment.objects.filter(pk=message.enrollment_id).exclude(number="").update(number=""))


def end(enrollments: Iterable[Enrollment], reason: str, now: datetime) -> None:
    """Fail those of these enrollments that are live, and cancel what waits for them."""
    live = list(enrollments.live().locked())
    for enrollment in live:
        enrollment.end(Enrollment.Status.FAILED, now, reason[:300])
    Enrollment.objects.write(live, ["status", "ended_at", "reason"])
    Message.objects.filter(enrollment__in=live).cancel()


@retried_at_once
def receive_callback(sid: str, status: str, error_code: int | None, message_id: int | None, now: datetime) -> bool:
    """Move a message's status forward as the carrier says; return whether the message is known.

    A message whose SID we never learned is known by the id of ours that its callback address carries.
    """
    if message_id and not Message.objects.filter(sid=sid).exists():
        record([Outcome(message_id, now, accepted=Accepted(sid, "", "queued", None, now))])
    message = Message.objects.select_related("subscriber").filter(sid=sid).first()
    if message is None:
        return False
    list(Subscriber.objects.filter(pk=message.subscriber_id).locked())
    new = STATUSES.get(status)
    if new is None or not move_forward(sid, new, error_code):
        return True
    logger.info("message.status id=%s sid=%s status=%s error=%s", message.pk, sid, new, error_code)
    if error_code and new in (Message.Status.FAILED, Message.Status.UNDELIVERED):
        message.error_code = error_code
        follow_error(message, action_for(error_code), now)
    return True


def move_forward(sid: str, status: Message.Status, error_code: int | None) -> bool:
    """Set a status that is further along than the present one; return whether it was."""
    earlier = [known for known, rank in Message.RANKS.items() if rank < Message.RANKS[status]]
    changes = {"status": status} | ({"error_code": error_code} if error_code else {})
    return bool(Message.objects.filter(sid=sid, status__in=earlier).update(**changes))


def log(message: Message) -> None:
    logger.info(
        "message.%s id=%s enrollment=%s step=%s to=%s sid=%s attempts=%s error=%s",
        message.status,
        message.pk,
        message.enrollment_id,
        message.step,
        masked(message.subscriber.phone_number),
        message.sid,
        message.attempts,
        message.error_code,
    )
