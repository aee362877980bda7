"""The cluster while nothing is due: what it takes of a CPU, and how much memory is its own."""

import time
from collections.abc import Iterator

from bench.databases import Server
from bench.engine import Engine
from bench.processes import Carrier
from bench.sending import costs
from bench.usage import proportional_megabytes

from . import Bench, Figures, Measure

# After the last text, until the cluster has come to rest.
SETTLE_SECONDS = 2


def measures(bench: Bench) -> Iterator[Measure]:
    for name, server in bench.servers.items():
        for sleepers in bench.sizes.sleepers[name][:2]:
            yield Measure(
                "idle",
                "engine",
                lambda server=server, sleepers=sleepers: run(bench, server, sleepers),
                seconds=20 + bench.sizes.seconds + sleepers / 200_000,
                database=name,
                about={"sleepers": sleepers},
            )


def run(bench: Bench, server: Server, sleepers: int) -> Figures:
    with (
        server.fresh(sleepers) as database,
        Carrier(bench.sizes.latency) as carrier,
        Engine(bench.sizes, database, carrier) as engine,
    ):
        engine.warm()
        time.sleep(SETTLE_SECONDS)
        with costs(engine=engine.cluster.cpu, database=database.cpu) as spent:
            time.sleep(bench.sizes.seconds)
        return {
            "cpu_percent": spent["engine"] / bench.sizes.seconds * 100,
            "database_cpu_percent": spent["database"] / bench.sizes.seconds * 100,
            "megabytes": proportional_megabytes(engine.cluster.pid),
        }
