"""From claimed messages to the carrier. What comes of it is recorded by outcomes, and looked up by recovery.

A message is marked as begun before its request begins, so that whatever is killed, the row says what may have
happened. No transaction is open while the carrier is asked.
"""

import asyncio
import time
from collections import deque
from datetime import datetime, timedelta
from itertools import islice
from queue import Empty, SimpleQueue
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from textengine import carrier
from textengine.carrier_codes import Action

from . import metrics
from .beginning import Request, begin
from .models import Message
from .outcomes import Outcome, record

# How many requests one worker has under way at once.
AT_ONCE = 64
# How many messages share a transaction when there are many: so many are begun, and so many recorded, at once.
GROUP = AT_ONCE // 4
# How long before its moment a message is marked as begun.
LEAD = timedelta(seconds=0.03)
# How many seconds an answer waits for others, to be recorded with them.
LINGER = 0.02
# While others are late already, larger groups bring more than early ones.
LINGER_WHEN_BEHIND = 0.1
# For how many seconds a task begins requests, and a request that was begun may leave.
BEGIN_WITHIN = 5


def send(message_ids: list[int], lease: UUID) -> None:
    """Send the messages that were claimed under this lease, each at its moment, and record what comes of it.

    1. Begin those whose moment has come, as many as may be under way, in one transaction.
    2. Wait for each one's moment on the event loop, and ask the carrier.
    3. Record the answers that are there, while other requests are under way.
    4. Give back what could not begin in time, since the carrier is slow: a later claim takes it.

    Messages that are no longer ours to send (canceled, held, erased, taken over) are passed over.
    """
    sending = Sending(message_ids, lease)
    while sending.goes_on():
        sending.begin_due()
        sending.collect_answers()
        sending.record_answers()


class Sending:
    """The messages of one task: those that wait for their moment, those under way, and those that are answered."""

    def __init__(self, message_ids: list[int], lease: UUID):
        self.lease = lease
        self.begin_until = time.monotonic() + BEGIN_WITHIN
        claimed = Message.objects.claimed(lease, timezone.now()).filter(pk__in=message_ids)
        self.waiting = deque(claimed.order_by("due_at", "pk").values_list("pk", "due_at"))
        self.under_way = 0
        self.deliveries: set[asyncio.Task] = set()
        self.answers: SimpleQueue[asyncio.Task[Outcome]] = SimpleQueue()
        self.answered: list[Outcome] = []
        self.record_at = 0.0

    def goes_on(self) -> bool:
        return bool(self.waiting or self.under_way)

    def begin_due(self) -> None:
        if self.waiting and time.monotonic() > self.begin_until:
            self.give_back()
        if ids := self.take_due(timezone.now() + LEAD):
            # Counted from the moment from which the lease is, however long beginning takes.
            begin_until = time.monotonic() + BEGIN_WITHIN
            requests = begin(ids, self.lease, timezone.now())
            carrier.event_loop().call_soon_threadsafe(self.ask, requests, begin_until)
            self.under_way += len(requests)

    def ask(self, requests: list[Request], begin_until: float) -> None:
        """Have the carrier asked to send each of these; runs on the event loop."""
        for request in requests:
            delivery = asyncio.create_task(deliver(request, begin_until))
            # The loop itself would forget one that nobody holds.
            self.deliveries.add(delivery)
            delivery.add_done_callback(self.deliveries.discard)
            delivery.add_done_callback(self.answers.put)

    def take_due(self, horizon: datetime) -> list[int]:
        """Take those that are due off the waiting: all, or as many as may be under way, if these are a group."""
        free = AT_ONCE - self.under_way
        due = sum(1 for _, due_at in islice(self.waiting, free) if due_at <= horizon)
        if due == free < GROUP:
            return []
        return [self.waiting.popleft()[0] for _ in range(due)]

    def collect_answers(self) -> None:
        """Wait for an answer, or until there is something else to do; take all that are there."""
        try:
            self.take_answer(self.answers.get(timeout=self.seconds_to_wait()))
            while True:
                self.take_answer(self.answers.get_nowait())
        except Empty:
            return

    def take_answer(self, answer: asyncio.Task[Outcome]) -> None:
        self.under_way -= 1
        if not self.answered:
            self.record_at = time.monotonic() + (LINGER_WHEN_BEHIND if self.is_behind() else LINGER)
        outcome = answer.result()
        self.answered.append(outcome)
        if outcome.error and outcome.error.action == Action.SLOW_DOWN:
            self.begin_until = 0.0

    def is_behind(self) -> bool:
        return bool(self.waiting) and self.waiting[0][1] <= timezone.now()

    def seconds_to_wait(self) -> float | None:
        """Return when there is something to do even if no answer comes; None if there will not be."""
        moments = [self.record_at] if self.answered else []
        if self.waiting:
            moments.append(self.begin_until)
        if self.waiting and AT_ONCE - self.under_way >= GROUP:
            until_due = self.waiting[0][1] - LEAD - timezone.now()
            moments.append(time.monotonic() + until_due.total_seconds())
        if not moments:
            return None if self.under_way else 0
        return max(0.0, min(moments) - time.monotonic())

    def record_answers(self) -> None:
        """Record what is answered, if it is a group, or nothing else is under way, or it has waited long enough."""
        enough = len(self.answered) >= GROUP or not self.under_way or time.monotonic() >= self.record_at
        if self.answered and enough:
            record(self.answered, lease=self.lease)
            self.answered = []

    def give_back(self) -> None:
        ids = [pk for pk, _ in self.waiting]
        self.waiting.clear()
        Message.objects.filter(pk__in=ids, lease=self.lease).give_back()


async def deliver(request: Request, begin_until: float) -> Outcome:
    """Ask the carrier to send one message, when it is due; it may take until the carrier's time-out.

    Past `begin_until`, on the monotonic clock, it is left to whoever has the lease next: this process stood still.
    """
    wait = (request.due_at - timezone.now()).total_seconds()
    if wait > 0:
        # A clock that was put back meanwhile would have it wait for an hour.
        await asyncio.sleep(min(wait, LEAD.total_seconds()))
    callback = f"{settings.PUBLIC_URL}{reverse('twilio-status')}?message={request.message_id}{carrier.WEBHOOK_RETRIES}"
    late, asked = (timezone.now() - request.due_at).total_seconds(), time.perf_counter()
    try:
        accepted = await carrier.send(
            to=request.to,
            sender=request.number,
            body=request.body,
            media_urls=request.media_urls,
            status_callback=callback,
            begin_until=begin_until,
        )
    except carrier.CarrierError as error:
        metrics.measure_request(time.perf_counter() - asked, None)
        return Outcome(request.message_id, timezone.now(), error=error)
    metrics.measure_request(time.perf_counter() - asked, late)
    return Outcome(request.message_id, timezone.now(), accepted=accepted)
