"""How the database finds what is due among what sleeps: the plan, and what an empty look costs."""

import re
import time
from collections.abc import Iterator
from datetime import datetime
from statistics import median

from django.db.models import QuerySet
from django.utils import timezone

from bench.databases import Server
from subscribers.models import Message

from . import Bench, Figures, Measure

LOOKS = 200
TAKEN_AT_ONCE = 256
# A plan that reads all messages says so in these words.
WHOLE_TABLE = re.compile(r"Seq Scan on subscribers_message|SCAN subscribers_message(?! USING)")


def measures(bench: Bench) -> Iterator[Measure]:
    for name, server in bench.servers.items():
        for sleepers in bench.sizes.sleepers[name]:
            yield Measure(
                "plans",
                "engine",
                lambda server=server, sleepers=sleepers: run(server, sleepers),
                seconds=5 + sleepers / 300_000,
                database=name,
                about={"sleepers": sleepers},
            )


def queries(now: datetime) -> dict[str, QuerySet]:
    """Return what every poll of the cluster asks."""
    due, expired = Message.objects.due(now), Message.objects.expired(now)
    return {
        "due": due.order_by("due_at", "pk").values_list("pk")[:TAKEN_AT_ONCE],
        "expired": expired.order_by("lease_until", "pk").values_list("pk")[:TAKEN_AT_ONCE],
    }


def run(server: Server, sleepers: int) -> Figures:
    with server.fresh(sleepers):
        figures = {}
        for name, query in queries(timezone.now()).items():
            plan = query.explain()
            figures |= {f"{name}_us": microseconds(query), f"{name}_plan": plan}
            if WHOLE_TABLE.search(plan) and sleepers:
                raise RuntimeError(f"To find what is {name}, all messages are read: {plan}")
        return figures


def microseconds(query: QuerySet) -> float:
    """Return how long the query takes, its result being empty."""
    times = []
    for _ in range(LOOKS):
        started = time.perf_counter()
        if list(query.all()):
            raise RuntimeError("There is something due where everything should sleep.")
        times.append(time.perf_counter() - started)
    return median(times) * 1_000_000
