"""Errors are told to Sentry's ingest, here a server on this machine, and nothing of a reader is."""

import gzip
import json
import logging
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from threading import Thread

import pytest
import sentry_sdk
from django.apps import apps

from subscribers.models import Enrollment
from subscribers.tests import webhooks
from subscribers.tests.factory import make_enrollment, make_message
from textengine import reporting

SAID = "RIVER, said Anna of 12 Mill Lane"


class Ingest(BaseHTTPRequestHandler):
    """Takes envelopes as Sentry does, and keeps them as text."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        plain = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        self.server.envelopes.append(plain.decode())
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def ingest():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ingest)
    server.envelopes = []
    Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def dsn(ingest):
    ingest.envelopes.clear()
    return f"http://key@127.0.0.1:{ingest.server_port}/1"


@pytest.fixture
def told(ingest, dsn):
    """Tell errors of this process; return the events that have arrived."""
    reporting.begin(dsn)

    def told() -> list[dict]:
        sentry_sdk.flush(5)
        return [json.loads(envelope.splitlines()[2]) for envelope in ingest.envelopes]

    yield told
    sentry_sdk.get_client().close(timeout=0)
    sentry_sdk.get_global_scope().set_client(None)


@pytest.mark.django_db
def test_an_error_of_ours_is_told_with_its_lines_and_its_trace_and_without_the_reader(told, ingest, monkeypatch):
    enrollment = make_enrollment()
    monkeypatch.setattr("subscribers.inbound.keep_and_act", lambda text, *_: no_message(enrollment, text.body))
    assert webhooks.text(SAID).status_code == 500
    [event] = told()
    *_, raised = event["exception"]["values"]
    assert raised["type"] == "IntegrityError"
    assert any(frame["function"] == "no_message" for frame in raised["stacktrace"]["frames"])
    assert len(event["tags"]["trace"]) == 16
    assert set(event) <= {*reporting.TOLD, "logentry", "tags", "sdk"}
    assert not any("vars" in frame for frame in raised["stacktrace"]["frames"])
    for secret in ("Mill", webhooks.READER.strip("+")):
        assert secret not in json.dumps(event)


def no_message(enrollment: Enrollment, body: str) -> None:
    """Break a constraint: where the database shows the row in its error, the reader's words are in it."""
    make_message(enrollment, direction="inbound", body=body)


def test_what_is_logged_as_an_error_is_told_with_its_values_and_nothing_below_it_is(told):
    logger = logging.getLogger("subscribers.outcomes")
    logger.info("message.status sid=SM1 status=sent")
    logger.warning("answer.withheld kind=help")
    logger.error("hold.set story=all error=%s to=%s", 20003, "+14155550101", extra={"trace": "abc"})
    [event] = told()
    assert event["logentry"] == {"formatted": "hold.set story=all error=20003 to=+…0101"}
    assert event["tags"] == {"trace": "abc"}
    assert event["level"] == "error"


def test_processes_that_are_forked_from_one_that_tells_do_so_too(ingest, dsn, settings, told):
    settings.SENTRY_DSN = dsn
    apps.get_app_config("textengine").ready()
    worker = get_context("fork").Process(target=fail)
    worker.start()
    worker.join(20)
    assert [event["logentry"]["formatted"] for event in told()] == ["task.unreadable row=1"]


def fail() -> None:
    logging.getLogger("textengine.broker").error("task.unreadable row=1")
    sentry_sdk.flush(5)
