"""The first page: each figure counted from the rows by another way, what is wrong, who sees what, and what it costs."""

import math
import random
import re
from datetime import datetime, timedelta
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ, Task

from stories.models import Story
from stories.tests.factory import make_story
from subscribers import heartbeats, tasks
from subscribers.claiming import owner
from subscribers.models import DayCount, Enrollment, Heartbeat, Hold, Message, Sender
from subscribers.state import Worker, worker
from subscribers.today import counting, figures, keeping
from subscribers.today.problems import of_worker, problems
from textengine.broker import MessageBroker

from .factory import make_account, make_enrollment, make_inbound, make_message

pytestmark = [pytest.mark.django_db, pytest.mark.screens]

HOME, LIVE = reverse("admin:index"), reverse("today")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def now():
    return timezone.now()


def page(client, address: str = HOME) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", client.get(address).content.decode()))


def beat(now: datetime, **ago) -> None:
    Heartbeat.objects.create(cluster=f"cluster {now}", started_at=now - HOUR, seen_at=now - timedelta(**ago))


# Every figure, counted from the rows by another way


@pytest.fixture
def made(tmp_path, now) -> datetime:
    """Readers with lives, and on top of them what these have too seldom; a moment at which they are looked at."""
    with (tmp_path / "said").open("w") as said:
        call_command("makereaders", 300, stdout=said)
    chosen = random.Random(6)
    for enrollment in Enrollment.objects.order_by("pk")[:40]:
        at = now - chosen.random() * chosen.choice([1.5 * HOUR, 2 * DAY])
        late = timedelta(seconds=chosen.random() * 100)
        make_message(
            enrollment, sent_at=at, due_at=at - late, status=chosen.choice(["delivered", "undelivered", "sent"])
        )
        make_message(
            enrollment, sid=None, due_at=at, status="failed", error_code=chosen.choice([30003, None]), reason="x"
        )
        make_message(enrollment, sid=None, due_at=now + chosen.random() * 2 * DAY, status="scheduled")
        make_inbound(enrollment.subscriber)
    for enrollment in Enrollment.objects.order_by("-pk")[:60]:
        enrollment.created_at = now - chosen.random() * 2 * DAY
        enrollment.ended_at = now - chosen.random() * chosen.choice([1.5 * HOUR, 2 * DAY])
        enrollment.status = chosen.choice(["completed", "stopped", "failed"])
        enrollment.save()
    Enrollment.objects.filter(pk__in=list(Enrollment.objects.values_list("pk", flat=True)[:10])).update(pace=0.5)
    return now


def pair(moments, now: datetime) -> tuple[int, int]:
    """Return how many of these moments lie in the last hour and in the last day."""
    ages = [now - moment for moment in moments if moment is not None]
    return tuple(sum(timedelta(0) <= age < span for age in ages) for span in (HOUR, DAY))


@pytest.mark.parametrize("story", [None, "trial-straight", "trial-forked"])
def test_every_figure_is_what_the_rows_say(made, story):
    now = made
    chosen = Story.objects.get(slug=story).pk if story else None
    found = figures.Figures(counting.count(now), story=chosen)
    messages = [each for each in Message.objects.all() if chosen in (None, each.story_id)]
    passages = [each for each in Enrollment.objects.filter(pace=None) if chosen in (None, each.story_id)]
    out = [each for each in messages if each.direction == "outbound"]
    lost = [each for each in out if each.status in ("failed", "undelivered")]
    waits = [each.due_at - now for each in out if each.status == "scheduled"]
    assert found.due == tuple(sum(timedelta(0) < wait <= span for wait in waits) for span in (HOUR, DAY))
    assert found.sent == pair([each.sent_at for each in out], now)
    assert found.delivered == pair([each.sent_at for each in out if each.status == "delivered"], now)
    assert found.lost == pair([each.sent_at or each.due_at for each in lost], now)
    assert found.joined == pair([each.created_at for each in passages], now)
    for name, statuses in (("finished", ["completed"]), ("left", ["stopped", "failed"])):
        assert getattr(found, name) == pair([each.ended_at for each in passages if each.status in statuses], now), name
    assert found.reading == sum(each.status == "active" for each in passages)
    # Of one story alone, an hour may be without some of it.
    assert chosen or min(*found.due, *found.sent, *found.lost, *found.joined, *found.finished, *found.left) > 0
    unreachable = [each.sent_at or each.due_at for each in lost if each.error_code == 30003]
    assert dict(found.reasons)["phone unreachable (30003)"] == pair(unreachable, now)
    assert sum(count.day for _, count in found.reasons) == found.lost.day
    assert [count.day for _, count in found.reasons] == sorted((count.day for _, count in found.reasons), reverse=True)


