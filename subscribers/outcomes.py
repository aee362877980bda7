"""What came of a message: the carrier's answer, written down, with all that follows from it."""

import logging
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from stories.segments import count_segments
from textengine import traces
from textengine.carrier import Accepted, CarrierError
from textengine.carrier_codes import Action
from textengine.database import retried_patiently, update_rows, write_rows

from . import consent, error_codes, metrics
from .holds import stop_everything
from .limits import spend
from .models import Enrollment, Message, Subscriber, masked
from .rates import slow_down
from .scheduling import follow_end, lock_places, move_on

logger = logging.getLogger(__name__)

# How often a message is sent again after errors that may pass, before its text is given up.
ATTEMPTS = {Action.RETRY_ONCE: 2, Action.RETRY_FEW: 5}
# How often at most where nothing tells how long an error lasts.
RETRIES_MAX = 10
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
    ids = [outcome.message_id for outcome in outcomes]
    errors = {outcome.message_id: outcome for outcome in outcomes if outcome.error}
    if errors:
        # What follows from an error may end all that a reader reads.
        list(Subscriber.objects.filter(messages__in=list(errors)).only("pk").locked())
    places = lock_places(ids)
    settled, accepted, late = accept([outcome for outcome in outcomes if outcome.accepted])
    more = add_segments(late)
    now = max(outcome.at for outcome in outcomes)
    move_on([(places[pk], sent_at) for pk, sent_at in accepted], now)
    if errors:
        refuse(errors, lease)
    spend(segments_of(settled) + more, now)


def segments_of(accepted: list[Accepted]) -> int:
    """Return what the carrier took; asked through a messaging service, it says none at first, and we count."""
    return sum(each.segments or counted(each.body) for each in accepted) if settings.DAILY_SEGMENTS else 0


def counted(body: str) -> int:
    """Return what we count for a text of which the carrier says nothing; a picture alone is one, too."""
    return count_segments(body) or 1


def refuse(errors: dict[int, Outcome], lease: UUID | None) -> None:
    """Write down what the carrier did not take, and do what each error asks for; these are by the message's id."""
    refused = Message.objects.filter(pk__in=list(errors), sid=None, attempts__gt=0)
    refused = list((refused.filter(lease=lease) if lease else refused).addressed().locked())
    for message in refused:
        apply_error(message, errors[message.pk].error, errors[message.pk].at)
    write_rows(refused, REFUSED_FIELDS)
    for message in refused:
        action = errors[message.pk].error.action
        transaction.on_commit(partial(metrics.count_texts, [message.status], action))
        with traces.under(message.trace):
            follow_error(message, action, errors[message.pk].at)
            log(message)


REFUSED_FIELDS = ["status", "number", "due_at", "begun_at", "lease", "lease_until", "error_code", "reason"]


Settled = tuple  # a message's id, status, enrollment, step, attempts and trace


def accept(outcomes: list[Outcome]) -> tuple[list[Accepted], list[tuple[int, datetime]], dict[int, Accepted]]:
    """Write down that the carrier has these messages.

    Return what was news, which were a story's next, since when, and by their ids those that were settled already.
    A SID that is another message's already, or comes twice, settles nothing: that message has to be looked up.
    """
    answers = {outcome.message_id: outcome for outcome in outcomes}
    settled = settle({outcome.accepted.sid: outcome for outcome in reversed(outcomes)}.values())
    news, moved = [], []
    for row in settled:
        pk, _, _, step, *_ = row
        outcome = answers.pop(pk)
        news.append(outcome.accepted)
        log_accepted(row, outcome.accepted.sid)
        if step:
            moved.append((pk, outcome.at))
    transaction.on_commit(partial(metrics.count_texts, [status for _, status, *_ in settled]))
    return news, moved, {pk: outcome.accepted for pk, outcome in answers.items()}


def settle(outcomes: Iterable[Outcome]) -> list[Settled]:
    """Give each of these messages that has no SID yet its own; return those that were news."""
    return update_rows(
        Message,
        ["sid", "status", "sent_at", "segments"],
        [
            (
                outcome.message_id,
                outcome.accepted.sid,
                STATUSES.get(outcome.accepted.status, Message.Status.QUEUED),
                outcome.at,
                outcome.accepted.segments,
            )
            for outcome in outcomes
        ],
        condition="{table}.sid IS NULL AND {table}.attempts > 0"
        " AND NOT EXISTS (SELECT 1 FROM {table} other WHERE other.sid = given.sid)",
        returning=["id", "status", "enrollment_id", "step", "attempts", "trace"],
        lease=None,
        lease_until=None,
        error_code=None,
        reason="",
    )


