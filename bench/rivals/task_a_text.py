"""One django-q2 task a text, on the database's own broker: each worker takes one and sends it."""

import sys
import time

from django.db import transaction
from django_q.tasks import async_task

from bench.databases import Server
from bench.measures import Bench, Figures
from bench.processes import Carrier, Process, environment
from bench.sending import Sending, costs
from bench.texts import READERS, WARMING, number
from textengine.tests.processes import free_port

TEXTS_A_SECOND = 4
# Twice as many were slower on two cores.
WORKERS_AT_MOST = 64


def run(bench: Bench, server: Server, texts: int) -> Figures:
    workers = min(WORKERS_AT_MOST, bench.sizes.requests_in_flight)
    with server.fresh() as database, Carrier(bench.sizes.latency) as carrier:
        settings = environment(database.url, carrier.url, free_port())
        settings |= {
            "DJANGO_SETTINGS_MODULE": "bench.rivals.q2_settings",
            "CARRIER_URL": carrier.url,
            "TASK_WORKERS": str(workers),
        }
        with Process("the cluster", [sys.executable, "manage.py", "qcluster"], settings) as cluster:
            send(cluster, carrier, [number(WARMING, index) for index in range(workers)])
            carrier.forget()
            with costs(sender=cluster.cpu, store=database.cpu) as spent:
                sending = send(cluster, carrier, [number(READERS, index) for index in range(texts)])
            sending.costs = spent
            return sending.burst()


def send(cluster: Process, carrier: Carrier, numbers: list[str]) -> Sending:
    """Let a task for each of these be there at one moment; return once all have arrived."""
    with transaction.atomic():
        for to in numbers:
            async_task("bench.rivals.door.send", to)
    start = time.time()
    carrier.wait_for(len(numbers), 30 + len(numbers) / TEXTS_A_SECOND, cluster)
    return Sending(dict.fromkeys(numbers, start), carrier.arrivals())
