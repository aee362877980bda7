"""One trace leads through the log, from a reader's text to ours and to what became of it; nobody's words are there."""

import json
import logging
from datetime import timedelta
from io import StringIO

import pytest
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers.models import Enrollment, Message
from textengine import logs

from . import webhooks
from .engine import work
from .factory import make_enrollment, make_message

pytestmark = pytest.mark.django_db

SAID = "RIVER, said Anna of 12 Mill Lane"


@pytest.fixture
def log(monkeypatch):
    """Return what has been logged, as JSON, whatever the handlers of this process are set up for."""
    written = StringIO()
    for handler in {*logging.getLogger().handlers, *logging.getLogger("django").handlers}:
        if type(handler) is logging.StreamHandler:
            monkeypatch.setattr(handler, "stream", written)
            monkeypatch.setattr(handler, "formatter", logs.Json())
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


def events(lines: list[dict], trace: str) -> list[str]:
    return [line["event"] for line in lines if line.get("trace") == trace]


def test_one_trace_leads_from_the_webhook_to_all_texts_and_to_their_callbacks(log, sandbox):
    make_story(keyword="river", texts=[("Deep and cold.", 0), ("The end.", 60)])
    webhooks.text("River")
    webhooks.text("River", "+14155550102")
    work(timezone.now() + timedelta(seconds=5))
    work(timezone.now() + timedelta(seconds=70))
    texts = Message.objects.story_texts().filter(subscriber__phone_number=webhooks.READER).order_by("step")
    for text in texts:
        webhooks.report(text.sid, "sent")
        webhooks.report(text.sid, "delivered")
    received = next(line for line in log() if line["event"] == "message.received")
    assert received["from"] == "…0101"
    assert sorted(events(log(), received["trace"])) == [
        "enrollment.started",
        *["message.queued"] * 2,
        "message.received",
        *["message.status"] * 4,
    ]
    assert len({line["trace"] for line in log() if line["event"] == "message.received"}) == 2


def test_a_text_that_is_lost_and_sent_again_keeps_its_trace(log, sandbox):
    make_story(keyword="river", texts=[("Deep and cold.", 0)])
    webhooks.text("River")
    work(timezone.now() + timedelta(seconds=5))
    lost = Message.objects.story_texts().get()
    webhooks.report(lost.sid, "undelivered", 30003)
    assert Message.objects.get(again=lost).trace == lost.trace
    assert "message.again" in events(log(), lost.trace)


@pytest.mark.parametrize(
    "faults",
    [
        {"numbers": {webhooks.READER: "opted-out"}},
        {"numbers": {webhooks.READER: "invalid"}},
        {"next": [{"kind": "500", "count": 1}]},
    ],
)
def test_what_the_carrier_refuses_is_told_under_the_trace_of_its_text(log, sandbox, faults):
    make_story(keyword="river", texts=[("Deep and cold.", 0)])
    webhooks.text("River")
    sandbox.faults(faults)
    work(timezone.now() + timedelta(seconds=5))
    text = Message.objects.story_texts().get()
    assert f"message.{text.status}" in events(log(), text.trace)


def test_neither_the_log_nor_the_metrics_hold_words_or_a_whole_number(log, scrape, sandbox):
    make_story(title="A secret title", keyword="river", texts=[("Deep and cold.", 0)])
    webhooks.text("River")
    webhooks.text(SAID)
    webhooks.text(SAID, sender="Anna Mill")
    webhooks.signed_post(webhooks.INBOUND, {"From": webhooks.READER, "Body": SAID}, token="wrong")
    webhooks.signed_post(webhooks.INBOUND, {"From": webhooks.READER, "Body": SAID, "MessageSid": webhooks.READER})
    sandbox.faults({"numbers": {webhooks.READER: "invalid"}})
    work(timezone.now() + timedelta(seconds=5))
    webhooks.text("STOP")
    assert len(log()) >= 6
    everything = json.dumps([log(), list(scrape().items())], ensure_ascii=False)
    assert "textengine_webhook_seconds_count" in everything
    for words in ("Mill", "Deep", "secret", webhooks.READER, webhooks.READER.strip("+"), "15005550006"):
        assert words not in everything


def test_an_error_of_ours_shows_its_traceback_without_the_row_of_a_reader(log, monkeypatch):
    enrollment = make_enrollment()
    # What may not be in the table: the database itself tells of it, with the row where it can.
    monkeypatch.setattr("subscribers.inbound.keep_and_act", lambda text, *_: no_message(enrollment, text.body))
    assert webhooks.text(SAID).status_code == 500
    [line] = log()
    assert "IntegrityError" in line["traceback"]
    assert line["trace"]
    assert "Mill" not in line["traceback"]


def no_message(enrollment: Enrollment, body: str) -> None:
    make_message(enrollment, direction="inbound", body=body)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("to +14155550101 and %2B14155550102", "to +…0101 and %2B…0102"),
        ("14155550101: int() of '14155550101'.", "…0101: int() of '…0101'."),
        ("sid=SM12345678901234567890123456789012 id=1234567", "sid=SM12345678901234567890123456789012 id=1234567"),
        ("2026-11-25T14:00:00.123+00:00 1764080000.123", "2026-11-25T14:00:00.123+00:00 1764080000.123"),
        (
            "NULL value\nDETAIL:  Failing row (1, Deep\nand cold).\n\nThe above exception",
            "NULL value\n\nThe above exception",
        ),
        ("NULL value\nDETAIL:  Failing row (1, Deep\nand cold).", "NULL value\n"),
    ],
)
def test_numbers_are_cut_and_rows_are_left_out(words, shown):
    assert logs.scrubbed(words) == shown


def test_lines_end_with_their_trace(caplog):
    record = logging.LogRecord("subscribers.views", logging.INFO, "", 0, "status.unknown sid=%s", ("SM1",), None)
    record.trace = "abc"
    assert logs.Lines().format(record).endswith("Z INFO subscribers.views status.unknown sid=SM1 trace=abc")
