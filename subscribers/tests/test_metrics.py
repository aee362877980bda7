"""What is counted and measured, and who may read it."""

import os
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers import consent, metrics
from subscribers.heartbeats import beat
from subscribers.models import Hold, Message, Sample
from textengine.tests.processes import wait_until

from . import webhooks
from .engine import work
from .factory import make_enrollment, make_message, make_subscriber
from .scraped import TOKEN

pytestmark = pytest.mark.django_db


def test_without_a_token_in_the_settings_there_are_no_metrics(client, settings):
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer other", TOKEN, f"Basic {TOKEN}"])
def test_without_the_token_nobody_reads_them(scrape, client, header):
    response = client.get("/metrics", headers={"Authorization": header} if header else {})
    assert response.status_code == 401
    assert b"textengine" not in response.content


def test_whatever_may_come_is_there_at_zero(scrape):
    first = scrape()
    assert first['textengine_texts_total{error="hold",status="failed"}'] == 0
    assert first['textengine_webhook_seconds_count{code="500",webhook="inbound"}'] == 0
    assert first['textengine_lateness_seconds_bucket{le="0.05"}'] == 0
    assert first["textengine_opt_outs_total"] == 0


def test_texts_that_go_out_are_counted_and_measured(scrape, sandbox, django_capture_on_commit_callbacks):
    before = scrape()
    for _ in range(3):
        make_enrollment(story=make_story(texts=[("One", 0)]))
    sandbox.faults({"next": [{"kind": "500", "count": 1}]})
    with django_capture_on_commit_callbacks(execute=True):
        work()
    grown = scrape().since(before)
    assert grown['textengine_texts_total{error="",status="queued"}'] == 2
    assert grown['textengine_texts_total{error="look_up",status="sending"}'] == 1
    assert grown["textengine_carrier_seconds_count"] == 3
    assert grown["textengine_lateness_seconds_count"] == 2
    assert grown['textengine_lateness_seconds_bucket{le="+Inf"}'] == 2
    assert 0 < grown["textengine_carrier_seconds_sum"] < 30


def test_how_late_a_text_is_counts_from_its_due_time(scrape, sandbox):
    before = scrape()
    make_enrollment(story=make_story(texts=[("One", 0)]))
    Message.objects.update(due_at=timezone.now() - timedelta(seconds=20))
    work()
    grown = scrape().since(before)
    assert grown["textengine_lateness_seconds_sum"] == pytest.approx(20, abs=5)
    assert 'textengine_lateness_seconds_bucket{le="10.0"}' not in grown


def test_what_the_carrier_reports_is_counted_by_what_its_error_asks_for(scrape, django_capture_on_commit_callbacks):
    before = scrape()
    first, second = (
        make_message(make_enrollment(), status=Message.Status.QUEUED, sent_at=timezone.now()) for _ in "12"
    )
    with django_capture_on_commit_callbacks(execute=True):
        webhooks.report(first.sid, "delivered")
        webhooks.report(first.sid, "sent")  # It comes too late to say anything.
        webhooks.report(second.sid, "undelivered", 30003)
    grown = scrape().since(before)
    assert grown['textengine_texts_total{error="",status="delivered"}'] == 1
    assert grown['textengine_texts_total{error="retry_few",status="undelivered"}'] == 1
    assert sum(value for name, value in grown.items() if name.startswith("textengine_texts_total")) == 2


def test_webhooks_are_timed_by_their_answers(scrape, client):
    before = scrape()
    webhooks.text("Hello")
    client.post(webhooks.INBOUND, {"MessageSid": webhooks.new_sid()})
    webhooks.report(webhooks.new_sid(), "sent")
    grown = scrape().since(before)
    for webhook, code in (("inbound", 200), ("inbound", 403), ("status", 204)):
        assert grown[f'textengine_webhook_seconds_count{{code="{code}",webhook="{webhook}"}}'] == 1


def test_a_webhook_that_breaks_is_timed_as_an_error_of_ours(scrape, monkeypatch):
    before = scrape()
    monkeypatch.setattr("subscribers.inbound.KEEP", None)
    assert webhooks.text("Hello").status_code == 500
    assert scrape().since(before)['textengine_webhook_seconds_count{code="500",webhook="inbound"}'] == 1


def test_who_opts_out_is_counted_once(scrape, django_capture_on_commit_callbacks):
    before = scrape()
    with django_capture_on_commit_callbacks(execute=True):
        webhooks.text("STOP")
        webhooks.text("STOP")
    assert scrape().since(before)["textengine_opt_outs_total"] == 1


def test_what_was_rolled_back_is_not_counted(scrape, django_capture_on_commit_callbacks):
    before = scrape()
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        consent.opt_out(make_subscriber(), timezone.now(), "the reader texted STOP")
        transaction.set_rollback(True)
    assert scrape().since(before) == {}


def test_the_rows_say_what_waits_and_who_is_there(scrape):
    now = timezone.now()
    beat(now - timedelta(seconds=30))
    for late in (90, 30):
        make_enrollment()
        Message.objects.filter(pk=Message.objects.latest("pk").pk).update(due_at=now - timedelta(seconds=late))
    Hold.objects.create(reason="A mistake", story=make_story())
    found = scrape()
    assert found["textengine_worker_silent_seconds"] == pytest.approx(30, abs=20)
    assert found["textengine_workers"] == 1
    assert found["textengine_due_texts"] == 2
    assert found["textengine_overdue_seconds"] == pytest.approx(90, abs=20)
    assert found["textengine_queued_tasks"] == found["textengine_sending_texts"] == 0
    Hold.objects.create(reason="A mistake")
    held = scrape()
    assert held['textengine_holds{covers="everything"}'] == held['textengine_holds{covers="part"}'] == 1
    assert (held["textengine_due_texts"], held["textengine_overdue_seconds"]) == (2, 0)


def test_what_other_processes_have_counted_is_added(scrape):
    before = scrape()
    labels = '{"status": "queued", "error": ""}'
    metrics.add([("textengine_texts_total", labels, 5)])
    metrics.count_texts(["queued", "queued"])
    metrics.add([("textengine_texts_total", labels, 1)])
    assert scrape().since(before) == {'textengine_texts_total{error="",status="queued"}': 8}


@pytest.mark.django_db(transaction=True)
def test_what_was_counted_reaches_the_rows_by_itself_also_past_an_outage(scrape, monkeypatch, caplog):
    scrape()
    monkeypatch.setattr(metrics, "FLUSH_SECONDS", 0.1)
    with monkeypatch.context() as outage:
        outage.setattr(metrics, "ADD", "SELECT nonsense")
        metrics.count_opt_out()
        wait_until(lambda: "metrics.postponed" in caplog.text)
    wait_until(lambda: Sample.objects.filter(name="textengine_opt_outs_total", value=1).exists())


@pytest.mark.django_db(transaction=True)
def test_a_process_and_the_one_that_it_forks_each_add_what_they_counted_themselves(scrape, monkeypatch):
    before = scrape()
    metrics.count_opt_out()
    monkeypatch.setattr(metrics, "FLUSH_SECONDS", 0.1)
    # A connection that two processes hold belongs to neither.
    connections.close_all()
    child = os.fork()
    if not child:
        try:
            metrics.count_opt_out()
            wait_until(Sample.objects.exists)
        finally:
            os._exit(0)
    assert os.waitpid(child, 0) == (child, 0)
    added = Sample.objects.filter(name="textengine_opt_outs_total").values_list("value", flat=True)
    assert list(added) == [1]
    assert scrape().since(before)["textengine_opt_outs_total"] == 2
