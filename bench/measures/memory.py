"""What sleeping texts cost in memory: rows of a database, beside tasks in a worker's heap."""

from collections.abc import Iterator

from bench.databases import Server
from bench.engine import Engine
from bench.processes import Carrier
from bench.rivals.celery_redis import run_memory
from bench.usage import proportional_megabytes

from . import Bench, Figures, Measure


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
    yield Measure("memory", "celery", lambda: run_memory(bench), seconds=20 + tasks / 1500, about={"sleepers": tasks})


def run(bench: Bench, server: Server) -> Figures:
    """Return by how much the cluster is larger with sleeping messages than without, after the same work."""
    without, with_sleepers = megabytes(bench, server, 0), megabytes(bench, server, bench.sizes.eta_tasks)
    return {"growth_megabytes": with_sleepers - without, "megabytes": with_sleepers}


def megabytes(bench: Bench, server: Server, sleepers: int) -> float:
    with server.fresh(sleepers) as database, Carrier(bench.sizes.latency) as carrier:
        with Engine(database, carrier) as engine:
            engine.warm()
            return proportional_megabytes(engine.cluster.pid)