def test_lateness_is_what_the_rows_say(made):
    now = made
    sent = [each for each in Message.objects.filter(direction="outbound") if each.sent_at and each.due_at]
    for span, found in zip((HOUR, DAY), counting.count(now)["late"], strict=True):
        late = sorted(
            (each.sent_at - each.due_at).total_seconds() for each in sent if timedelta(0) <= now - each.sent_at < span
        )
        exactly = [max(late[math.ceil(len(late) * part) - 1], 0) for part in (0.5, 0.99)]
        assert found == pytest.approx(exactly, abs=0.001)
        assert len(late) > 5


@pytest.mark.parametrize(("late", "median", "most"), [([3], 3, 3), ([1, 2], 1, 2), ([1, 2, 9], 2, 9), ([-5], 0, 0)])
def test_lateness_of_few_texts(now, late, median, most):
    enrollment = make_enrollment()
    for seconds in late:
        make_message(enrollment, sent_at=now, due_at=now - timedelta(seconds=seconds))
    assert counting.count(now)["late"] == [[median, most]] * 2


def test_how_late_texts_are_is_said_in_words():
    assert [figures.seconds_in_words(seconds) for seconds in (0, 0.9, 1.2, 59, 125, 7300)] == [
        "under 1 s", "under 1 s", "1 s", "59 s", "2 minutes", "2 hours",
    ]  # fmt: skip


def test_where_nothing_is_all_is_nothing(now, log_in):
    found = figures.Figures(counting.count(now))
    assert (found.due, found.sent, found.lost, found.joined, found.left) == ((0, 0),) * 5
    assert found.late == [("Half, at most", "", ""), ("99 in 100, at most", "", "")]
    assert log_in("Editors").get(HOME).status_code == 200


# Where there are too many to count while somebody looks


def test_many_are_counted_by_the_cluster_and_kept_for_a_while(made, monkeypatch, log_in):
    monkeypatch.setattr(keeping, "FEW", 100)
    now = made
    assert keeping.counts(now) == (None, None)
    assert [row.task["func"] for row in OrmQ.objects.all()] == ["subscribers.tasks.count_day"]
    assert "The first count begins as soon as the worker is free" in page(log_in("Editors"))
    tasks.count_day()
    OrmQ.objects.all().delete()
    counts, counted_at = keeping.counts(timezone.now())
    assert counts == counting.count(counted_at)
    assert not OrmQ.objects.exists()
    assert "counted now and then: last" in page(log_in("Desk chiefs"))
    # Kept counts grow old; while one count is under way, no second one begins.
    DayCount.objects.update(counted_at=now - HOUR)
    for _ in range(2):
        assert keeping.counts(timezone.now())[1] == now - HOUR
    assert OrmQ.objects.count() == 1
    # A count whose task died does not stand in the way for ever.
    DayCount.objects.update(begun_at=now - HOUR)
    keeping.counts(timezone.now())
    assert OrmQ.objects.count() == 2


def test_what_takes_long_to_count_is_counted_seldom(made, monkeypatch):
    monkeypatch.setattr(keeping, "FEW", 100)
    DayCount.objects.create(pk=1, counted_at=made - timedelta(seconds=90), seconds=10)
    keeping.counts(made)
    assert not OrmQ.objects.exists()
    keeping.counts(made + timedelta(seconds=20))
    assert OrmQ.objects.exists()


# What is wrong


def wrong(now: datetime, group: str = "Desk chiefs", **given) -> list:
    holds = list(Hold.objects.active())
    found = figures.Figures(counting.count(now))
    return problems(now, make_account(group), given.get("worker", worker(now)), holds, found)


def test_the_cluster_says_that_it_is_alive_whenever_it_polls(now):
    broker = MessageBroker()
    broker.dequeue()
    started_at = Heartbeat.objects.get().started_at
    assert Heartbeat.objects.get().cluster == owner()
    broker.beat_at = 0.001
    broker.dequeue()
    assert Heartbeat.objects.get().seen_at > Heartbeat.objects.get().started_at == started_at
    with CaptureQueriesContext(connection) as captured:
        broker.tell_alive()
    assert len(captured) == 0
    assert worker(timezone.now()) == Worker("running", started_at)


def test_a_cluster_that_is_gone_is_known_for_a_week(now):
    beat(now, days=8)
    heartbeats.begin(now)
    assert Heartbeat.objects.get().cluster == owner()


