"""What bounds everybody: the raw client at the same number of connections, and the carrier itself."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

from bench.processes import Carrier, Process, module
from bench.sending import Sending
from bench.texts import READERS, number

from . import Bench, Figures, Measure

# Into so many processes the connections are split; the best split is the ceiling.
SPLITS = (2, 4, 8)
START_SECONDS = 4


def measures(bench: Bench) -> Iterator[Measure]:
    texts = max(bench.sizes.bursts)
    for processes in SPLITS:
        yield Measure(
            "ceiling",
            "raw client",
            lambda processes=processes: run_raw(bench, texts, processes),
            seconds=10 + texts / 1500,
            about={"texts": texts, "processes": processes},
        )


def run_raw(bench: Bench, texts: int, processes: int) -> Figures:
    """Send with keep-alive posts from so many processes, whose threads are together the requests in flight."""
    threads, share = bench.sizes.requests_in_flight // processes, texts // processes
    with Carrier(bench.sizes.latency) as carrier, ExitStack() as stack:
        start = time.time() + START_SECONDS
        senders = [
            stack.enter_context(
                Process(
                    "the raw client",
                    module("bench.rivals.raw", url=carrier.url, threads=threads, texts=share, first=first, start=start),
                )
            )
            for first in range(0, share * processes, share)
        ]
        carrier.wait_for(share * processes, START_SECONDS + 30 + texts / 50)
        spent = sum(sender.printed() for sender in senders)
        due = {number(READERS, index): start for index in range(share * processes)}
        return Sending(due, carrier.arrivals(), {"client": spent}).burst()
