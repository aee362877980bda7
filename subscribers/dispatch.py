"""From due messages to the carrier: claim, send. What comes of it is recorded by outcomes, and looked up by recovery.

A message is claimed before it is sent, and marked as begun before its request begins, so that whatever is killed
in between, the row says what may have happened. No transaction is open while the carrier is asked.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django_q.tasks import async_task

from textengine import carrier

from .models import Enrollment, Hold, Message
from .outcomes import Outcome, record
from .scheduling import schedule

# One task's messages, all requested at once: its threads are as many.
BATCH = 64
# What one poll takes at most: more would wait inside the cluster, and be of unknown outcome if it is killed.
CLAIM_LIMIT = 4 * BATCH
# What one poll puts aside under a hold at most; the rest follows at the next poll.
HOLD_BACK_LIMIT = 1000
# Has Twilio try a callback again also when we answered with an error: https://www.twilio.com/docs/usage/webhooks
CALLBACK_RETRIES = "#rc=3&rp=all"
# Longer than a task may run (Q_CLUSTER's timeout), so that a lease never runs out under a living worker.
LEASE = timedelta(seconds=25)
# A request that could not begin by then, since its process stood still, is left to whoever has the lease next.
BEGIN_WITHIN = timedelta(seconds=5)


def claim(now: datetime) -> int:
    """Turn messages that are due into tasks; return how many messages were taken.

    1. Look, without a lock: an idle poll writes nothing.
    2. Put what the brake covers aside as `held`.
    3. Give back messages whose lease ran out before their request began.
    4. Take what is due, oldest first, and what has to be looked up.
    5. Enqueue tasks in the same transaction, so that neither is ever without the other.
    """
    if not (Message.objects.due(now).exists() or Message.objects.expired(now).exists()):
        return 0
    with transaction.atomic():
        hold_back(Message.objects.due(now))
        expired = Message.objects.expired(now)
        unbegun = free(expired.filter(begun_at=None))
        Message.objects.filter(pk__in=unbegun).update(status=Message.Status.SCHEDULED, lease=None, lease_until=None)
        due = free(Message.objects.due(now).order_by("due_at", "pk"))
        unknown = free(expired.exclude(begun_at=None).order_by("lease_until", "pk"))
        lease = uuid4()
        Message.objects.filter(pk__in=due + unknown).update(
            status=Message.Status.SENDING, lease=lease, lease_until=now + LEASE
        )
        for task, ids in (("send", due), ("recover", unknown)):
            for start in range(0, len(ids), BATCH):
                async_task(f"subscribers.tasks.{task}", ids[start : start + BATCH], str(lease))
    return len(due) + len(unknown)


def free(messages) -> list[int]:
    """Lock the first of these messages, passing over those that another cluster is taking, and return their ids.

    A statement of its own: as a part of the UPDATE, PostgreSQL may run it more than once, and lock more.
    """
    return list(messages.select_for_update(skip_locked=True).values_list("pk", flat=True)[:CLAIM_LIMIT])


def hold_back(messages) -> None:
    """Put those of these messages that the brake covers aside as `held`, until it is released.

    The active holds are locked, so that one that is being released does not leave a message held behind it.
    """
    held_stories = {hold.story_id for hold in Hold.objects.active().locked()}
    if None not in held_stories:
        messages = messages.filter(enrollment__story__in=held_stories)
    if held_stories:
        ids = list(messages.locked().values_list("pk", flat=True)[:HOLD_BACK_LIMIT])
        Message.objects.filter(pk__in=ids).update(status=Message.Status.HELD, lease=None, lease_until=None)


def send(message_ids: list[int], lease: UUID) -> None:
    """Send the messages that were claimed under this lease, and record what came of it.

    Those that are no longer ours to send (canceled, held, erased, taken over) are passed over.
    """
    begun_at, started = timezone.now(), time.monotonic()
    messages = begin(message_ids, lease, begun_at)

    def request(message: Message) -> Outcome:
        if time.monotonic() - started > BEGIN_WITHIN.total_seconds():
            return Outcome(message.pk, timezone.now(), error=TOO_LATE)
        return deliver(message)

    record(list(sending_threads().map(request, messages)), lease=lease)


TOO_LATE = carrier.CarrierError(carrier.Action.RETRY, "the sending process stood still")


def begin(message_ids: list[int], lease: UUID, now: datetime) -> list[Message]:
    """Mark these messages as begun, worded as their texts now read; return those that may go out.

    From this commit on their outcome is unknown until it is recorded.
    """
    with transaction.atomic():
        mine = Message.objects.filter(
            pk__in=message_ids, status=Message.Status.SENDING, lease=lease, lease_until__gt=now, begun_at=None
        )
        mine.unwanted().cancel()
        hold_back(mine)
        messages = list(mine.select_related("subscriber", "text").locked())
        messages.sort(key=lambda message: message.due_at)
        orphans = [message.enrollment_id for message in messages if message.step and not message.text]
        messages = [message for message in messages if message.enrollment_id not in orphans]
        for message in messages:
            message.begin(now, lease_until=now + LEASE)
        Message.objects.write(messages, ["body", "media_urls", "begun_at", "lease_until", "attempts"])
    if orphans:
        hand_over(orphans, now)
    return messages


def hand_over(enrollments: list[int], now: datetime) -> None:
    """Let readers whose waiting text was deleted wait for the one after it."""
    with transaction.atomic():
        schedule(Enrollment.objects.filter(pk__in=enrollments).select_related("subscriber").locked(), now)


def deliver(message: Message) -> Outcome:
    """Ask the carrier to send one message; it may take until the carrier's time-out."""
    callback = f"{settings.PUBLIC_URL}{reverse('twilio-status')}?message={message.pk}{CALLBACK_RETRIES}"
    try:
        accepted = carrier.send(
            to=str(message.subscriber.phone_number),
            sender=message.number,
            body=message.body,
            media_urls=message.media_urls,
            status_callback=callback,
        )
    except carrier.CarrierError as error:
        return Outcome(message.pk, timezone.now(), error=error)
    return Outcome(message.pk, timezone.now(), accepted=accepted)


@cache
def sending_threads() -> ThreadPoolExecutor:
    """Return this process's sending threads; made when first needed, since a worker forks from its cluster."""
    return ThreadPoolExecutor(max_workers=BATCH, thread_name_prefix="send")
