"""Text-Engine as its operator runs it: the cluster and the web server, real processes on a fresh database."""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Self

import requests

from subscribers.models import Enrollment, Message
from textengine.tests.processes import free_port

from .databases import Database
from .measures import Sizes
from .processes import Carrier, Process, environment, wait_until
from .rows import add_readers, schedule_first_texts
from .sending import Sending, costs
from .texts import WARMING

# Rows are written at this rate at least: the first of them must not be due before the last is there.
ROWS_A_SECOND = 4000
# A measure that falls below this rate has failed.
SLOWEST_TEXTS_A_SECOND = 20


class WebServer(Process):
    """The web server as the Procfile runs it; a context manager."""

    def __init__(self, database: Database, carrier_url: str = "http://127.0.0.1:9"):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        settings = environment(database.url, carrier_url, self.port)
        super().__init__("the web server", [sys.executable, "-m", "textengine.web"], settings)

    def __enter__(self) -> Self:
        super().__enter__()
        self.wait_until(self.answers)
        return self

    def answers(self) -> bool:
        self.check()
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).ok
        except requests.ConnectionError:
            return False


class Engine:
    """The cluster, with the web server where callbacks arrive; a context manager."""

    def __init__(self, sizes: Sizes, database: Database, carrier: Carrier, web: bool = False):
        self.sizes, self.database, self.carrier = sizes, database, carrier
        self.web = WebServer(database, carrier.url) if web else None
        settings = environment(database.url, carrier.url, self.web.port if web else free_port())
        self.cluster = Process("the cluster", [sys.executable, "manage.py", "qcluster"], settings)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for process in filter(None, (self.web, self.cluster)):
                stack.enter_context(process)
            self.running = stack.pop_all()
        return self

    def __exit__(self, *error) -> None:
        self.running.__exit__(*error)

    def warm(self) -> None:
        """Have it send a few texts, so that its processes are all there, with their connections."""
        texts = self.sizes.requests_in_flight
        self.send(add_readers(texts, WARMING), lambda start: [start] * texts)
        self.carrier.forget()

    def send(self, readers: list[Enrollment], moments: Callable[[float], list[float]]) -> Sending:
        """Schedule each reader's first text for its moment; return once all have arrived and are recorded.

        `moments` returns the moments from that of the first.
        """
        start = time.time() + self.sizes.lead + len(readers) / ROWS_A_SECOND
        due = moments(start)
        messages = schedule_first_texts(readers, due)
        if time.time() > start:
            raise RuntimeError(f"{len(readers):,} rows took longer to write than they were given.")
        time.sleep(max(0, start - time.time() - 0.5))
        meters = {"sender": self.cluster.cpu, "store": self.database.cpu, "carrier": self.carrier.cpu}
        with costs(**meters) as spent:
            patience = due[-1] - start + len(readers) / SLOWEST_TEXTS_A_SECOND + 30
            self.carrier.wait_for(len(readers), patience, self.cluster)
            wait_until(lambda: has_recorded(messages), 30, "everything to be recorded", every=0.2)
            if self.web:
                self.carrier.wait_for_callbacks(len(readers))
        numbers = [str(reader.subscriber.phone_number) for reader in readers]
        return Sending(dict(zip(numbers, due, strict=True)), self.carrier.arrivals(), spent)


def has_recorded(messages: list[Message]) -> bool:
    """Tell whether each of these messages has its SID, and its reader the next message."""
    first, last = messages[0].pk, messages[-1].pk
    if Message.objects.filter(pk__range=(first, last), sid=None).exists():
        return False
    return Message.objects.filter(pk__gt=last, step=2).count() == len(messages)