def add_segments(answers: dict[int, Accepted]) -> int:
    """Add to messages that a callback has settled what it could not say; these are the answers by the message's id.

    Return by how many segments that is more than was counted for them.
    """
    said, uncounted = [], {}
    for message in Message.objects.filter(pk__in=answers):
        accepted = answers[message.pk]
        if message.sid != accepted.sid:
            logger.error("message.doubled id=%s sid=%s other=%s", message.pk, message.sid, accepted.sid)
        elif message.segments is None and accepted.segments is not None:
            said.append((message.pk, accepted.segments))
            uncounted[message.pk] = max(0, accepted.segments - counted(message.body))
    added = update_rows(Message, ["segments"], said, condition="{table}.segments IS NULL")
    return sum(uncounted[pk] for (pk,) in added)


def apply_error(message: Message, error: CarrierError, now: datetime) -> None:
    """Write on the message itself what this error means for it; it is saved by the caller."""
    message.error_code, message.reason = error.code, error.reason
    match error.action:
        case Action.LOOK_UP:
            message.lease_until = now + LOOK_UP_AFTER
        case Action.RETRY:
            message.release(due_at=now + backoff(message.attempts))
        case Action.SLOW_DOWN:
            # It keeps its place in the queue: its sender waits, and with it all that would go out by it.
            message.release(due_at=message.due_at)
        case Action.RETRY_FEW | Action.RETRY_ONCE if message.attempts < ATTEMPTS[error.action]:
            message.release(due_at=now + backoff(message.attempts))
        case Action.RETRY_TOMORROW:
            message.release(due_at=now + timedelta(days=1))
        case Action.NEW_SENDER if message.number:
            # The number that the reader once texted is not ours any more: the configured one takes over.
            message.number, message.number_lost = "", True
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
        case Action.RETRY_ONCE if message.attempts >= ATTEMPTS[action]:
            # A phone that is unknown is so for every text.
            end(Enrollment.objects.filter(subscriber=message.subscriber_id), reason, now)
        case Action.SLOW_DOWN:
            slow_down(message.number, now + backoff(message.attempts))
        case Action.NEW_SENDER if forget_number(message) or message.number_lost:
            logger.warning("enrollment.sender_changed id=%s", message.enrollment_id)
        case Action.HOLD | Action.NEW_SENDER:
            stop_everything(reason)
        case _ if message.sent_at:
            send_again(message, action, now)
        case _ if message.status == Message.Status.FAILED:
            end(Enrollment.objects.filter(pk=message.enrollment_id), reason, now)


def forget_number(message: Message) -> bool:
    """Let this reader's further texts come from the configured number; return whether it was another one until now."""
    return bool(Enrollment.objects.filter(pk=message.enrollment_id).exclude(number="").update(number=""))


def end(enrollments: QuerySet[Enrollment], reason: str, now: datetime) -> None:
    """Fail those of these enrollments that are live, and cancel what waits for them."""
    live = list(enrollments.live().locked())
    for enrollment in live:
        enrollment.end(Enrollment.Status.FAILED, now, reason[:300])
    write_rows(live, ["status", "ended_at", "reason", "was_paused"])
    Message.objects.filter(enrollment__in=live).cancel()
    if settings.MAX_STORIES_AT_ONCE:
        follow_end([enrollment.pk for enrollment in live if not enrollment.is_rehearsal])


def send_again(message: Message, action: Action, now: datetime) -> None:
    """Make another message of one that the carrier had and lost, if an error of this kind may pass.

    It has no step, since the reader's way goes on from the first one.
    """
    tries = {Action.RETRY: RETRIES_MAX, Action.RETRY_TOMORROW: RETRIES_MAX} | ATTEMPTS
    if message.attempts >= tries.get(action, 0):
        return
    wait = timedelta(days=1) if action == Action.RETRY_TOMORROW else backoff(message.attempts)
    again = Message.objects.create(
        direction=Message.Direction.OUTBOUND,
        status=Message.Status.SCHEDULED,
        subscriber_id=message.subscriber_id,
        number=message.number,
        enrollment_id=message.enrollment_id,
        story_id=message.story_id,
        again=message,
        automatic=message.automatic,
        at_any_hour=message.at_any_hour,
        body=message.body,
        media_urls=message.media_urls,
        attempts=message.attempts,
        due_at=now + wait,
        error_code=message.error_code,
    )
    logger.info(
        "message.again id=%s of=%s attempts=%s error=%s", again.pk, message.pk, again.attempts, message.error_code
    )


def log(message: Message) -> None:
    logger.info(
        "message.%s id=%s enrollment=%s step=%s to=%s attempts=%s error=%s",
        message.status,
        message.pk,
        message.enrollment_id,
        message.step,
        masked(message.to),
        message.attempts,
        message.error_code,
    )


def log_accepted(settled: Settled, sid: str) -> None:
    pk, status, enrollment, step, attempts, trace = settled
    logger.info(
        "message.%s id=%s enrollment=%s step=%s sid=%s attempts=%s",
        status,
        pk,
        enrollment,
        step,
        sid,
        attempts,
        extra={"trace": trace},
    )
