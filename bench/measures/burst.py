"""Texts that are all due at one moment: how many a second arrive, and what each costs."""

from collections.abc import Iterator

from bench.databases import Server
from bench.engine import Engine
from bench.processes import Carrier
from bench.rows import add_readers

from . import Bench, Figures, Measure


def measures(bench: Bench) -> Iterator[Measure]:
    for name, server in bench.servers.items():
        for sleepers in bench.sizes.sleepers[name]:
            for texts in bench.sizes.bursts:
                yield Measure(
                    "burst",
                    "engine",
                    lambda server=server, texts=texts, sleepers=sleepers: run(bench, server, texts, sleepers),
                    seconds=15 + texts / 700 + sleepers / 200_000,
                    database=name,
                    about={"texts": texts, "sleepers": sleepers},
                )


def run(bench: Bench, server: Server, texts: int, sleepers: int) -> Figures:
    with server.fresh(sleepers) as database, Carrier(bench.sizes.latency) as carrier:
        readers = add_readers(texts)
        with Engine(database, carrier) as engine:
            engine.warm()
            return engine.send(readers, lambda start: [start] * texts).burst()
