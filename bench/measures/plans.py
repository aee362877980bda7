"""How the database finds what is due among what sleeps: the plan, and what an empty look costs."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from statistics import median

from django.db import connection
from django.utils import timezone

from bench.databases import Server
from subscribers.claiming import ANYTHING_TO_DO
from subscribers.models import Message
from subscribers.models.messages import LEASE_MAX
from textengine.database import run_sql

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


def run(server: Server, sleepers: int) -> Figures:
    with server.fresh(sleepers):
        now, figures = timezone.now(), {}
        due = Message.objects.due(now).order_by("due_at", "pk").values_list("pk")[:TAKEN_AT_ONCE]
        asked = {
            # What every poll asks, and what it takes when there is something.
            "look": (lambda: run_sql(ANYTHING_TO_DO, **moments(now)), explain_look(now)),
            "due": (lambda: list(due.all()), due.explain()),
        }
        for name, (ask, plan) in asked.items():
            figures |= {f"{name}_us": microseconds(ask), f"{name}_plan": plan}
            if WHOLE_TABLE.search(plan) and sleepers:
                raise RuntimeError(f"To {name}, all messages are read: {plan}")
        return figures


def moments(now: datetime) -> dict[str, datetime]:
    return {"horizon": now, "now": now, "too_late": now + LEASE_MAX}


def explain_look(now: datetime) -> str:
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    return "\n".join(str(row[-1]) for row in run_sql(f"{explain} {ANYTHING_TO_DO}", **moments(now)))


def microseconds(ask: Callable[[], list]) -> float:
    """Return how long it takes to ask, the answer being that there is nothing."""
    times = []
    for _ in range(LOOKS):
        started = time.perf_counter()
        if ask():
            raise RuntimeError("There is something due where everything should sleep.")
        times.append(time.perf_counter() - started)
    return median(times) * 1_000_000
