"""Texts that are all due at one moment: how many a second arrive, and what each costs."""

import os
import time
from collections.abc import Iterator
from tempfile import TemporaryDirectory

from bench.databases import Server
from bench.engine import Engine
from bench.processes import Carrier, Process, module
from bench.rivals import task_a_text
from bench.rivals.celery_redis import best_pool, run_burst, run_whole_work
from bench.rows import add_readers
from bench.sending import Sending, costs
from bench.texts import READERS, number

from . import Bench, Figures, Measure


def measures(bench: Bench) -> Iterator[Measure]:
    for name, server in bench.servers.items():
        for sleepers in bench.sizes.sleepers[name]:
            # What sleeps costs a poll, and a larger burst has no other polls.
            for texts in bench.sizes.bursts[:1] if sleepers else bench.sizes.bursts:
                yield Measure(
                    "burst",
                    "engine",
                    lambda server=server, texts=texts, sleepers=sleepers: run(bench, server, texts, sleepers),
                    seconds=15 + texts / 700 + sleepers / 200_000,
                    database=name,
                    about={"texts": texts, "sleepers": sleepers},
                )
    yield from measures_of_rivals(bench)


def measures_of_rivals(bench: Bench) -> Iterator[Measure]:
    texts = min(bench.sizes.bursts)
    yield Measure(
        "burst",
        "bare celery",
        lambda: run_burst(bench, best_pool(bench), texts),
        seconds=20 + texts / 200,
        about={"texts": texts},
    )
    for name, server in bench.servers.items():
        yield Measure(
            "burst",
            "celery",
            lambda server=server: run_whole_work(bench, server, texts),
            seconds=20 + texts / 100,
            database=name,
            about={"texts": texts},
        )
    yield from measures_of_loops(bench)


def measures_of_loops(bench: Bench) -> Iterator[Measure]:
    texts = bench.sizes.task_a_text_texts
    for name, server in bench.servers.items():
        yield Measure(
            "burst",
            "a task a text",
            lambda server=server: task_a_text.run(bench, server, texts),
            seconds=15 + texts / 40,
            database=name,
            about={"texts": texts},
        )
    texts = bench.sizes.loop_texts
    yield Measure(
        "burst", "loop of 2018", lambda: run_loop(bench, texts), seconds=5 + texts / 6, about={"texts": texts}
    )


def run_loop(bench: Bench, texts: int) -> Figures:
    """Have the loop of 2018 send so many texts."""
    with Carrier(bench.sizes.latency) as carrier, TemporaryDirectory(dir=bench.folder) as folder:
        start = time.time() + 3
        command = module("bench.rivals.loop_2018", database=f"{folder}/2018.sqlite3", texts=texts, start=start)
        with Process("the loop of 2018", command, os.environ | {"CARRIER_URL": carrier.url}) as loop:
            time.sleep(start - time.time())
            with costs(sender=loop.cpu) as spent:
                carrier.wait_for(texts, 60 + texts / 2, loop)
        due = {number(READERS, index): start for index in range(texts)}
        return Sending(due, carrier.arrivals(), spent).burst()


def run(bench: Bench, server: Server, texts: int, sleepers: int) -> Figures:
    with server.fresh(sleepers) as database, Carrier(bench.sizes.latency) as carrier:
        readers = add_readers(texts)
        with Engine(bench.sizes, database, carrier) as engine:
            engine.warm()
            return engine.send(readers, lambda start: [start] * texts).burst()
