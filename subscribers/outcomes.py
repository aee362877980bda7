"""What came of a message: the carrier's answer or its callback, written down, with all that follows from it."""

import logging
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import OperationalError, connection, transaction

from textengine.carrier import Accepted, Action, CarrierError, action_for

from . import consent
from .models import Enrollment, Hold, Message, masked
from .scheduling import schedule

logger = logging.getLogger(__name__)

# How often a message is sent again after errors that may pass, before its text is given up.
ATTEMPTS = {Action.RETRY_ONCE: 2, Action.RETRY_FEW: 5}
BACKOFF_MAX = timedelta(minutes=15)
# When to look a message up whose request got no usable answer: the carrier may still be working on it.
LOOK_UP_AFTER = timedelta(seconds=15)
# How long a record waits for a database that is away; after that the message's lease runs out, and it is looked up.
RECORD_TRIES = 20
RECORD_PAUSE_SECONDS = 0.5

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
    seconds = min(2.0**attempts, BACKOFF_MAX.total_seconds())
    return timedelta(seconds=seconds * random.uniform(0.75, 1.25))  # noqa: S311


def record(outcomes: list[Outcome], lease: UUID | None = None) -> None:
    """Write a batch of outcomes down, with each reader's next message, in one transaction.

    Only messages that have no SID yet are touched, and with `lease` only those that are still held under it: what
    a callback or another worker has settled stays as it is. Waits for a database that is away.
    """
    by_message = {outcome.message_id: outcome for outcome in outcomes}
    for attempt in range(1, RECORD_TRIES + 1):
        try:
            with transaction.atomic():
                record_once(by_message, lease)
            return
        except OperationalError:
            if attempt == RECORD_TRIES or connection.in_atomic_block:
                raise
            connection.close()
            time.sleep(RECORD_PAUSE_SECONDS)


def record_once(outcomes: dict[int, Outcome], lease: UUID | None) -> None:
    if not outcomes:
        return
    enrollments = {
        enrollment.pk: enrollment
        for enrollment in Enrollment.objects.filter(messages__in=list(outcomes)).select_related("subscriber").locked()
    }
    open_messages = Message.objects.filter(pk__in=outcomes, sid=None, attempts__gt=0)
    if lease:
        open_messages = open_messages.filter(lease=lease)
    messages = list(open_messages.select_related("subscriber").select_for_update(of=("self",)).order_by("pk"))
    accepted = [message for message in messages if outcomes[message.pk].accepted]
    for message in accepted:
        outcome = outcomes[message.pk]
        status = STATUSES.get(outcome.accepted.status, Message.Status.QUEUED)
        message.accept(outcome.accepted.sid, status, outcome.at, outcome.accepted.segments)
        if message.step:
            enrollments[message.enrollment_id].step = message.step
        log(message)
    refused = [message for message in messages if outcomes[message.pk].error]
    for message in refused:
        apply_error(message, outcomes[message.pk].error, outcomes[message.pk].at)
        log(message)
    Message.objects.bulk_update(messages, RECORDED_FIELDS)
    moved = [enrollments[message.enrollment_id] for message in accepted if message.step]
    Enrollment.objects.bulk_update(moved, ["step"])
    schedule(moved, now=max(outcome.at for outcome in outcomes.values()))
    for message in refused:
        follow_error(message, outcomes[message.pk].error.action, outcomes[message.pk].at)


RECORDED_FIELDS = [
    "sid",
    "status",
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
        case Action.HOLD:
            message.release(due_at=message.due_at)
        case _:
            message.fail()


def follow_error(message: Message, action: Action, now: datetime) -> None:
    """Do to the reader, the enrollment or everything what an error of this kind asks for."""
    reason = message.reason or "the carrier refused it"
    if message.error_code:
        reason = f"{message.error_code}: {reason}"
    match action:
        case Action.OPT_OUT:
            consent.opt_out(message.subscriber, now, "opted out at the carrier")
        case Action.GIVE_UP_READER:
            end(Enrollment.objects.filter(subscriber=message.subscriber_id), reason, now)
        case Action.HOLD:
            Hold.objects.get_or_create(
                story=None, released_at=None, defaults={"reason": f"Set by itself: {reason}"[:300]}
            )
            logger.error("hold.set story=all error=%s", message.error_code)
        case _ if message.status == Message.Status.FAILED and not message.sent_at:
            end(Enrollment.objects.filter(pk=message.enrollment_id), reason, now)


def end(enrollments: Iterable[Enrollment], reason: str, now: datetime) -> None:
    """Fail those of these enrollments that are live, and cancel what waits for them."""
    live = list(enrollments.live().locked())
    for enrollment in live:
        enrollment.end(Enrollment.Status.FAILED, now, reason[:300])
    Enrollment.objects.bulk_update(live, ["status", "ended_at", "reason"])
    Message.objects.filter(enrollment__in=live).cancel()


def receive_callback(sid: str, status: str, error_code: int | None, message_id: int | None, now: datetime) -> bool:
    """Move a message's status forward as the carrier says; return whether the message is known.

    A message whose SID we never learned is known by the id of ours that its callback address carries.
    """
    message = Message.objects.filter(sid=sid).first()
    if message is None and message_id:
        record([Outcome(message_id, now, accepted=Accepted(sid, "", "queued", None, now))])
        message = Message.objects.filter(sid=sid).first()
    if message is None:
        return False
    new = STATUSES.get(status)
    if new is None or not move_forward(sid, new, error_code):
        return True
    logger.info("message.status id=%s sid=%s status=%s error=%s", message.pk, sid, new, error_code)
    if error_code and new in (Message.Status.FAILED, Message.Status.UNDELIVERED):
        message.refresh_from_db()
        with transaction.atomic():
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
