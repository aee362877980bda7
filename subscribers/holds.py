"""The newsroom's brake: putting it on by itself, keeping back what it covers, and letting go.

A release is a row's word first, and then as many short transactions as it needs, each of which says how far it came.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django_q.tasks import async_task

from stories.timing import due_at
from stories.waits import Wait
from textengine.database import retried_at_once, update_rows

from . import telling
from .models import Enrollment, Hold, Message
from .scheduling import clocks_of, schedule

logger = logging.getLogger(__name__)

# How many messages are put aside at once; the rest follows at the next poll.
HOLD_BACK_LIMIT = 1000
# How many messages are let go in one transaction, so that nobody waits long for a lock.
RELEASE_BATCH = 1000
# For how long one task lets messages go, well within the time that it may run.
RELEASE_SECONDS = 5
# A release of which nothing was seen for so long has lost its task.
RELEASE_LOST = timedelta(minutes=1)
# After so long nobody waits for an answer any more.
ANSWERS_KEPT = timedelta(hours=1)


def stop_everything(reason: str) -> None:
    """Put the brake on by itself, unless it is on, and have the newsroom told. Call it in a transaction."""
    defaults = {"reason": f"Set by itself: {reason}"[:300]}
    hold, made = Hold.objects.get_or_create(story=None, text=None, released_at=None, defaults=defaults)
    if made:
        logger.error("hold.set id=%s story=all reason=%s", hold.pk, reason)
        for channel in telling.channels():
            async_task("subscribers.tasks.tell_of_hold", hold.pk, str(channel))


def hold_back(messages: QuerySet[Message]) -> None:
    """Put those of these messages that the brake covers aside as `held`, until it is released.

    The active holds are locked, so that one that is being released does not leave a message held behind it.
    """
    if holds := list(Hold.objects.active().locked()):
        ids = list(messages.held_by(holds).locked().values_list("pk", flat=True)[:HOLD_BACK_LIMIT])
        Message.objects.filter(pk__in=ids).update(status=Message.Status.HELD, lease=None, lease_until=None)


def held(hold: Hold) -> QuerySet[Message]:
    """Return what this hold keeps back."""
    return Message.objects.filter(status=Message.Status.HELD).held_by([hold])


@dataclass(frozen=True, slots=True)
class Concerned:
    """Whom the release of a hold would concern: whose text is held, of them who waits for a clock, and other texts.

    `elsewhere` are messages that another hold would keep back all the same.
    """

    readers: int
    by_the_clock: int
    others: int
    elsewhere: int


def concerned(hold: Hold) -> Concerned:
    """Count whom each way of releasing this hold would concern, each reader once."""
    rest = list(Hold.objects.active().exclude(pk=hold.pk))
    texts = Q(step__isnull=False, enrollment__pace=None)
    counts = (
        held(hold)
        .free_of(rest)
        .aggregate(
            readers=Count("subscriber", filter=texts, distinct=True),
            by_the_clock=Count("subscriber", filter=texts & Q(text__at__isnull=False), distinct=True),
            others=Count("pk", filter=Q(step=None)),
        )
    )
    return Concerned(**counts, elsewhere=held(hold).held_by(rest).count())


def release(hold: Hold, now: datetime, way: Hold.Way = Hold.Way.RHYTHM, by: User | None = None) -> int:
    """Take this hold off; return how many held messages were let go at once, the rest of them by the cluster.

    A message that another active hold covers stays held, and an old answer stays unsaid. One that is already released
    changes nothing.
    """
    with transaction.atomic():
        # All of them, so that of two that are released at the same moment the second sees the first gone.
        list(Hold.objects.active().locked())
        taken_off = {"released_at": now, "released_by": by, "way": way, "worked_at": now, "waiting": held(hold).count()}
        if hold.asks_since:
            taken_off["asks_until"] = now
        if not Hold.objects.active().filter(pk=hold.pk).update(**taken_off):
            return 0
    let_go = release_batch(hold.pk, now)
    hold.refresh_from_db()
    logger.info("hold.released id=%s way=%s waiting=%s", hold.pk, way, hold.waiting)
    if hold.done_at is None:
        async_task("subscribers.tasks.release", hold.pk)
    return let_go


def go_on_releasing(hold_id: int, now: datetime) -> bool:
    """Let go what this hold kept back, for as long as a task may take; return whether there may be more."""
    until = monotonic() + RELEASE_SECONDS
    unfinished = Hold.objects.being_released().filter(pk=hold_id)
    while unfinished.exists():
        release_batch(hold_id, now)
        if monotonic() >= until:
            return unfinished.exists()
    return False


def lost_releases(now: datetime) -> list[int]:
    """Return the ids of holds whose release is not done, and that nobody works at any more."""
    lost = Hold.objects.being_released().filter(worked_at__lt=now - RELEASE_LOST)
    return list(lost.values_list("pk", flat=True))


@retried_at_once
def release_batch(hold_id: int, now: datetime) -> int:
    """Let the next messages go that a hold, which is released, kept back; return how many are scheduled anew.

    1. Look for the next ones, by id, behind the last that had its turn.
    2. Lock them, readers' places first where they are led past a text, and the hold: one batch at a time.
    3. What another hold covers by now stays held; its waiting goes on there. In a restored copy, it is asked for first.
    4. Treat the others in the way that was chosen, and write down how far it is, in the same transaction: a batch that
       is broken off has not been, and one that is done is not done again.
    """
    hold = Hold.objects.get(pk=hold_id)
    ids = list(held(hold).filter(pk__gt=hold.last_message).order_by("pk").values_list("pk", flat=True)[:RELEASE_BATCH])
    enrollments = []
    if hold.way == Hold.Way.SKIP:
        reading = Enrollment.objects.filter(messages__in=Message.objects.filter(pk__in=ids).story_texts())
        enrollments = list(Enrollment.objects.filter(pk__in=reading.values("pk")).locked())
    last_message = hold.last_message
    hold = Hold.objects.locked().get(pk=hold_id)
    if hold.done_at or hold.last_message != last_message:
        return 0
    messages = list(held(hold).filter(pk__in=ids).select_related("text", "enrollment").locked())
    active = list(Hold.objects.active())
    stay = [message for message in messages if covering(active, message)]
    go = [message for message in messages if not covering(active, message)]
    let_go(hold, go, enrollments)
    if hold.asks_since:
        let_ask(stay)
    elif hold.way == Hold.Way.RHYTHM:
        for message in stay:
            message.due_at, message.shifted = shift(hold, message, covering(active, message))
        write_shifts(stay)
    keep_progress(hold, ids, now)
    return sum(message.status == Message.Status.SCHEDULED for message in go)


def covering(holds: Iterable[Hold], message: Message) -> list[Hold]:
    return [hold for hold in holds if hold.covers(message.story_id, message.text_id)]


def keep_progress(hold: Hold, ids: list[int], now: datetime) -> None:
    """Write down how far the release is; a batch that was not full is the last one."""
    hold.let_go += len(ids)
    hold.last_message = ids[-1] if ids else hold.last_message
    hold.worked_at = now
    if len(ids) < RELEASE_BATCH:
        hold.done_at = now
    hold.save(update_fields=["let_go", "last_message", "worked_at", "done_at"])


def let_go(hold: Hold, messages: list[Message], enrollments: list[Enrollment]) -> None:
    """Schedule these messages anew, in the way in which this hold was released; the readers' places are locked."""
    for message in messages:
        message.status = Message.Status.SCHEDULED
        if is_unsaid(message, hold.released_at) or (hold.way == Hold.Way.SKIP and message.again_id):
            message.status = Message.Status.CANCELED
        elif hold.way == Hold.Way.NOW or not message.enrollment_id:
            message.due_at = max(message.due_at, hold.released_at)
        elif not hold.asks_since:
            message.due_at, message.shifted = shift(hold, message, [])
    write_shifts(messages)
    if hold.way == Hold.Way.SKIP:
        skip([message for message in messages if message.step], enrollments, hold.released_at)


