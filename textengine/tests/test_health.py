"""What is told about this installation's health, to whoever asks."""

from datetime import timedelta

import pytest
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers.heartbeats import beat
from subscribers.models import Hold, Message, Sender
from subscribers.tests.factory import OUR_NUMBER, make_enrollment
from textengine import health

MINUTE = timedelta(minutes=1)


@pytest.fixture
def now():
    return timezone.now()


def reasons(client) -> list[str]:
    response = client.get("/readyz")
    found = response.json()
    assert (response.status_code, found["status"]) == ((503, "unready") if found["reasons"] else (200, "ok"))
    return found["reasons"]


def test_a_process_is_alive_without_a_database(client):
    # Without the mark for it, a test that asks the database fails.
    assert client.get("/healthz").json() == {"status": "ok", "reasons": []}


@pytest.mark.django_db
def test_with_a_worker_and_nothing_overdue_it_is_ready(client, now):
    beat(now - MINUTE / 2)
    beat(now)
    make_enrollment()
    assert reasons(client) == []


@pytest.mark.django_db
def test_without_any_worker_yet_it_is_not_ready(client, now):
    assert reasons(client) == ["The worker has never run: start manage.py qcluster."]


@pytest.mark.django_db
def test_a_worker_that_fell_silent_is_a_reason(client, now):
    beat(now - 2 * MINUTE)
    assert reasons(client) == ["The worker is not running: start manage.py qcluster."]


@pytest.mark.django_db
@pytest.mark.parametrize("status", [Message.Status.SCHEDULED, Message.Status.SENDING])
def test_a_text_that_should_have_been_taken_up_a_minute_ago_is_a_reason(client, now, status):
    beat(now)
    since = now - 2 * MINUTE
    make_enrollment()
    Message.objects.update(
        status=status, due_at=since, lease="0" * 32, lease_until=since if status == Message.Status.SENDING else None
    )
    assert reasons(client) == ["Texts have been due for longer than a minute."]
    Message.objects.update(due_at=now, lease_until=now + MINUTE)
    assert reasons(client) == []


@pytest.mark.django_db
def test_the_brake_on_everything_is_the_one_reason_until_it_is_released(client, now):
    beat(now)
    make_enrollment()
    Message.objects.update(due_at=now - 2 * MINUTE)
    Hold.objects.create(reason="A mistake about +14155550101")
    assert reasons(client) == ["The brake is on for everything."]
    Message.objects.update(due_at=now)
    Hold.objects.update(released_at=now)
    assert reasons(client) == []


@pytest.mark.django_db
def test_what_a_number_whose_day_is_over_keeps_back_is_no_reason(client, now):
    beat(now)
    make_enrollment()
    Message.objects.update(due_at=now - 2 * MINUTE)
    Sender.objects.create(name=OUR_NUMBER, segments_per_day=0)
    assert reasons(client) == []


@pytest.mark.django_db
def test_the_brake_on_stories_is_told_once_and_by_its_part(client, now):
    beat(now)
    for _ in range(2):
        Hold.objects.create(story=make_story(), reason="A mistake")
    assert reasons(client) == ["The brake is on for a part of what is sent."]


@pytest.mark.django_db
def test_migrations_that_are_missing_are_the_only_reason(client, monkeypatch):
    monkeypatch.setattr(health, "migrated", False)
    applied = MigrationRecorder.Migration.objects.filter(app="subscribers")
    applied.filter(pk=applied.latest("pk").pk).delete()
    assert reasons(client) == ["Migrations are not applied: run manage.py migrate."]


@pytest.mark.django_db
def test_once_migrated_a_look_costs_five_queries(client, django_assert_num_queries, now):
    beat(now)
    reasons(client)
    with django_assert_num_queries(5):
        reasons(client)


def test_a_database_that_is_away_is_a_reason(client, monkeypatch, django_db_blocker):
    with django_db_blocker.unblock():
        connections.close_all()
        monkeypatch.setitem(connections["default"].settings_dict, "NAME", "/nowhere/at/all")
        try:
            assert reasons(client) == ["The database does not answer."]
        finally:
            connections.close_all()
