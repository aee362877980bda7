"""Chaos: processes are killed at random while readers read. Nothing is lost, nothing is doubled, all is recovered.

Whatever the engine believes, the sandbox's own record of what it accepted is the judge.
"""

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from stories.tests.factory import make_story
from subscribers.models import Enrollment

from .processes import Processes, children, wait_until
from .readers import assert_each_got, explained, phones, text_in, wait_until_all_have_read
from .sizes import size

READERS = int(os.environ.get("CHAOS_READERS") or size(40, 200))
SECONDS = int(os.environ.get("CHAOS_SECONDS") or size(12, 60))
SEED = os.environ.get("CHAOS_SEED") or str(random.randrange(1_000_000))
SECONDS_BETWEEN_KILLS = 2
SECONDS_TO_RECOVER = 120
FAULTS = {"latency": 0.15, "rates": {"drop-after": 0.02}}
TEXTS = [f"Text {number}" for number in range(1, 7)]
# In each round every role's turn comes, in random order. Below the sentinel are workers, the pusher and the monitor.
ROLES = ["front", "master", "sentinel", "below the sentinel", "below the sentinel", "web", "web worker"]
# What a supervisor started, and starts again.
STARTED = {"front": "worker", "web": "web"}


def running(processes: Processes, role: str) -> list[int]:
    """Return the processes that play this role at this moment."""
    if role in STARTED:
        return [processes.running[STARTED[role]].pid]
    if role == "web worker":
        return children(processes.running["web"].pid)
    found = [processes.running["worker"].pid]
    for _ in range(ROLES.index(role)):
        found = [child for pid in found for child in children(pid)]
    return found


def supervise(processes: Processes) -> None:
    """Start again what has ended, as a supervisor does."""
    for name in STARTED.values():
        if name not in processes.running or processes.running[name].poll() is not None:
            processes.start(name)


def kill_one(processes: Processes, role: str, chance: random.Random) -> str:
    """Kill a process of this role; return what was done."""

    def victims() -> list[int]:
        supervise(processes)
        return running(processes, role)

    found = wait_until(victims, 20, lambda: f"there is no {role}")
    if role in STARTED:
        processes.kill_front(STARTED[role])
        supervise(processes)
        return role
    victim = chance.randrange(len(found))
    os.kill(found[victim], signal.SIGKILL)
    return f"{role} {victim + 1} of {len(found)}"


def arrive(processes: Processes, readers: list[str]) -> None:
    """Let readers text in, one after the other, over the first half of the time of the kills."""
    started = time.monotonic()
    for number, reader in enumerate(readers):
        time.sleep(max(0, started + SECONDS / 2 * number / len(readers) - time.monotonic()))
        text_in(processes.sandbox, [reader])


@pytest.mark.grows
def test_whatever_is_killed_every_reader_gets_every_text_once_and_in_order(processes):
    delay = max(1, SECONDS // 8)
    make_story(keyword="river", texts=[(text, delay) for text in TEXTS])
    readers, chance, killed = phones(READERS), random.Random(SEED), []
    with (
        explained(processes, lambda: f"CHAOS_SEED={SEED}, killed: {', '.join(killed)}"),
        ThreadPoolExecutor(1) as beside,
    ):
        arrived = beside.submit(arrive, processes, readers)
        for number in range(SECONDS // SECONDS_BETWEEN_KILLS):
            # Callbacks settle much of what a kill has left unknown: every other time they come too late for that.
            processes.sandbox.faults(FAULTS | {"callback-late": SECONDS_TO_RECOVER if number % 2 else 0})
            time.sleep(SECONDS_BETWEEN_KILLS)
            if number % len(ROLES) == 0:
                roles = chance.sample(ROLES, len(ROLES))
            killed.append(kill_one(processes, roles[number % len(ROLES)], chance))
        processes.sandbox.faults(FAULTS)
        arrived.result()
        supervise(processes)
        wait_until(processes.answers, SECONDS_TO_RECOVER, processes.logged)
        # Who texted while no web server was there, for longer than the carrier tries again, does it once more.
        known = set(map(str, Enrollment.objects.values_list("subscriber__phone_number", flat=True)))
        text_in(processes.sandbox, [reader for reader in readers if reader not in known])
        wait_until_all_have_read(READERS, SECONDS_TO_RECOVER)
        assert processes.stop("worker") == 0
        assert_each_got(processes.sandbox, readers, TEXTS)
        wait_until(lambda: not processes.left_behind(), SECONDS_TO_RECOVER)


@pytest.mark.slow
def test_a_cluster_killed_at_its_start_is_replaced(processes):
    make_story(keyword="river", texts=[("One", 0)])
    processes.kill("worker")
    processes.start("worker")
    sentinel, *_ = wait_until(lambda: running(processes, "sentinel"), 20)
    os.kill(sentinel, signal.SIGKILL)
    with explained(processes):
        text_in(processes.sandbox, phones(1))
        # It may have claimed the text before it died.
        wait_until_all_have_read(1, 60)
        assert processes.stop("worker") == 0