def test_a_worker_that_never_ran_or_is_gone_is_told_first(now, log_in):
    Sender.objects.create(name="+15005550006", segments_per_day=0)
    assert wrong(now)[0].title == "The worker has never run."
    beat(now, minutes=5)
    Message.objects.all().delete()
    assert worker(now) == Worker("gone", now - timedelta(minutes=5))
    words = page(log_in("Editors"))
    assert f"The worker has not been running since {timezone.localtime(now - timedelta(minutes=5)):%H:%M}." in words
    assert "manage.py qcluster" in words
    Heartbeat.objects.update(seen_at=now - timedelta(days=3))
    assert f"{timezone.localtime(now - timedelta(days=3)):%b, %H:%M}." in next(of_worker(now, worker(now), [])).title


def test_all_is_well_where_nothing_is_wrong(now, log_in):
    beat(now, seconds=5)
    make_enrollment(sent=1)
    words = page(log_in("Editors"))
    assert "All is well." in words
    assert "The worker has been running since" in words


def test_texts_that_do_not_go_out_although_the_worker_runs_are_told(now):
    beat(now, seconds=5)
    enrollment = make_enrollment(story=make_story([("One", 0), ("Two", 60)]))
    Message.objects.update(due_at=now - timedelta(minutes=10))
    assert wrong(now)[0].title == "Nothing goes out, though texts have been due for 10 minutes."
    make_message(enrollment, sent_at=now - timedelta(seconds=20))
    [problem] = wrong(now, "Editors")
    assert problem.title == "Texts are late: the oldest has waited for 10 minutes."
    assert problem.url == reverse("admin:subscribers_sender_changelist")


@pytest.mark.parametrize("what", ["everything", "story", "text", "sender", "service", "young worker"])
def test_what_is_kept_back_on_purpose_is_not_late(now, settings, what):
    beat(now, seconds=5)
    enrollment = make_enrollment(story=make_story([("One", 0), ("Two", 60)]))
    Message.objects.update(due_at=now - timedelta(minutes=10))
    story, text = enrollment.story, enrollment.story.texts.get(position=1)
    assert wrong(now, "Operators")
    User.objects.all().delete()
    if what == "sender":
        Sender.objects.create(name="+15005550006", segments_per_day=0)
    elif what == "service":
        settings.TWILIO_MESSAGING_SERVICE_SID = "MG" + "0" * 32
        Sender.objects.create(name=settings.TWILIO_MESSAGING_SERVICE_SID, segments_per_day=0)
    elif what == "young worker":
        Heartbeat.objects.update(started_at=now - timedelta(seconds=3))
    else:
        on = {"everything": {}, "story": {"story": story}, "text": {"story": story, "text": text}}[what]
        Hold.objects.create(reason="r", **on)
    assert not any("late" in problem.title or "Nothing goes" in problem.title for problem in wrong(now))


def test_a_number_whose_day_is_over_is_told_to_who_can_change_it(now):
    beat(now, seconds=5)
    sender = Sender.objects.create(name="+15005550006", segments_per_day=0)
    assert wrong(now) == []
    make_enrollment(story=make_story([("One", 0)]))
    Message.objects.update(due_at=now)
    User.objects.all().delete()
    [chiefs], [operators] = wrong(now), wrong(now, "Operators")
    assert operators.title == "+15005550006 has used up its 0 segments of today."
    assert operators.url == reverse("admin:subscribers_sender_change", args=[sender.pk])
    assert (chiefs.action, chiefs.url) == ("An operator can change how much it may send.", "")


def test_many_losses_are_told_with_their_reason_and_lead_to_them(now):
    beat(now, seconds=5)
    enrollment = make_enrollment()
    for _ in range(4):
        make_message(enrollment, status="undelivered", error_code=30003, sent_at=now - timedelta(minutes=5))
    assert wrong(now) == []
    make_message(enrollment, status="failed", error_code=30007, sid=None, due_at=now - timedelta(minutes=5))
    User.objects.all().delete()
    [problem] = wrong(now)
    assert problem.title == "5 texts did not arrive in the last hour."
    assert problem.words == "Most often: phone unreachable (30003)."
    assert problem.url.endswith("/message/?status=lost&time=hour")
    User.objects.all().delete()
    for _ in range(100):
        make_message(enrollment, sent_at=now - timedelta(minutes=5))
    assert wrong(now) == []


