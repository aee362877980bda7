"""Runs Celery with a Redis of its own, in the pool that does best here."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Self

from redis import Redis
from redis.exceptions import ConnectionError as NoRedis

from bench.databases import Database, Server
from bench.engine import has_recorded
from bench.measures import Bench, Figures
from bench.processes import Carrier, Process, environment, wait_until
from bench.rows import add_readers, schedule_first_texts
from bench.sending import Sending, costs
from bench.texts import READERS, WARMING, number
from bench.usage import proportional_megabytes
from subscribers.models import Message
from textengine.tests.processes import free_port

from .celery_app import make_app

# Tasks are written and taken in at this rate at least, all of them before the first is due.
TASKS_A_SECOND = 300
TEXTS_A_SECOND = 20
# Longer than a writer waits for SQLite's lock.
RECORD_SECONDS = 40
TRIAL_TEXTS = 2000
# Until what was just taken in is where it stays.
SETTLE_SECONDS = 2


@dataclass(frozen=True)
class Pool:
    """Workers of one kind; together they have all the requests in flight."""

    kind: str
    workers: int

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
    """Redis and the workers, with a database where they do the whole work; a context manager."""

    def __init__(self, bench: Bench, carrier: Carrier, pool: Pool, database: Database | None = None):
        self.bench, self.carrier, self.pool, self.database = bench, carrier, pool, database
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
        database_url = self.database.url if self.database else os.environ["DATABASE_URL"]
        settings = environment(database_url, self.carrier.url, free_port()) | {
            "BROKER_URL": f"redis://127.0.0.1:{self.redis.port}/0",
            "CARRIER_URL": self.carrier.url,
            "CONNECTIONS": "1" if self.pool.kind == "prefork" else str(share),
        }
        return Process(f"Celery worker {index}", command, settings)

    def cpu(self) -> float:
        return sum(worker.cpu() for worker in self.workers)

    def megabytes(self) -> float:
        return sum(proportional_megabytes(worker.pid) for worker in self.workers)

    def store_cpu(self) -> float:
        return self.redis.cpu() + (self.database.cpu() if self.database else 0)

    def warm(self) -> None:
        """Have it send a few texts, so that its processes are all there, with their connections."""
        texts = self.bench.sizes.requests_in_flight
        self.enqueue(self.arguments(texts, WARMING), [time.time()] * texts)
        self.carrier.wait_for(texts, 60, self.workers[0])
        self.carrier.forget()

    def send(self, texts: int, moments: Callable[[float], list[float]]) -> Sending:
        """Write a task for each text, due at its moment, and return once all have arrived, and are recorded."""
        arguments = self.arguments(texts, READERS)
        start = time.time() + self.bench.sizes.lead + texts / TASKS_A_SECOND
        due = moments(start)
        with costs(sender=self.cpu, store=self.store_cpu, carrier=self.carrier.cpu) as spent:
            self.enqueue(arguments, due)
            if time.time() > start or self.redis.client.llen("celery"):
                raise RuntimeError(f"{texts:,} tasks were not all taken in before the first was due.")
            patience = due[-1] - time.time() + 30 + texts / TEXTS_A_SECOND
            self.carrier.wait_for(texts, patience, self.workers[0])
            if self.database:
                self.wait_until_recorded()
        numbers = (number(READERS, index) for index in range(texts))
        return Sending(dict(zip(numbers, due, strict=True)), self.carrier.arrivals(), spent)

    def wait_until_recorded(self) -> None:
        """Wait until all is recorded, or nothing more will be: a task whose database was locked for too long failed."""
        with suppress(TimeoutError):
            wait_until(lambda: has_recorded(self.messages), RECORD_SECONDS, "everything to be recorded", every=0.2)

    def unrecorded(self) -> int:
        """Return how many texts were sent of which the database does not know."""
        pks = (self.messages[0].pk, self.messages[-1].pk)
        return Message.objects.filter(pk__range=pks, sid=None).count()

    def arguments(self, texts: int, prefix: str) -> list[int] | list[str]:
        """Return what each text's task is called with: the id of its message, or where there is none, the number."""
        if not self.database:
            return [number(prefix, index) for index in range(texts)]
        # When each is due is the task's business here.
        self.messages = schedule_first_texts(add_readers(texts, prefix), [time.time()] * texts)
        return [message.pk for message in self.messages]

    def enqueue(self, arguments: list[int] | list[str], due: list[float]) -> None:
        """Write the tasks, and wait until the workers have taken them all in, or the first is due."""
        task = "tell" if self.database else "send"
        with self.app.producer_pool.acquire(block=True) as producer:
            for argument, moment in zip(arguments, due, strict=True):
                eta = datetime.fromtimestamp(moment, UTC)
                self.app.send_task(task, [argument], eta=eta, producer=producer, ignore_result=True)
        while self.redis.client.llen("celery") and time.time() < min(due):
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
    """Have the text sent, and nothing written down."""
    with Carrier(bench.sizes.latency) as carrier, Celery(bench, carrier, pool) as celery:
        celery.warm()
        return celery.send(texts, lambda start: [start] * texts).burst() | {"pool": str(pool)}


def run_whole_work(bench: Bench, server: Server, texts: int) -> Figures:
    """Have the text sent, recorded, and the next one scheduled, as Text-Engine does."""
    pool = best_pool(bench)
    with (
        server.fresh() as database,
        Carrier(bench.sizes.latency) as carrier,
        Celery(bench, carrier, pool, database) as celery,
    ):
        celery.warm()
        figures = celery.send(texts, lambda start: [start] * texts).burst()
        return figures | {"unrecorded": celery.unrecorded(), "pool": str(pool)}


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
        tasks = bench.sizes.eta_tasks
        celery.enqueue(celery.arguments(tasks, READERS), [tomorrow] * tasks)
        time.sleep(SETTLE_SECONDS)
        return {
            "growth_megabytes": celery.megabytes() - before,
            "megabytes": celery.megabytes(),
            "redis_growth_megabytes": proportional_megabytes(celery.redis.pid) - redis_before,
        }
