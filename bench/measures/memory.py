"""What sleeping texts cost in memory: rows of a database, beside tasks in a worker's heap."""

import time
from collections.abc import Iterator

from bench.databases import Server
from bench.engine import Engine
from bench.processes import Carrier
from bench.rivals.celery_redis import run_memory
from bench.rows import add_sleepers
from bench.usage import proportional_megabytes

from . import Bench, Figures, Measure

# Until the cluster has come to rest.
SETTLE_SECONDS = 2


def measures(bench: Bench) -> Iterator[Measure]:
    tasks = bench.sizes.eta_tasks
    for name, server in bench.servers.items():
        yield Measure(
            "memory",
            "engine",
            lambda server=server: run(bench, server),
            seconds=30,
            database=name,
            about={"sleepers": tasks},
        )
    yield Measure(
        "memory", "bare celery", lambda: run_memory(bench), seconds=20 + tasks / 1500, about={"sleepers": tasks}
    )


def run(bench: Bench, server: Server) -> Figures:
    """Return by how much the cluster grows when messages are put to sleep."""
    with (
        server.fresh() as database,
        Carrier(bench.sizes.latency) as carrier,
        Engine(bench.sizes, database, carrier) as engine,
    ):
        engine.warm()
        time.sleep(SETTLE_SECONDS)
        before = proportional_megabytes(engine.cluster.pid)
        add_sleepers(bench.sizes.eta_tasks)
        time.sleep(SETTLE_SECONDS)
        after = proportional_megabytes(engine.cluster.pid)
        return {"growth_megabytes": after - before, "megabytes": after}
