"""What is told about this installation's health, to whoever asks."""

from datetime import timedelta

import pytest
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers import state
from subscribers.heartbeats import beat
from subscribers.models import Heartbeat, Hold, Message
from subscribers.state import State
from subscribers.tests.factory import make_enrollment
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
def test_with_a_worker_and_nothing_overdue_it_is_ready_and_alive_since_its_start(client, now):
    beat(now - MINUTE / 2)
    beat(now)
    make_enrollment()
    assert reasons(client) == []
    assert state.sending(now) == (State.ALIVE, now - MINUTE / 2)


@pytest.mark.django_db
def test_without_any_worker_yet_it_is_not_ready(client, now):
    assert reasons(client) == ["No worker has run yet: start manage.py qcluster."]
    assert state.sending(now) == (State.STALLED, None)


@pytest.mark.django_db
def test_a_worker_that_fell_silent_is_a_stall_since_it_was_last_heard_of(client, now):
    beat(now - 2 * MINUTE)
    assert reasons(client) == ["No worker has been heard of for a minute: start manage.py qcluster."]
    assert state.sending(now) == (State.STALLED, now - 2 * MINUTE)


@pytest.mark.django_db
def test_a_cluster_that_takes_over_a_silent_ones_name_has_a_start_of_its_own(now):
    beat(now - 2 * MINUTE)
    beat(now)
    assert Heartbeat.objects.get().started_at == now


@pytest.mark.django_db
@pytest.mark.parametrize("status", [Message.Status.SCHEDULED, Message.Status.SENDING])
def test_a_text_that_should_have_been_taken_up_a_minute_ago_is_a_stall(client, now, status):
    beat(now)
    since = now - 2 * MINUTE
    make_enrollment()
    Message.objects.update(
        status=status, due_at=since, lease="0" * 32, lease_until=since if status == Message.Status.SENDING else None
    )
    assert reasons(client) == ["Texts have been due for longer than a minute."]
    assert state.sending(now) == (State.STALLED, since)
    Message.objects.update(due_at=now, lease_until=now + MINUTE)
    assert reasons(client) == []


@pytest.mark.django_db
def test_the_brake_on_everything_holds_until_it_is_released(client, now):
    beat(now)
    hold = Hold.objects.create(reason="A mistake about +14155550101")
    assert reasons(client) == ["The brake is on for everything."]
    assert state.sending(now) == (State.HELD, hold.created_at)
    Hold.objects.update(released_at=now)
    assert reasons(client) == []


@pytest.mark.django_db
def test_the_brake_on_stories_is_told_once_and_leaves_the_rest_alive(client, now):
    beat(now)
    for _ in range(2):
        Hold.objects.create(story=make_story(), reason="A mistake")
    assert reasons(client) == ["The brake is on for a part of what is sent."]
    assert state.sending(now) == (State.ALIVE, now)


@pytest.mark.django_db
def test_a_stall_counts_more_than_the_brake(now):
    Hold.objects.create(reason="A mistake")
    assert state.sending(now)[0] is State.STALLED


@pytest.mark.django_db
def test_migrations_that_are_missing_are_the_only_reason(client, monkeypatch):
    monkeypatch.setattr(health, "migrated", False)
    applied = MigrationRecorder.Migration.objects.filter(app="subscribers")
    applied.filter(pk=applied.latest("pk").pk).delete()
    assert reasons(client) == ["Migrations are not applied: run manage.py migrate."]


@pytest.mark.django_db
def test_once_migrated_a_look_costs_four_queries(client, django_assert_num_queries, now):
    beat(now)
    reasons(client)
    with django_assert_num_queries(4):
        reasons(client)


def test_a_database_that_is_away_is_a_reason(client, monkeypatch, django_db_blocker):
    with django_db_blocker.unblock():
        connections.close_all()
        monkeypatch.setitem(connections["default"].settings_dict, "NAME", "/nowhere/at/all")
        try:
            assert reasons(client) == ["The database does not answer."]
        finally:
            connections.close_all()
