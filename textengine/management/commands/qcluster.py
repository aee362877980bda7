"""django-q2's cluster, in a process group of its own and watched by this process, which stands in front of it.

- A supervisor asks a whole process group to end, and the cluster's own processes end at once when asked: texts would
  be cut off in the middle of their requests. So only the cluster's master is asked, and it lets tasks finish.
- A process of the cluster that is killed can take a lock of its queue along, so that all look alive and nothing moves
  any more. When messages are overdue and no task begins, the cluster is killed and another one started: the leases
  of what it had claimed run out, and the message rows bring the work back.
- A lock that died with a process can also keep the cluster from ending when asked: past the time that any task may
  take, it is killed.
- Should this process be killed, the cluster notices and ends as if asked.
"""

import logging
import os
import select
import signal
import sys
import threading
import time
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connections
from django.utils import timezone
from django_q.management.commands.qcluster import Command as ClusterCommand
from django_q.signals import pre_execute

from subscribers.models import Message

logger = logging.getLogger(__name__)

# A message is overdue when its request has not begun so long after it was due.
OVERDUE = timedelta(seconds=10)
# A cluster that begins no task for so long, while messages are overdue, is stalled.
STALL_SECONDS = 12
LOOK_SECONDS = 2
# A cluster that ends with an error sooner than this could not start; another one could not either.
START_SECONDS = 5
# A cluster that was asked to end lets its tasks finish, and no task takes longer than this.
END_SECONDS = settings.Q_CLUSTER["timeout"] + 5


class Command(ClusterCommand):
    def handle(self, *args, **options):
        asked_to_end = threading.Event()
        while True:
            cluster = WatchedCluster(lambda: super(Command, self).handle(*args, **options))
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_, cluster=cluster: (asked_to_end.set(), cluster.ask_to_end()))
            code = cluster.watch()
            could_not_start = code > 0 and cluster.age() < START_SECONDS
            if asked_to_end.is_set() or options.get("run_once") or could_not_start:
                sys.exit(max(code, 0))
            logger.error("cluster.replaced code=%s", code)


class WatchedCluster:
    """One cluster below this process, from its start to its end."""

    def __init__(self, start):
        self.started = self.progressed = time.monotonic()
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
        os.kill(self.master, signal.SIGTERM)

    def watch(self) -> int:
        """Return the master's exit code (negative: a signal) once the whole cluster has ended; kill one that stalls."""
        while not (ended := os.waitpid(self.master, os.WNOHANG))[0]:
            if self.made_progress():
                self.progressed = time.monotonic()
            elif time.monotonic() - self.progressed > STALL_SECONDS and is_overdue():
                logger.error("cluster.stalled seconds=%.0f", time.monotonic() - self.progressed)
                self.kill_group()
            elif self.asked_to_end and time.monotonic() - self.asked_to_end > END_SECONDS:
                logger.error("cluster.killed seconds=%.0f", time.monotonic() - self.asked_to_end)
                self.kill_group()
        # Whatever the master has left behind would run on with nobody to watch it.
        self.kill_group()
        os.close(self.progress)
        os.close(self.alive)
        return os.waitstatus_to_exitcode(ended[1])

    def made_progress(self) -> bool:
        """Wait a moment; return whether a task has begun meanwhile, or the cluster has ended."""
        readable, _, _ = select.select([self.progress], [], [], LOOK_SECONDS)
        if not readable:
            return False
        if not os.read(self.progress, 4096):
            time.sleep(0.1)  # Its last process is gone, and waitpid is about to say so.
        return True

    def kill_group(self) -> None:
        try:
            os.killpg(self.master, signal.SIGKILL)
        except ProcessLookupError:
            return


def run_cluster(start, alive: int, progress_writer: int) -> None:
    """Be the cluster's master; never returns."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    os.set_blocking(progress_writer, False)
    pre_execute.connect(lambda **_: tell_progress(progress_writer), weak=False)
    start()
    # Only now, since the cluster forks its processes when it starts.
    threading.Thread(target=end_with, args=[alive], daemon=True).start()
    # As any program ends: after the cluster's processes, for which this waits.
    sys.exit()


def tell_progress(progress_writer: int) -> None:
    try:
        os.write(progress_writer, b".")
    except BlockingIOError:
        return  # There is plenty that nobody has read yet.


def end_with(alive: int) -> None:
    """End the cluster when nobody holds the other end of this pipe any more."""
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def is_overdue() -> bool:
    """Tell whether a message should have been on its way; False where the database cannot say."""
    waiting = Message.objects.filter(due_at__lt=timezone.now() - OVERDUE, begun_at=None)
    try:
        return any(
            waiting.filter(status=status).exists() for status in (Message.Status.SCHEDULED, Message.Status.SENDING)
        )
    except DatabaseError:
        connections.close_all()
        return False
