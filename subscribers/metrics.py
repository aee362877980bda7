"""What is counted and measured while texts come and go, without a word or a number of anybody.

Each process counts in its own memory, which costs a text a few microseconds, and adds what has come since to the rows
of Sample: not for each text, but ten seconds after the first. So the web processes and the clusters of all machines add
up without knowing of each other, whoever is asked, and whatever is started anew. A process that is killed takes its
last ten seconds along. What is asked of the rows themselves is in scraping.py.
"""

import functools
import json
import logging
import os
import threading
import time
from collections import Counter as Counts
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.util import Finalize

import prometheus_client
from django.conf import settings
from django.db import DatabaseError, connection, connections
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Counter, Histogram

from textengine.carrier_codes import Action
from textengine.database import retried_at_once

from .models import Message

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 10

prometheus_client.disable_created_metrics()
REGISTRY = CollectorRegistry()
TEXTS = Counter(
    "textengine_texts",
    "Texts that came to a status, by what the last error asks for; scheduled and sending ones are tried again.",
    ["status", "error"],
    registry=REGISTRY,
)
LATENESS = Histogram(
    "textengine_lateness_seconds",
    "From the moment a text was due until its request began, of texts that the carrier accepted.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200),
    registry=REGISTRY,
)
CARRIER = Histogram(
    "textengine_carrier_seconds",
    "How long the carrier takes to answer a request to send a text, with or without success.",
    buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10),
    registry=REGISTRY,
)
WEBHOOKS = Histogram(
    "textengine_webhook_seconds",
    "How long we take to answer the carrier's webhooks, by what we answer.",
    ["webhook", "code"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
OPT_OUTS = Counter("textengine_opt_outs", "Readers who opted out, here or at the carrier.", registry=REGISTRY)


@functools.cache
def texts_with(status: str, error: str) -> Counter:
    return TEXTS.labels(status, error)


@functools.cache
def answers_with(webhook: str, code: int) -> Histogram:
    return WEBHOOKS.labels(webhook, str(code))


def prepare_series() -> None:
    """Let what may come be there from the beginning, at zero.

    From what appears with its first value, no increase can be told.
    """
    for status in (Message.Status.QUEUED, Message.Status.SENT, Message.Status.DELIVERED):
        texts_with(status, "")
    for status in (Message.Status.SCHEDULED, Message.Status.SENDING, *Message.LOST):
        for action in Action:
            texts_with(status, action.name.lower())
    for webhook, answered in (("inbound", 200), ("status", 204)):
        for code in (answered, 403, 500, 503):
            answers_with(webhook, code)


prepare_series()


def count_texts(statuses: Iterable[str], action: Action | None = None) -> None:
    """Count texts that came to these statuses, and what their error asks for; call it once that is committed."""
    error = action.name.lower() if action else ""
    for status, count in Counts(statuses).items():
        texts_with(status, error).inc(count)
    flushing.remember()


def count_opt_out() -> None:
    OPT_OUTS.inc()
    flushing.remember()


def measure_request(seconds: float, late: float | None) -> None:
    """Note how long the carrier took for one request, and how late it began where it was accepted, in seconds."""
    CARRIER.observe(seconds)
    if late is not None:
        LATENESS.observe(late)
    flushing.remember()


def measured(webhook: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Decorate a webhook, receive_…, to have the time taken that its answers take."""
    name = webhook.__name__.removeprefix("receive_")

    @functools.wraps(webhook)
    def wrapped(request: HttpRequest) -> HttpResponse:
        code, begun = 500, time.perf_counter()
        try:
            response = webhook(request)
            code = response.status_code
            return response
        finally:
            answers_with(name, code).observe(time.perf_counter() - begun)
            flushing.remember()

    return wrapped


def samples() -> Iterator[tuple[tuple[str, str], float]]:
    """Return each number of this process, by its name and labels."""
    for metric in REGISTRY.collect():
        for sample in metric.samples:
            yield (sample.name, json.dumps(sample.labels)), sample.value


ADD = """
INSERT INTO subscribers_sample (name, labels, value) VALUES {rows}
ON CONFLICT (name, labels) DO UPDATE SET value = subscribers_sample.value + excluded.value
"""


@retried_at_once
def add(rows: list[tuple[str, str, float]]) -> None:
    """Add these to the rows; in their order, so that two processes do not wait for each other's."""
    if rows:
        with connection.cursor() as cursor:
            values = [value for row in rows for value in row]
            cursor.execute(ADD.format(rows=", ".join(["(%s, %s, %s)"] * len(rows))), values)


class Flushing:
    """What this process has added to the rows, and when it does so next."""

    def __init__(self):
        self.begin({})

    def begin(self, added: dict[tuple[str, str], float]) -> None:
        """Begin anew where so much of what was counted is in the rows, or is left to another process."""
        self.added = added
        self.lock = threading.Lock()
        self.timer: threading.Timer | None = None
        self.at_end: Finalize | None = None

    def remember(self) -> None:
        """See to it that what was counted reaches the rows soon; call it after counting."""
        if self.timer is None and settings.METRICS_TOKEN:
            timer = self.timer = threading.Timer(FLUSH_SECONDS, self.flush_alone)
            timer.daemon = True
            timer.start()
            # The processes of a cluster end without what atexit keeps; this is done there as well.
            self.at_end = self.at_end or Finalize(None, self.flush_alone, exitpriority=1)

    def flush_alone(self) -> None:
        """Flush on a connection that is not kept; where the database is away, try again later."""
        try:
            self.flush()
        except DatabaseError as error:
            logger.warning("metrics.postponed error=%s", type(error).__name__)
            self.remember()
        finally:
            connections.close_all()

    def flush(self) -> None:
        """Add to the rows what this process has counted since it last did."""
        with self.lock:
            timer, self.timer = self.timer, None
            if timer is None:
                return
            timer.cancel()
            counted = dict(samples())
            # A series comes whole for the first time: of a histogram no bucket may be missing.
            grown = {
                key: value - self.added.get(key, 0) for key, value in counted.items() if value != self.added.get(key)
            }
            add([(*key, by) for key, by in sorted(grown.items())])
            self.added = counted

    def before_fork(self) -> None:
        """Note what a child gets to see as counted, without waiting there for a lock that nobody holds any more."""
        self.inherited = {key: value for key, value in samples() if value}

    def after_fork(self) -> None:
        """Leave what was counted to the parent, whose timer runs only there."""
        self.begin(self.inherited)


flushing = Flushing()
os.register_at_fork(before=flushing.before_fork, after_in_child=flushing.after_fork)
