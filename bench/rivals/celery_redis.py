"""Runs Celery with a Redis of its own, in the pool that does best here."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Self

from redis import Redis
from redis.exceptions import ConnectionError as NoRedis

from bench.measures import Bench, Figures
from bench.processes import Carrier, Process
from bench.sending import Sending, costs
from bench.texts import READERS, WARMING, number
from bench.usage import proportional_megabytes
from textengine.tests.processes import free_port

from .celery_app import make_app

# Tasks are written and taken in at this rate at least, all of them before the first is due.
TASKS_A_SECOND = 500
TEXTS_A_SECOND = 20
TRIAL_TEXTS = 2000
# Until what was just taken in is where it stays.
SETTLE_SECONDS = 2


@dataclass(frozen=True)
class Pool:
    """Workers of one kind, and what they send with; together they have all the requests in flight."""

    kind: str
    workers: int
    lean: bool = False

    def __str__(self):
        return f"{self.kind}, {self.workers} worker{'s' if self.workers > 1 else ''}"


# A process a request is beyond what a machine has, so prefork gets as many as help.
POOLS = (
    Pool("threads", 1),
    Pool("threads", 2),
    Pool("threads", 4),
    Pool("gevent", 1),
    Pool("gevent", 2),
    Pool("prefork", 1),
)
PREFORK_PROCESSES = 64


class RedisServer(Process):
    """A Redis that keeps nothing; a context manager."""

    def __init__(self, bench: Bench):
        self.port = free_port()
        self.client = Redis(port=self.port)
        command = ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", bench.folder]
        super().__init__("Redis", [*command, "--save", "", "--appendonly", "no"])

    def __enter__(self) -> Self:
        super().__enter__()
        self.wait_until(self.answers)
        return self

    def answers(self) -> bool:
        self.check()
        try:
            return self.client.ping()
        except NoRedis:
            return False


class Celery:
    """Redis and the workers; a context manager."""

    def __init__(self, bench: Bench, carrier: Carrier, pool: Pool):
        self.bench, self.carrier, self.pool = bench, carrier, pool
        self.redis = RedisServer(bench)
        self.app = make_app(f"redis://127.0.0.1:{self.redis.port}/0")

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.redis)
            self.workers = [stack.enter_context(self.worker(index)) for index in range(self.pool.workers)]
            self.running = stack.pop_all()
        return self

    def __exit__(self, *error) -> None:
        self.app.close()
        self.running.__exit__(*error)

    def worker(self, index: int) -> Process:
        share = self.bench.sizes.requests_in_flight // self.pool.workers
        concurrency = min(PREFORK_PROCESSES, share) if self.pool.kind == "prefork" else share
        command = [sys.executable, "-m", "celery", "-A", "bench.rivals.celery_app", "worker", "-l", "warning"]
        command += ["-P", self.pool.kind, "-c", concurrency, "-n", f"bench{index}@%h"]
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        environment = os.environ | {
            "BROKER_URL": f"redis://127.0.0.1:{self.redis.port}/0",
            "CARRIER_URL": self.carrier.url,
            "CONNECTIONS": "1" if self.pool.kind == "prefork" else str(share),
            "LEAN": "1" if self.pool.lean else "",
        }
        return Process(f"Celery worker {index}", command, environment)

    def cpu(self) -> float:
        return sum(worker.cpu() for worker in self.workers)

    def megabytes(self) -> float:
        return sum(proportional_megabytes(worker.pid) for worker in self.workers)

    def warm(self) -> None:
        """Have it send a few texts, so that its processes are all there, with their connections."""
        texts = self.bench.sizes.requests_in_flight
        self.enqueue({number(WARMING, index): time.time() for index in range(texts)})
        self.carrier.wait_for(texts, 60, self.workers[0])
        self.carrier.forget()

    def send(self, texts: int, moments: Callable[[float], list[float]]) -> Sending:
        """Write a task for each text, due at its moment, and return once all have arrived."""
        start = time.time() + self.bench.sizes.lead + texts / TASKS_A_SECOND
        due = dict(zip((number(READERS, index) for index in range(texts)), moments(start), strict=True))
        with costs(sender=self.cpu, store=self.redis.cpu, carrier=self.carrier.cpu) as spent:
            self.enqueue(due)
            if time.time() > start or self.redis.client.llen("celery"):
                raise RuntimeError(f"{texts:,} tasks were not all taken in before the first was due.")
            patience = max(due.values()) - time.time() + 30 + texts / TEXTS_A_SECOND
            self.carrier.wait_for(texts, patience, self.workers[0])
        return Sending(due, self.carrier.arrivals(), spent)

    def enqueue(self, due: dict[str, float]) -> None:
        """Write the tasks, and wait until the workers have taken them all in, or the first is due."""
        first = min(due.values())
        with self.app.producer_pool.acquire(block=True) as producer:
            for to, moment in due.items():
                eta = datetime.fromtimestamp(moment, UTC)
                self.app.send_task("send", [to], eta=eta, producer=producer, ignore_result=True)
        while self.redis.client.llen("celery") and time.time() < first:
            time.sleep(0.1)


# How many texts a second each pool sent when the pools were tried.
tried: dict[Pool, float] = {}
trying = Lock()


def best_pool(bench: Bench) -> Pool:
    """Return the pool that does best on this machine; the first time, try them all."""
    texts = min(TRIAL_TEXTS, *bench.sizes.bursts)
    with trying:
        for pool in POOLS[: bench.sizes.pools]:
            if pool not in tried:
                tried[pool] = run_burst(bench, pool, texts)["texts_a_second"]
                print(f"        tried {pool}: {tried[pool]:,.0f} texts a second", file=sys.stderr)
    return max(tried, key=tried.get)


def run_burst(bench: Bench, pool: Pool, texts: int) -> Figures:
    with Carrier(bench.sizes.latency) as carrier, Celery(bench, carrier, pool) as celery:
        celery.warm()
        return celery.send(texts, lambda start: [start] * texts).burst() | {"pool": str(pool)}


def run_lateness(bench: Bench, rate: int) -> Figures:
    texts, pool = int(rate * bench.sizes.seconds), best_pool(bench)
    with Carrier(bench.sizes.latency) as carrier, Celery(bench, carrier, pool) as celery:
        celery.warm()
        sending = celery.send(texts, lambda start: [start + index / rate for index in range(texts)])
        return sending.lateness() | {"pool": str(pool)}


def run_memory(bench: Bench) -> Figures:
    """Return by how much the workers grow when they hold tasks that are due tomorrow."""
    with Carrier(bench.sizes.latency) as carrier, Celery(bench, carrier, Pool("threads", 1)) as celery:
        celery.warm()
        before, redis_before = celery.megabytes(), proportional_megabytes(celery.redis.pid)
        tomorrow = time.time() + 24 * 3600
        celery.enqueue({number(READERS, index): tomorrow for index in range(bench.sizes.eta_tasks)})
        time.sleep(SETTLE_SECONDS)
        return {
            "growth_megabytes": celery.megabytes() - before,
            "megabytes": celery.megabytes(),
            "redis_growth_megabytes": proportional_megabytes(celery.redis.pid) - redis_before,
        }