def let_ask(messages: list[Message]) -> None:
    """Have the carrier asked for these messages, before another hold puts them aside again."""
    Message.objects.filter(pk__in=[message.pk for message in messages]).update(status=Message.Status.SCHEDULED)


def go_on_in_rhythm(messages: list[Message]) -> None:
    """Move on what the carrier was asked for in vain, as it was due then, if a restored copy was released in rhythm.

    It was let go as due when it had been: only so was it asked for at once. What came after the release, as the next
    text of a reader who got one elsewhere, was not kept back by the hold.
    """
    hold = Hold.objects.last_restored()
    if not hold or hold.way != Hold.Way.RHYTHM:
        return
    asked = {each.pk: each for each in messages if each.begun_at == hold.asks_since}
    kept_back = Q(status__in=[Message.Status.SCHEDULED, Message.Status.HELD], created_at__lte=hold.released_at)
    with transaction.atomic():
        found = Message.objects.filter(kept_back, pk__in=asked, enrollment__isnull=False)
        found = list(found.select_related("text", "enrollment").locked())
        active = list(Hold.objects.active())
        for message in found:
            due_at, message.shifted = shift(hold, asked[message.pk], covering(active, message))
            # Not before it is tried again, or it would be asked for once more.
            message.due_at = max(message.due_at, due_at)
        write_shifts(found)


