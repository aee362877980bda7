"""What readers texted while nobody heard it is taken in as if it had been heard."""

from datetime import timedelta
from time import sleep

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers import catching_up, erasing
from subscribers.catching_up import catch_up
from subscribers.models import Enrollment, Hold, Message, Subscriber
from subscribers.tests.factory import OUR_NUMBER

pytestmark = pytest.mark.django_db
READER, STOPPER = "+14155550711", "+14155550712"


@pytest.fixture
def since():
    # The carrier counts whole seconds.
    return timezone.now() - timedelta(seconds=2)


def test_texts_that_nobody_heard_act_once_from_when_they_were_sent(sandbox, since):
    make_story(keyword="river")
    sandbox.text(READER, "river", to=OUR_NUMBER)
    sandbox.text(STOPPER, "river", to=OUR_NUMBER)
    sandbox.text(STOPPER, "STOP", to=OUR_NUMBER)
    assert catch_up(since, timezone.now()) >= 3
    statuses = Enrollment.objects.values_list("subscriber__phone_number", "status")
    assert sorted((str(number), status) for number, status in statuses) == [(READER, "active"), (STOPPER, "stopped")]
    assert Subscriber.objects.get(phone_number=STOPPER).opted_out_at
    began = Enrollment.objects.get(status="active").created_at
    assert timezone.now() - timedelta(seconds=30) < began <= timezone.now()
    assert catch_up(since, timezone.now()) == 0


def test_what_is_known_is_not_asked_for_again(sandbox, since):
    sandbox.text(READER, "Hello", to=OUR_NUMBER)
    assert catch_up(since, timezone.now()) >= 1
    assert Message.objects.filter(body="Hello").count() == 1
    assert catch_up(timezone.now() + timedelta(minutes=1), timezone.now()) == 0


def test_what_a_forgotten_reader_texted_is_not_taken_in_again(sandbox, since):
    sandbox.text(READER, "Hello", to=OUR_NUMBER)
    assert catch_up(since, timezone.now()) >= 1
    erasing.forget(Subscriber.objects.get(phone_number=READER), timezone.now())
    assert catch_up(since, timezone.now()) == 0
    assert not Message.objects.filter(body="Hello").exists()


def test_a_long_time_is_gone_through_piece_by_piece(sandbox, since, monkeypatch):
    monkeypatch.setattr(catching_up, "PIECE", timedelta(seconds=1))
    sandbox.text(READER, "First", to=OUR_NUMBER)
    sleep(1)
    sandbox.text(READER, "Second", to=OUR_NUMBER)
    asked = 'SELECT "subscribers_message"."sid"'
    with CaptureQueriesContext(connection) as queries:
        assert catch_up(since, timezone.now()) >= 2
    assert sum(query["sql"].startswith(asked) for query in queries) >= 3
    ours = Message.objects.filter(body__in=["First", "Second"]).order_by("pk")
    assert list(ours.values_list("body", flat=True)) == ["First", "Second"]


def test_a_carrier_that_cannot_say_is_an_error_in_words(sandbox):
    sandbox.faults({"next": [{"kind": "500", "count": 1, "on": "read"}]})
    with pytest.raises(CommandError, match="The carrier cannot say what readers texted"):
        call_command("catchup", "--since", "2026-11-25T03:00+01:00")


def test_it_has_to_be_said_since_when_where_nothing_was_restored():
    with pytest.raises(CommandError, match="No backup was restored here: say with --since"):
        call_command("catchup")
    with pytest.raises(CommandError, match="--since is 'yesterday'; give a moment such as"):
        call_command("catchup", "--since", "yesterday")


def test_after_a_restore_it_takes_in_what_came_since_the_backup(sandbox, since, capsys):
    Hold.objects.create(reason="Restored.", asks_since=since, asks_until=timezone.now())
    sandbox.text(READER, "Anybody there?", to=OUR_NUMBER)
    call_command("catchup")
    assert "not known here." in capsys.readouterr().out
    assert Message.objects.filter(body="Anybody there?").exists()
