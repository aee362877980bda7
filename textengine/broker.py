"""django-q2's ORM broker, which also claims due messages whenever the cluster polls."""

import logging
from time import monotonic, sleep

from django.conf import settings
from django.db import connection
from django.dispatch import Signal
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.signing import SignedPackage

from subscribers.claiming import CLAIM_LIMIT, LEASE, claim
from subscribers.heartbeats import beat, begin
from subscribers.models.heartbeats import BEAT
from textengine.database import AWAY, in_words

logger = logging.getLogger(__name__)

# Sent after every poll: whoever asks for tasks is alive.
polled = Signal()


# A clock that is put right by more than this is one by which leases run out too early, or too late.
JUMP_SECONDS = 2


class MessageBroker(ORM):
    claim_at = beat_at = steady_at = 0.0
    ahead: float | None = None

    def dequeue(self):
        """Turn what is due into tasks once a poll, then hand out tasks as the ORM broker does.

        The cluster asks again at once when there was work: claiming as often would make a task of every message.

        A database that is away, full or read-only is waited for here: the cluster would replace its pusher, and that
        takes ten seconds.
        """
        try:
            self.tell_alive()
            if monotonic() >= self.claim_at and self.claim() < CLAIM_LIMIT:
                self.claim_at = monotonic() + Conf.POLL
            return [task for task in super().dequeue() or () if self.is_usable(*task)]
        except AWAY as error:
            logger.warning("claim.postponed error=%s reason=%s", type(error).__name__, in_words(error))
            connection.close()
            sleep(Conf.POLL * 5)
            return None
        finally:
            polled.send(sender=type(self))

    def claim(self) -> int:
        now = timezone.now()
        return claim(now, clock_is_steady=self.is_steady(now.timestamp(), monotonic()))

    def is_steady(self, now: float, passed: float) -> bool:
        """Tell whether the clock, which says `now`, went as time does, of which so many seconds have `passed`.

        After a jump, leases of requests that are under way look as if they had run out: they would be looked up before
        the carrier has them, and sent twice. So it is not steady for as long as a lease runs; nor, in a cluster that
        has just started and knows no clock of before, for as long as the carrier may take for a request.
        """
        before, self.ahead = self.ahead, now - passed
        if before is None:
            self.steady_at = passed + sum(settings.CARRIER_TIMEOUT)
        elif abs(self.ahead - before) > JUMP_SECONDS:
            logger.warning("clock.jumped seconds=%.0f", self.ahead - before)
            self.steady_at = passed + LEASE.total_seconds()
        return passed >= self.steady_at

    def tell_alive(self) -> None:
        if monotonic() >= self.beat_at:
            (beat if self.beat_at else begin)(timezone.now())
            self.beat_at = monotonic() + BEAT.total_seconds()

    def is_usable(self, row: int, payload: str) -> bool:
        """Tell whether a task can be read; remove it from the queue otherwise.

        The pusher would die of it, together with all tasks that came in the same handful, and again whenever they
        are handed out anew.
        """
        try:
            if isinstance(SignedPackage.loads(payload), dict):
                return True
            problem = "it is no task"
        except Exception as error:  # noqa: BLE001  Whatever the unpickling of a stranger's objects may raise.
            problem = type(error).__name__
        logger.error("task.unreadable row=%s error=%s", row, problem)
        self.fail(row)
        return False
