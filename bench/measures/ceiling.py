"""What bounds everybody: the raw client at the same number of connections, and the carrier itself."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlencode

from bench.load import post_from_one_process
from bench.processes import Carrier, Process, module
from bench.sending import Sending, costs
from bench.texts import ACCOUNT_SID, BODY, OUR_NUMBER, READERS, number

from . import Bench, Figures, Measure

START_SECONDS = 4


def measures(bench: Bench) -> Iterator[Measure]:
    texts = max(bench.sizes.bursts)
    for processes in bench.sizes.splits:
        yield Measure(
            "ceiling",
            "raw client",
            lambda processes=processes: run_raw(bench, texts, processes),
            seconds=10 + texts / 1500,
            about={"texts": texts, "processes": processes},
        )

    yield Measure(
        "ceiling", "carrier", lambda: run_carrier(bench, texts), seconds=5 + texts / 4000, about={"texts": texts}
    )


def run_carrier(bench: Bench, texts: int) -> Figures:
    """Post as fast as one process can to a carrier that answers at once; return what the carrier itself costs."""
    with Carrier(latency=0) as carrier:
        requests = [create_request(carrier.port, number(READERS, index)) for index in range(texts)]
        with costs(carrier=carrier.cpu) as spent:
            answered = post_from_one_process(bench.folder, carrier.port, requests, bench.sizes.requests_in_flight)
        if answered["failures"] or carrier.counts()["count"] != texts:
            raise RuntimeError(f"The carrier did not take {texts:,} texts.")
        return {
            "texts_a_second": texts / answered["seconds"],
            "carrier_cpu_ms_a_text": spent["carrier"] / texts * 1000,
            "texts_a_second_of_cpu": texts / spent["carrier"],
        }


def create_request(port: int, to: str) -> bytes:
    body = urlencode({"To": to, "From": OUR_NUMBER, "Body": BODY.format(1, 1)})
    return (
        f"POST /2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


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
        return Sending(due, carrier.arrivals(), {"sender": spent}).burst()