def is_unsaid(message: Message, now: datetime) -> bool:
    """Tell whether this is an answer that nobody waits for any more."""
    return message.automatic not in ("", Message.CLOSING) and message.created_at < now - ANSWERS_KEPT


def shift(hold: Hold, message: Message, still_on: Iterable[Hold]) -> tuple[datetime, timedelta | None]:
    """Return when this message comes if it is moved on by as long as the hold was on, and by how much in all.

    Of that time counts what no other hold counts: those that are `still_on` move it on by theirs when they are
    released. What was not due yet when the hold was released is not moved.
    """
    until = min([hold.released_at, *(other.created_at for other in still_on)])
    by = until - hold.created_at
    if by <= timedelta(0) or message.due_at > hold.released_at:
        return message.due_at, message.shifted
    return message.due_at + by, (message.shifted or timedelta(0)) + by if message.step else None


def write_shifts(messages: list[Message]) -> None:
    """Write when these messages are due; one that comes at a time of day waits for its reader's clock to show it."""
    clocks = clocks_of({message.subscriber_id for message in messages if waits_for_a_clock(message)})
    for message in messages:
        if waits_for_a_clock(message):
            clock = Wait(timedelta(0), None, message.text.at)
            zone, _ = clocks[message.subscriber_id]
            message.due_at = due_at(message.due_at, clock, zone)
    rows = [(message.pk, message.status, message.due_at, message.shifted) for message in messages]
    update_rows(Message, ["status", "due_at", "shifted"], rows)


def waits_for_a_clock(message: Message) -> bool:
    return bool(message.shifted and message.text and message.text.at) and not message.enrollment.is_compressed


def skip(messages: list[Message], enrollments: list[Enrollment], now: datetime) -> None:
    """Lead readers past the texts that these messages stand for: their waits go on as if those had come."""
    Message.objects.bulk_create(
        Message(
            direction=Message.Direction.OUTBOUND,
            status=Message.Status.CANCELED,
            reason=Message.SKIPPED,
            subscriber_id=message.subscriber_id,
            number=message.number,
            enrollment_id=message.enrollment_id,
            story_id=message.story_id,
            text_id=message.text_id,
            due_at=message.due_at,
        )
        for message in messages
        if message.text_id
    )
    Message.objects.filter(pk__in=[message.pk for message in messages]).update(shifted=None)
    schedule(enrollments, now)