def test_what_did_not_arrive_leads_to_the_list_of_exactly_that(now, chief):
    enrollment = make_enrollment()
    for ago in (timedelta(minutes=5), timedelta(hours=2), timedelta(days=2)):
        make_message(enrollment, status="undelivered", error_code=30003, sent_at=now - ago)
        make_message(enrollment, status="failed", error_code=30007, sid=None, due_at=now - ago)
        make_message(enrollment, sent_at=now - ago)
    text = chief.get(HOME).content.decode()
    [of_the_day] = re.findall(r'<a href="([^"]*)">Did not arrive</a>', text)
    assert "Did not arrive 2 4 " in page(chief)
    assert chief.get(unescape(of_the_day)).context["cl"].result_count == 4
    [of_story] = re.findall(r'<a href="([^"]*story__id__exact[^"]*)">4</a>', text)
    make_message(make_enrollment(), status="undelivered", sent_at=now)
    assert chief.get(unescape(of_story)).context["cl"].result_count == 4
    Message.objects.latest("pk").delete()
    messages = reverse("admin:subscribers_message_changelist")
    assert chief.get(messages, {"status": "lost", "time": "hour"}).context["cl"].result_count == 2
    assert chief.get(messages, {"status": "lost"}).context["cl"].result_count == 6


def test_the_reasons_that_are_shown_add_up(now):
    enrollment = make_enrollment()
    for reason, count in ((30003, 5), (30005, 4), (30006, 3), (30007, 2), (30008, 2), (30034, 1)):
        for _ in range(count):
            make_message(enrollment, status="undelivered", error_code=reason, sent_at=now - timedelta(minutes=5))
    found = figures.Figures(counting.count(now))
    assert [count for _, count in found.first_reasons] == [(5, 5), (4, 4), (3, 3), (2, 2), (3, 3)]
    assert found.first_reasons[-1][0] == "other reasons"


def test_failed_tasks_are_told_to_who_may_look_into_them(now):
    beat(now, seconds=5)
    Task.objects.create(id="f", name="f", func="subscribers.tasks.sweep", started=now, stopped=now, success=False)
    assert wrong(now) == []
    [problem] = wrong(now, "Operators")
    assert problem.words.startswith("The last one: subscribers.tasks.sweep, ")
    assert problem.url == reverse("admin:django_q_failure_changelist")


# Who sees what


@pytest.mark.parametrize(
    ("group", "sees", "sees_not"),
    [
        ("Desk chiefs", ["To come", "How late", "Joined", "in the middle of a story", "The River"], []),
        ("Editors", ["To come", "How late", "Joined", "in the middle of a story", "The River"], []),
        ("Operators", ["To come", "How late", "The River"], ["Joined", "in the middle of a story", "Reading"]),
        ("Journalists", ["Welcome, Journalists.", "The Bus"], ["To come", "Joined", "The River", "worker"]),
    ],
)
def test_each_role_sees_the_day_that_its_work_needs(log_in, group, sees, sees_not):
    client = log_in(group)
    river = make_story(title="The River")
    river.authors.clear()
    make_enrollment(story=river, sent=1)
    make_story(title="The Bus")
    for address in (HOME, LIVE):
        words = page(client, address)
        assert [word for word in sees if word not in words] == []
        assert [word for word in sees_not if word in words] == []


def test_who_has_no_story_yet_is_led_to_the_first(log_in):
    assert "Write your first story" in page(log_in("Journalists"))


def test_stories_that_run_stand_first_by_what_they_send_and_drafts_are_left_out(log_in):
    for title, count in (("Quiet", 1), ("Loud", 3)):
        story = make_story(title=title)
        for _ in range(count):
            make_enrollment(story=story, sent=1)
    make_story(title="A draft", status="draft")
    read = make_story(title="Was read", status="draft")
    make_enrollment(story=read)
    words = page(log_in("Editors"), LIVE)
    assert words.index("Loud") < words.index("Quiet")
    assert "A draft" not in words
    assert "Was read" in words


def test_the_part_that_is_asked_for_again_has_the_bar_of_what_is_held(log_in):
    Hold.objects.create(reason="A wrong name")
    words = page(log_in("Editors"), LIVE)
    assert "Everything is on hold since" in words
    assert "A wrong name" in words


# What it costs


def test_the_page_asks_as_many_queries_with_many_readers_as_with_few(made, log_in, monkeypatch):
    client = log_in("Operators")
    client = log_in("Desk chiefs")

    def queries(address: str) -> int:
        client.get(address)
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        return len(captured)

    before = queries(HOME), queries(LIVE)
    for number in range(10):
        make_enrollment(story=make_story(title=f"Story {number}"), sent=1)
    assert (queries(HOME), queries(LIVE)) == before
    assert before <= (30, 28)
    monkeypatch.setattr(keeping, "FEW", 100)
    client.get(HOME)
    tasks.count_day()
    assert queries(LIVE) <= 18
