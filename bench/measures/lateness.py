"""Texts that are due one after another, evenly: how long after its moment each arrives."""

from collections.abc import Iterator

from bench.databases import Server
from bench.engine import Engine
from bench.processes import Carrier
from bench.rivals.celery_redis import run_lateness
from bench.rows import add_readers

from . import Bench, Figures, Measure

# At this rate the carrier also reports what becomes of each text, three times.
RATE_WITH_CALLBACKS = 225


def measures(bench: Bench) -> Iterator[Measure]:
    seconds = bench.sizes.seconds
    for name, server in bench.servers.items():
        for sleepers in bench.sizes.sleepers[name][:2]:
            for rate in bench.sizes.rates:
                yield Measure(
                    "lateness",
                    "engine",
                    lambda server=server, rate=rate, sleepers=sleepers: run(bench, server, rate, sleepers),
                    seconds=20 + seconds + sleepers / 200_000,
                    database=name,
                    about={"rate": rate, "sleepers": sleepers},
                )
    rate = bench.sizes.rates[0]
    about = {"rate": rate, "sleepers": 0}
    yield Measure("lateness", "bare celery", lambda: run_lateness(bench, rate), 20 + seconds, about=about)


def run(bench: Bench, server: Server, rate: int, sleepers: int) -> Figures:
    texts = int(rate * bench.sizes.seconds)
    callbacks = rate == RATE_WITH_CALLBACKS
    with server.fresh(sleepers) as database, Carrier(bench.sizes.latency, callbacks) as carrier:
        readers = add_readers(texts)
        with Engine(bench.sizes, database, carrier, web=callbacks) as engine:
            engine.warm()
            figures = engine.send(readers, lambda start: [start + index / rate for index in range(texts)]).lateness()
        return figures | {f"callbacks_{name}": count for name, count in carrier.counts()["callbacks"].items()}
