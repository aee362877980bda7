"""What one number, one minute and one day may cost at most, and what becomes of those who want more."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core import checks
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from stories.tests.factory import make_story
from subscribers import limits, starting, steering, tasks
from subscribers.callbacks import receive_callback
from subscribers.holds import release, stop_everything
from subscribers.models import Enrollment, Gate, Hold, Message, SpentDay, Subscriber
from subscribers.outcomes import Outcome, record
from subscribers.starting import Reader
from subscribers.telling import NotDelivered
from textengine.carrier import Accepted

from .engine import claimed
from .factory import make_enrollment, make_message
from .newsroom import receiver, wanted_by_webhook
from .webhooks import READER, new_sid, text

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def send_due(now: datetime, segments: int | None = 1, body: str = "") -> int:
    """Claim what is due, and have the carrier take all of it; return how many messages that were."""
    ids = [pk for _, pks, _ in claimed(now) for pk in pks]
    Message.objects.filter(pk__in=ids).update(attempts=1)
    record([Outcome(pk, now, Accepted(new_sid(), body, "queued", segments, now)) for pk in ids])
    return len(ids)


# One number


def test_one_number_begins_no_more_stories_within_a_day_than_it_may(settings):
    settings.STORIES_PER_DAY = 2
    for keyword in ("river", "mountain", "valley"):
        make_story(keyword=keyword)
        text(keyword)
    assert Enrollment.objects.count() == 2
    refused = Message.objects.filter(direction="inbound").latest("pk")
    assert (refused.body, refused.reason) == ("valley", limits.TOO_MANY)
    assert not Message.objects.filter(direction="outbound", created_at__gt=refused.created_at).exists()


def test_a_number_may_begin_stories_again_a_day_later_and_others_meanwhile(settings):
    settings.STORIES_PER_DAY = 1
    make_story(keyword="river")
    make_story(keyword="mountain")
    text("river")
    text("river", sender="+14155550102")
    assert Enrollment.objects.count() == 2
    Enrollment.objects.update(created_at=timezone.now() - limits.DAY)
    text("mountain")
    assert Enrollment.objects.filter(subscriber__phone_number=READER).count() == 2


def test_of_two_reasons_why_no_story_begins_the_limit_is_not_given_to_who_is_in_it_anyway(settings):
    settings.STORIES_PER_DAY = 1
    story = make_story(keyword="river")
    text("river")
    kept, subscriber = Message.objects.get(direction="inbound"), Subscriber.objects.get()
    starting.begin_story(Reader(subscriber.pk, False, "", READER, text=kept.pk), story.pk, [], "", timezone.now())
    kept.refresh_from_db()
    assert (kept.reason, Enrollment.objects.count()) == ("", 1)


def test_the_reason_is_given_on_the_text_that_asked_for_the_story(settings):
    settings.STORIES_PER_DAY = 1
    make_story(keyword="river")
    other = make_story(keyword="mountain")
    text("river")
    text("Hello")
    first = Message.objects.filter(direction="inbound").earliest("pk")
    reader = Reader(Subscriber.objects.get().pk, False, "", READER, text=first.pk)
    starting.begin_story(reader, other.pk, [], "", timezone.now())
    given = Message.objects.filter(direction="inbound").order_by("pk").values_list("reason", flat=True)
    assert list(given) == [limits.TOO_MANY, ""]


def test_an_editor_may_begin_a_story_anew_however_many_the_number_has_begun(settings):
    settings.STORIES_PER_DAY, settings.ENROLLMENTS_PER_MINUTE = 1, 1
    make_story(keyword="river")
    text("river")
    now = timezone.now()
    steering.start_again(Enrollment.objects.get().pk, now)
    assert list(Enrollment.objects.order_by("pk").values_list("status", flat=True)) == ["stopped", "active"]
    assert Message.objects.get(direction="inbound").reason == ""
    assert Message.objects.story_texts().latest("pk").due_at <= now + timedelta(seconds=10)


# One minute


def test_readers_who_come_at_once_begin_one_after_the_other(settings):
    settings.ENROLLMENTS_PER_MINUTE = 4
    make_story(keyword="river", texts=[("One", 0)])
    for number in range(6):
        text("river", sender=f"+1415555020{number}")
    now = timezone.now()
    waits = [due_at - now for due_at in Message.objects.story_texts().order_by("pk").values_list("due_at", flat=True)]
    assert all(wait < timedelta(seconds=10) for wait in waits[:4])
    assert timedelta(seconds=10) < waits[4] < timedelta(seconds=20) < waits[5] < timedelta(seconds=35)


def test_a_clock_that_was_an_hour_ahead_keeps_nobody_waiting_and_lets_no_more_through(settings):
    settings.ENROLLMENTS_PER_MINUTE = 4
    now = timezone.now()
    limits.turn(now)
    ahead = now.timestamp() + 3600
    Gate.objects.update(free_at=ahead, asked_at=ahead)
    waits = [limits.turn(now) - now for _ in range(6)]
    assert all(wait < timedelta(seconds=1) for wait in waits[:4])
    assert timedelta(seconds=10) < waits[4] < timedelta(seconds=20) < waits[5] < timedelta(seconds=35)


def test_a_text_that_is_taken_in_late_opens_the_gate_for_nobody(settings):
    settings.ENROLLMENTS_PER_MINUTE = 1
    now = timezone.now()
    limits.turn(now)
    assert limits.turn(now - timedelta(hours=1)) > now
    assert limits.turn(now) > now + timedelta(minutes=1)


def test_nobody_lines_up_where_no_limit_is_set():
    with CaptureQueriesContext(connection) as queries:
        assert limits.turn(NOON) == NOON
    assert not queries.captured_queries


# One day


def test_many_numbers_cost_no_more_than_the_day_may_and_what_is_under_way(settings):
    settings.DAILY_SEGMENTS = 5
    make_story(keyword="river", texts=[("One", 0), ("Two", 0)])
    for number in range(8):
        text("river", sender=f"+1415555020{number}")
    now = timezone.now() + timedelta(minutes=1)
    assert send_due(now) == 8
    assert Hold.objects.active().get().reason == (
        "Set by itself: 8 segments went out today, and DAILY_SEGMENTS is 5. "
        "Releasing this hold lets as many go out again."
    )
    later = now + timedelta(minutes=1)
    assert send_due(later) == 0
    assert Message.objects.filter(status="held").exists()


def test_each_release_allows_as_many_again_and_each_day_anew(settings):
    settings.DAILY_SEGMENTS = 5
    limits.spend(4, NOON)
    assert not Hold.objects.exists()
    limits.spend(1, NOON)
    release(Hold.objects.active().get(), NOON)
    limits.spend(4, NOON)
    assert not Hold.objects.active().exists()
    limits.spend(1, NOON)
    release(Hold.objects.active().get(), NOON)
    limits.spend(4, NOON + limits.DAY)
    assert not Hold.objects.active().exists()
    assert list(SpentDay.objects.order_by("day").values_list("segments", flat=True)) == [10, 4]


def test_a_hold_that_is_on_stays_and_what_went_out_is_counted(settings):
    settings.DAILY_SEGMENTS = 5
    hold = Hold.objects.create(reason="Something is being checked")
    limits.spend(7, NOON)
    assert Hold.objects.get() == hold
    assert SpentDay.objects.get().segments == 7


@pytest.mark.parametrize(("segments", "body", "counted"), [(3, "a", 3), (None, "a" * 161, 2), (None, "", 1)])
def test_segments_are_counted_by_us_where_the_carrier_does_not_say(settings, segments, body, counted):
    settings.DAILY_SEGMENTS = 100
    make_enrollment(story=make_story(texts=[("One", 0)]))
    assert send_due(timezone.now(), segments, body) == 1
    assert SpentDay.objects.get().segments == counted


def test_an_answer_that_comes_twice_is_counted_once(settings):
    settings.DAILY_SEGMENTS = 100
    message = make_message(make_enrollment(), status="scheduled", attempts=1, sid=None)
    outcome = Outcome(message.pk, NOON, Accepted(new_sid(), "One", "queued", 1, NOON))
    record([outcome])
    record([outcome])
    assert SpentDay.objects.get().segments == 1


@pytest.mark.parametrize(("body", "said", "at_first", "at_last"), [("One", 11, 1, 11), ("a" * 1600, 11, 11, 11)])
def test_a_text_whose_callback_comes_before_its_answer_costs_what_it_costs(settings, body, said, at_first, at_last):
    settings.DAILY_SEGMENTS = 100
    message = make_message(make_enrollment(), status="scheduled", attempts=1, sid=None, body=body)
    sid = new_sid()
    receive_callback(sid, "sent", None, message.pk, NOON)
    assert SpentDay.objects.get().segments == at_first
    answer = Outcome(message.pk, NOON, Accepted(sid, body, "queued", said, NOON))
    record([answer])
    record([answer])
    assert SpentDay.objects.get().segments == at_last


def test_a_text_that_costs_less_than_was_counted_for_it_takes_nothing_back(settings):
    settings.DAILY_SEGMENTS = 100
    message = make_message(make_enrollment(), status="scheduled", attempts=1, sid=None, body="a" * 1600)
    sid = new_sid()
    receive_callback(sid, "sent", None, message.pk, NOON)
    record([Outcome(message.pk, NOON + limits.DAY, Accepted(sid, "", "queued", 1, NOON))])
    assert SpentDay.objects.get().segments == 11


def test_nothing_is_counted_where_no_limit_is_set():
    with CaptureQueriesContext(connection) as queries:
        limits.spend(1_000_000, NOON)
    assert not queries.captured_queries


@pytest.mark.parametrize(
    ("limit", "emails", "webhook", "ids"),
    [
        (None, (), "", ["textengine.W002"]),
        (100, (), "", ["textengine.W003"]),
        (100, ("desk@example.org",), "", []),
        (100, (), "https://hooks.example.org", []),
    ],
)
def test_a_deployment_without_a_bound_or_with_one_that_is_told_to_nobody_is_warned(
    settings, limit, emails, webhook, ids
):
    settings.DAILY_SEGMENTS, settings.DIGEST_EMAILS, settings.DIGEST_WEBHOOK = limit, emails, webhook
    found = checks.run_checks(tags=["security"], include_deployment_checks=True)
    assert [each.id for each in found if each.id in ("textengine.W002", "textengine.W003")] == ids


# Telling the newsroom


def told() -> list[tuple]:
    """Return what the cluster has been given to tell: of which hold, and by which way."""
    return [row.task["args"] for row in OrmQ.objects.all() if row.task["func"] == "subscribers.tasks.tell_of_hold"]


def test_the_newsroom_is_told_of_a_hold_once_by_each_way_that_it_wants(settings):
    OrmQ.objects.all().delete()
    settings.DIGEST_EMAILS, settings.DIGEST_WEBHOOK = ("desk@example.org",), "https://hooks.example.org"
    stop_everything("nothing is left")
    stop_everything("nothing is left")
    hold = Hold.objects.get()
    assert sorted(told()) == [(hold.pk, "email"), (hold.pk, "webhook")]


def test_the_newsroom_gets_a_mail_that_leads_to_the_hold(mailbox):
    stop_everything("the day is spent")
    hold = Hold.objects.get()
    tasks.tell_of_hold(hold.pk, "email")
    [(_, mail)] = mailbox.mails
    body = mail.get_payload(decode=True).decode()
    assert mail["Subject"] == "Everything is on hold"
    assert "Set by itself: the day is spent" in body
    assert f"http://localhost:8000/admin/subscribers/hold/{hold.pk}/change/" in body


def test_the_webhook_gets_the_hold_signed(settings):
    with receiver() as (url, came):
        wanted_by_webhook(settings, url)
        stop_everything("the day is spent")
        tasks.tell_of_hold(Hold.objects.get().pk, "webhook")
    [(headers, body)] = came
    assert headers["X-Text-Engine-Signature"].startswith("sha256=")
    assert json.loads(body)["reason"] == "Set by itself: the day is spent"


def test_nobody_is_told_of_a_hold_that_is_released_already(mailbox):
    stop_everything("the day is spent")
    hold = Hold.objects.get()
    release(hold, timezone.now())
    tasks.tell_of_hold(hold.pk, "email")
    assert mailbox.mails == []


def test_what_did_not_get_through_is_left_to_the_cluster_to_try_again(mailbox):
    stop_everything("the day is spent")
    mailbox.refuses = 1
    with pytest.raises(NotDelivered):
        tasks.tell_of_hold(Hold.objects.get().pk, "email")
    tasks.tell_of_hold(Hold.objects.get().pk, "email")
    assert len(mailbox.mails) == 1
