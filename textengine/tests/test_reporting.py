"""Errors are told to Sentry's ingest, here a server on this machine, and nothing of a reader is."""

import gzip
import json
import logging
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import sentry_sdk
from django.apps import apps

from subscribers.holds import stop_everything
from subscribers.models import Enrollment, Hold
from subscribers.tests import webhooks
from subscribers.tests.factory import make_enrollment, make_message
from textengine import reporting, traces

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
def test_what_a_client_got_wrong_is_not_told(told, client, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 1
    assert client.get("/admin/login/", headers={"Host": "elsewhere.example"}).status_code == 400
    assert client.post("/admin/login/", {"one": "1", "two": "2"}).status_code == 400
    assert told() == []


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


@pytest.mark.django_db
def test_what_is_logged_as_an_error_is_told_with_its_values_and_nothing_below_it_is(told):
    logger = logging.getLogger("subscribers.outcomes")
    logger.info("message.status sid=SM1 status=sent")
    logger.warning("answer.withheld kind=help")
    with traces.under("abc"):
        stop_everything("+14155550101 may not text (20003)")
    [event] = told()
    formatted = f"hold.set id={Hold.objects.get().pk} story=all reason=+…0101 may not text (20003)"
    assert event["logentry"] == {"formatted": formatted}
    assert event["tags"] == {"trace": "abc"}
    assert event["level"] == "error"


def test_the_setting_alone_has_errors_told(ingest, dsn, settings, told):
    settings.SENTRY_DSN = dsn
    apps.get_app_config("textengine").ready()
    logging.getLogger("textengine.broker").error("task.unreadable row=1")
    assert [event["logentry"]["formatted"] for event in told()] == ["task.unreadable row=1"]


# As a cluster does: its workers are forked from a process that tells already, and either may end at any moment.
FORKED = """
import logging, os, sys, sentry_sdk
from textengine import reporting, traces
reporting.begin(sys.argv[1])
worker = os.fork()
logging.getLogger().error("the %s", "front" if worker else "worker")
if not worker:
    sentry_sdk.flush(5)
    os._exit(0)
os.waitpid(worker, 0)
"""


def test_a_process_that_was_forked_tells_too_and_one_that_ends_tells_before_it_does(ingest, dsn, settings):
    subprocess.run(
        [sys.executable, "-c", FORKED, dsn], cwd=settings.BASE_DIR, check=True, capture_output=True, timeout=60
    )
    told = "".join(ingest.envelopes)
    assert "the worker" in told
    assert "the front" in told
