"""django-q2's cluster, in a process group of its own and watched by this process, which stands in front of it.

- A supervisor asks a whole process group to end, and the cluster's own processes end at once when asked: texts would
  be cut off in the middle of their requests. So only the cluster's master is asked, and it lets tasks finish.
- A process of the cluster that is killed can take a lock of its queue along, so that all look alive and nothing moves
  any more. When it has claimed messages and no task begins, or does not even poll, the cluster is killed and another
  one started. What it had claimed is given back; what it had begun is looked up when its lease runs out.
- A lock that died with a process can also keep the cluster from ending when asked: past the time that any task may
  take, it is killed.
- Should this process be killed, the cluster notices and ends as if asked.
"""

import contextlib
import gc
import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.models import QuerySet
from django.utils import timezone
from django_q.management.commands.qcluster import Command as ClusterCommand
from django_q.signals import pre_execute

from subscribers.claiming import LEASE, owner
from subscribers.models import Message
from textengine import carrier, starting, traces
from textengine.broker import polled

logger = logging.getLogger(__name__)

# A cluster that has claimed messages and begins no task for so long has lost its way to its workers.
STALL_SECONDS = 15
# One that does not even poll for so long stands still: its workers may all be busy for as long as a task may take.
SILENCE_SECONDS = settings.Q_CLUSTER["timeout"] + 5
LOOK_SECONDS = 2
# The signs by which the cluster's processes tell of themselves.
POLLED, BEGAN = b"p", b"t"
# A cluster that ends with an error sooner than this could not start. One alone may have been killed at that moment;
# when so many in a row could not, neither will the next one.
START_SECONDS = 5
STARTS = 2
# A cluster that was asked to end lets its tasks finish, and no task takes longer than this.
END_SECONDS = settings.Q_CLUSTER["timeout"] + 5


class Command(ClusterCommand):
    def handle(self, *args, **options):
        starting.look_at_tables()
        carrier.preload()
        # Processes that are forked share memory until one writes to it, and counting garbage writes to all of it.
        gc.freeze()
        asked_to_end = threading.Event()
        failed_starts = 0
        while True:
            cluster = WatchedCluster(lambda: super(Command, self).handle(*args, **options))
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_, cluster=cluster: (asked_to_end.set(), cluster.ask_to_end()))
            code = cluster.watch()
            failed_starts = failed_starts + 1 if code > 0 and cluster.age() < START_SECONDS else 0
            if asked_to_end.is_set() or options.get("run_once") or failed_starts == STARTS:
                sys.exit(max(code, 0))
            logger.error("cluster.replaced code=%s", code)


class WatchedCluster:
    """One cluster below this process, from its start to its end; `start` is what its master runs."""

    def __init__(self, start: Callable[[], None]):
        self.started = self.polled = self.began = time.monotonic()
        self.asked_to_end: float | None = None
        self.progress, progress_writer = os.pipe()
        alive, self.alive = os.pipe()
        # A forked process cannot share its parent's connections.
        connections.close_all()
        self.master = os.fork()
        if self.master == 0:
            os.close(self.progress)
            os.close(self.alive)
            run_cluster(start, alive, progress_writer)
        os.close(alive)
        os.close(progress_writer)

    def age(self) -> float:
        """Return for how many seconds it has been there."""
        return time.monotonic() - self.started

    def ask_to_end(self) -> None:
        self.asked_to_end = self.asked_to_end or time.monotonic()
        # It may have ended by itself just now.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.master, signal.SIGTERM)

    def watch(self) -> int:
        """Return the master's exit code (negative: a signal) once the whole cluster has ended; kill one that stalls."""
        while not (ended := os.waitpid(self.master, os.WNOHANG))[0]:
            self.follow_progress()
            now = time.monotonic()
            if now - max(self.polled, self.began) > SILENCE_SECONDS or (
                now - self.began > STALL_SECONDS and self.has_claimed()
            ):
                logger.error("cluster.stalled seconds=%.0f", now - self.began)
                self.kill_group()
            elif self.asked_to_end and now - self.asked_to_end > END_SECONDS:
                logger.error("cluster.killed seconds=%.0f", now - self.asked_to_end)
                self.kill_group()
        # Whatever the master has left behind would run on with nobody to watch it.
        self.kill_group()
        self.give_back()
        os.close(self.progress)
        os.close(self.alive)
        return os.waitstatus_to_exitcode(ended[1])

    def follow_progress(self) -> None:
        """Wait a moment for a sign of the cluster, and note when it came."""
        readable, _, _ = select.select([self.progress], [], [], LOOK_SECONDS)
        if not readable:
            return
        signs = os.read(self.progress, 4096)
        if not signs:
            time.sleep(0.1)  # Its last process is gone, and waitpid is about to say so.
        if POLLED in signs:
            self.polled = time.monotonic()
        if BEGAN in signs:
            self.began = time.monotonic()

    def has_claimed(self) -> bool:
        """Tell whether it has claimed messages for which no task began; False where the database cannot say."""
        claimed = timezone.now() + LEASE - timedelta(seconds=STALL_SECONDS)
        try:
            return self.messages().filter(begun_at=None, lease_until__lt=claimed).exists()
        except DatabaseError:
            connections.close_all()
            return False

    def give_back(self) -> None:
        """Let others claim at once what it had claimed; where the database is away, the leases run out."""
        try:
            self.messages().give_back()
        except DatabaseError:
            connections.close_all()

    def messages(self) -> QuerySet[Message]:
        return Message.objects.filter(status=Message.Status.SENDING, lease_owner=owner(self.master))

    def kill_group(self) -> None:
        try:
            os.killpg(self.master, signal.SIGKILL)
        except ProcessLookupError:
            return


def run_cluster(start: Callable[[], None], alive: int, progress_writer: int) -> NoReturn:
    """Be the cluster's master; `alive` and `progress_writer` are its ends of the pipes to the process in front."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    os.set_blocking(progress_writer, False)
    pre_execute.connect(lambda **_: tell(progress_writer, BEGAN), weak=False)
    pre_execute.connect(lambda task, **_: traces.trace.set(task["id"][: traces.LENGTH]), weak=False)
    polled.connect(lambda **_: tell(progress_writer, POLLED), weak=False)
    start()
    # Only now, since the cluster forks its processes when it starts.
    threading.Thread(target=end_with, args=[alive], daemon=True).start()
    # As any program ends: after the cluster's processes, for which this waits.
    sys.exit()


def tell(progress_writer: int, sign: bytes) -> None:
    try:
        os.write(progress_writer, sign)
    except BlockingIOError:
        return  # There is plenty that nobody has read yet.


def end_with(alive: int) -> None:
    """End the cluster when nobody holds the other end of this pipe any more; kill it if it cannot end.

    Nobody else would: it would stay for ever.
    """
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(END_SECONDS)
    os.killpg(0, signal.SIGKILL)
