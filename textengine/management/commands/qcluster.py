"""django-q2's cluster, in a process group of its own.

A supervisor asks a whole process group to end, and the cluster's own processes end at once when asked: texts would
be cut off in the middle of their requests. So this process stands in front of the cluster and asks only its master,
which lets running tasks finish. Should this process be killed, the cluster notices and ends in the same way.
"""

import os
import signal
import threading

from django_q.management.commands.qcluster import Command as ClusterCommand


class Command(ClusterCommand):
    def handle(self, *args, **options):
        alive, alive_writer = os.pipe()
        master = os.fork()
        if master:
            os.close(alive)
            raise SystemExit(wait_for(master))
        os.close(alive_writer)
        os.setsid()
        super().handle(*args, **options)
        # Only now, since the cluster forks its processes when it starts.
        threading.Thread(target=end_with, args=[alive], daemon=True).start()


def wait_for(master: int) -> int:
    """Pass requests to end on to the cluster's master; return its exit code when it has ended."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os.kill(master, signal.SIGTERM))
    _, status = os.waitpid(master, 0)
    return os.waitstatus_to_exitcode(status)


def end_with(alive: int) -> None:
    """End the cluster when nobody holds the other end of this pipe any more."""
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGTERM)
