"""Where a story's readers are: every figure is counted once more, row by row, by another way."""

import re
from collections import Counter
from datetime import timedelta
from html import unescape
from io import StringIO
from statistics import median
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from stories import history
from stories.models import Price, Story
from stories.tests.factory import asking, make_branching_story, make_pier, make_story
from stories.turns import Follows, Turn
from subscribers import bulk, tasks
from subscribers.funnel import figures as figures_module
from subscribers.funnel import tallies
from subscribers.funnel.counting import count, joined_by_day
from subscribers.funnel.figures import Share, figures
from subscribers.models import Enrollment, Message, Question, Tally
from subscribers.tests.factory import make_enrollment, make_message, make_subscriber

pytestmark = [pytest.mark.django_db, pytest.mark.screens]


@pytest.fixture
def made(db) -> Story:
    """A story that asks, with readers at all its places."""
    call_command("makereaders", 160, stdout=StringIO())
    return Story.objects.get(slug="trial-forked")


@pytest.fixture
def journalist(client):
    user = User.objects.create_user("jo", is_staff=True)
    user.groups.add(Group.objects.get(name="Journalists"))
    client.force_login(user)
    return client


def page_of(story: Story) -> str:
    return reverse("story-readers", args=[story.pk])


def passages_of(story: Story, since=None, until=None) -> list[Enrollment]:
    return [
        enrollment
        for enrollment in Enrollment.objects.filter(story=story, pace=None)
        if (since is None or enrollment.created_at >= since) and (until is None or enrollment.created_at < until)
    ]


def by_hand(story: Story, since=None, until=None) -> dict:
    """Follow each reader through the messages, and say what the page is to say."""
    found = {"joined": 0, "status": Counter(), "had": Counter(), "at": Counter(), "lost": Counter(), "segments": 0}
    found |= {"answers": Counter(), "gaps": {}}
    for enrollment in passages_of(story, since, until):
        found["joined"] += 1
        found["status"][enrollment.status] += 1
        last, came = None, enrollment.created_at
        for message in enrollment.messages.order_by("step"):
            if message.sent_at is None:
                continue
            found["segments"] += message.segments or 0
            if message.step is None:
                continue
            last = message.text_id
            found["had"][last] += 1
            found["lost"][last] += message.status in ("failed", "undelivered")
            found["gaps"].setdefault(last, []).append(message.sent_at - came)
            came = message.sent_at
        found["at"][last, enrollment.status] += 1
        for question in enrollment.questions.all():
            went_on = question.step < enrollment.step
            over = enrollment.status in ("stopped", "failed", "completed")
            words = f"“{question.choice}”" if question.answered_at else None
            words = words or ("no answer in time" if went_on else "left without an answer" if over else "no answer yet")
            found["answers"][question.text_id, words] += 1
    return found


def assert_shown_is(shown, expected: dict) -> None:
    assert shown.joined == expected["joined"]
    assert {status: share.count for status, _, share in shown.by_status} == dict(expected["status"])
    texts = {place.text.pk: place for place in shown.places if place.text}
    assert {pk: place.had.count for pk, place in texts.items() if place.had.count} == dict(expected["had"])
    assert {pk: place.lost for pk, place in texts.items()} == {pk: expected["lost"][pk] for pk in texts}
    here = {(place.text and place.text.pk, status): n for place in shown.places for status, n in place.at.items()}
    assert here == dict(expected["at"])
    answers = {(pk, answer.name): answer.count for pk, place in texts.items() for answer in place.answers}
    assert {key: n for key, n in answers.items() if n} == dict(expected["answers"])
    assert shown.segments == expected["segments"]
    price = Price.current()
    assert shown.cost == expected["segments"] * (price.sms_segment + price.sms_fee)
    assert shown.growth.total == sum(bar.count for bar in shown.growth.bars) == expected["joined"]
    waits = {pk: figures_module.in_words(median(gaps)) for pk, gaps in expected["gaps"].items()}
    assert {pk: place.wait for pk, place in texts.items() if place.wait} == waits


@pytest.mark.parametrize(("first", "last"), [(None, None), (30, None), (None, 5), (20, 3)])
def test_all_that_is_shown_is_what_the_rows_say(made, first, last):
    today = tallies.day_begins(timezone.localdate())
    since = today - timedelta(days=first) if first else None
    until = today - timedelta(days=last) if last else None
    expected = by_hand(made, since, until)
    assert expected["joined"] > 5
    assert_shown_is(figures(made, timezone.now(), since, until), expected)


def test_growth_is_by_the_days_of_the_newsrooms_calendar(made, settings):
    days = Counter(timezone.localtime(each.created_at).date() for each in passages_of(made))
    assert joined_by_day(made.pk) == days


# Stories that very many read


def counted_by_the_cluster(story: Story, monkeypatch, seconds: float = 0) -> Tally:
    monkeypatch.setattr(tallies, "FEW", 10)
    monkeypatch.setattr(tallies, "SLICE", 7)
    monkeypatch.setattr(tallies, "TASK_SECONDS", seconds)
    figures(story, timezone.now())
    # What the cluster runs: each task counts a slice, and asks for the next one.
    while queued := OrmQ.objects.order_by("pk").first():
        task = queued.task
        queued.delete()
        if task["func"] == "subscribers.tasks.tally":
            tasks.tally(*task["args"])
    return Tally.objects.get(story=story)


@pytest.mark.parametrize("days", [None, 12])
def test_what_the_cluster_has_counted_is_the_same(made, monkeypatch, days):
    since = tallies.day_begins(timezone.localdate() - timedelta(days=days)) if days else None
    expected = by_hand(made, since)
    tally = counted_by_the_cluster(made, monkeypatch)
    assert len(tally.cohorts) > 10
    assert tallies.kept(tally, since) == (count(made.pk, since), joined_by_day(made.pk, since))
    shown = figures(made, timezone.now(), since)
    assert shown.counted_at == tally.counted_at
    assert_shown_is(shown, expected)


def test_readers_before_and_since_a_save_are_told_apart(made, monkeypatch):
    moment = sorted(each.created_at for each in passages_of(made))[40]
    entry = made.history.first()
    type(entry).objects.filter(pk=entry.pk).update(history_date=moment)
    tally = counted_by_the_cluster(made, monkeypatch)
    for since, until in ((None, moment), (moment, None)):
        assert tallies.kept(tally, since, until)[0] == count(made.pk, since, until)


def test_a_count_is_made_once_at_a_time_and_anew_when_it_is_old(made, monkeypatch):
    now = timezone.now()
    tally = counted_by_the_cluster(made, monkeypatch)
    assert not OrmQ.objects.exists()
    figures(made, now + timedelta(seconds=30))
    assert not OrmQ.objects.exists()
    for _ in range(2):
        figures(made, now + timedelta(hours=1))
    assert OrmQ.objects.count() == 1
    # Its worker died: somebody else begins again.
    figures(made, now + timedelta(hours=1) + tallies.DEAD + timedelta(seconds=1))
    assert OrmQ.objects.count() == 2
    assert Tally.objects.get().counted_at == tally.counted_at


def test_a_save_makes_the_counts_old(made, monkeypatch):
    counted_by_the_cluster(made, monkeypatch)
    made.title = "Another title"
    made.save()
    history.keep(made, timezone.now())
    figures(made, timezone.now())
    assert OrmQ.objects.count() == 1


def test_while_it_is_counted_for_the_first_time_that_is_said(made, monkeypatch, journalist):
    made.authors.set(User.objects.all())
    monkeypatch.setattr(tallies, "FEW", 10)
    text = journalist.get(page_of(made)).content.decode()
    assert "The count begins as soon as the worker is free." in text
    assert 'data-again="2"' in text
    monkeypatch.setattr(tallies, "SLICE", 7)
    tallies.go_on(made, timezone.now(), seconds=0)
    assert "Counted until now: " in journalist.get(page_of(made)).content.decode()


# What counts, and as what


def test_who_has_had_no_text_yet_is_not_said_to_have_had_one(journalist):
    story = make_story([("One", 60), ("Two", 60)])
    for sent in (0, 0, 1):
        make_enrollment(story=story, sent=sent)
    joined, *_ = figures(story, timezone.now()).places
    assert (joined.name, joined.had.count, joined.none_yet.count) == ("Joined", 0, 2)
    row = re.sub(r"\s+", " ", journalist.get(page_of(story)).text.split("and had no text yet")[1].split("</tr>")[0])
    assert '<td class="funnel__had"> <b>2</b> had none yet <span class="quiet">67 %</span> </td>' in row
    assert "<b>2</b> wait for the first text" in row


def test_who_comes_by_a_text_twice_is_counted_once():
    loop = asking("A, again -> start", "B, end")
    story = make_branching_story(("start", "Once more?", loop), ("", "End", Turn(Follows.END)))
    enrollment = make_enrollment(story=story)
    first = story.texts.get(position=1)
    Message.objects.filter(enrollment=enrollment).delete()
    for step in (1, 2, 3):
        make_message(enrollment, text=first, step=step, sent_at=timezone.now())
    Enrollment.objects.update(step=3)
    shown = figures(story, timezone.now())
    assert [place.had.count for place in shown.places] == [1, 0]
    assert [place.had.percent for place in shown.places] == [100, 0]


def test_rehearsals_are_nobodys_reading():
    story = make_story()
    make_enrollment(story=story, sent=1, pace=1.0)
    assert figures(story, timezone.now()).joined == 0


def test_what_was_sent_again_did_arrive():
    enrollment = make_enrollment(sent=2)
    first, second = Message.objects.order_by("step")[:2]
    Message.objects.filter(pk__in=[first.pk, second.pk]).update(status="undelivered")
    make_message(enrollment, again=first, sent_at=timezone.now(), segments=1)
    assert [place.lost for place in figures(enrollment.story, timezone.now()).places] == [0, 1]


def test_pictures_hints_and_closings_are_paid_too():
    enrollment = make_enrollment(sent=2)
    Message.objects.filter(step=1).update(segments=2)
    Message.objects.filter(step=2).update(segments=3, media_urls=["https://pictures.example.org/a.jpg"])
    make_message(enrollment, automatic=Message.CLOSING, segments=1, sent_at=timezone.now())
    shown, price = figures(enrollment.story, timezone.now()), Price.current()
    assert (shown.segments, shown.mms) == (3, 1)
    assert shown.cost == 3 * (price.sms_segment + price.sms_fee) + price.mms + price.mms_fee


def test_a_deleted_text_keeps_its_readers():
    story = make_story([("One", 0), ("Two", 0), ("Three", 3600)])
    make_enrollment(story=story, sent=2)
    story.texts.get(position=2).delete()
    shown = figures(story, timezone.now())
    assert [(place.name, place.had.count, place.at) for place in shown.places] == [
        ("1", 1, {}),
        ("3", 0, {}),
        ("Gone", 1, {"active": 1}),
    ]


def test_of_those_whose_messages_are_gone_that_is_said(journalist):
    enrollment = make_enrollment(sent=2)
    Message.objects.all().delete()
    assert figures(enrollment.story, timezone.now()).unknown == 1
    assert "Of 1 more it is not known" in journalist.get(page_of(enrollment.story)).content.decode()


def test_those_who_left_are_laid_to_the_text_after_which_they_did():
    story = make_story([("One", 0), ("Two", 3600), ("Three", 3600)])
    stopped, paused = make_enrollment(story=story, sent=1), make_enrollment(story=story, sent=2)
    bulk.STEPS["stop"].do([stopped.pk], timezone.now())
    bulk.STEPS["pause"].do([paused.pk], timezone.now())
    first, second, third = figures(story, timezone.now()).places
    assert first.after == [("stopped", 1, "stopped")]
    assert second.after == [("paused", 1, "paused")]
    assert third.after == []


def test_choices_that_nobody_took_are_there_and_those_that_are_gone():
    story = make_pier()
    enrollment = make_enrollment(story=story, sent=2)
    Question.objects.filter(enrollment=enrollment).delete()
    text = story.texts.get(position=2)
    Question.objects.create(
        enrollment=enrollment, step=2, text=text, asked_at=timezone.now(), answered_at=timezone.now(), choice="Swim"
    )
    answers = figures(story, timezone.now()).places[1].answers
    assert [(answer.name, answer.count) for answer in answers] == [("“A”", 0), ("“B”", 0), ("“Swim”", 1)]


def test_the_waits_of_very_many_are_those_of_the_first_and_the_last(monkeypatch):
    monkeypatch.setattr(figures_module, "SAMPLE", 2)
    story, now = make_story([("One", 0)]), timezone.now()
    for days, minutes in ((5, 1), (4, 3), (3, 50), (2, 3), (1, 4)):
        enrollment = make_enrollment(story=story, created_at=now - timedelta(days=days))
        Message.objects.filter(enrollment=enrollment).update(
            sent_at=enrollment.created_at + timedelta(minutes=minutes), status="delivered"
        )
    shown = figures(story, now)
    assert shown.sampled == 4
    assert shown.places[-1].wait == "3 minutes"


# The page


def test_a_page_says_it_all_with_as_many_queries_for_many_as_for_few(journalist):
    story = make_pier()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            text = journalist.get(page_of(story)).content.decode()
        assert "Readers at each text" in text
        return len(captured)

    make_enrollment(story=story, sent=1)
    few = queries()
    for number in range(30):
        make_enrollment(story=story, sent=number % 3)
    assert queries() == few <= 24


def test_who_may_not_see_stories_sees_no_readers(client):
    story = make_story()
    assert client.get(page_of(story)).url.startswith(reverse("admin:login"))
    client.force_login(User.objects.create_user("pat", is_staff=True))
    assert client.get(page_of(story)).status_code == 404
    assert client.post(page_of(story)).status_code == 405


def test_a_journalist_sees_the_readers_of_their_own_stories_alone(journalist):
    own, other = make_story(title="The River"), make_story(title="The Bus")
    other.authors.clear()
    assert journalist.get(page_of(other)).status_code == 404
    page = journalist.get(page_of(own), {"beside": f"story-{other.pk}"})
    assert "The Bus" not in page.content.decode()
    assert [panel.story for panel in page.context["panels"]] == [own]


def test_a_story_leads_to_its_readers(journalist):
    story = make_story()
    page = journalist.get(reverse("admin:stories_story_change", args=[story.pk])).content.decode()
    assert f'href="{page_of(story)}">Readers</a>' in page


def test_only_editors_are_led_to_the_readers_themselves(journalist):
    enrollment = make_enrollment()
    assert "subscribers/enrollment/" not in journalist.get(page_of(enrollment.story)).content.decode()
    User.objects.get().groups.add(Group.objects.get(name="Editors"))
    assert "subscribers/enrollment/?story__id__exact=" in journalist.get(page_of(enrollment.story)).content.decode()


def test_two_stories_stand_beside_each_other(journalist):
    river, bus = make_story(title="The River"), make_story(title="The Bus")
    make_enrollment(story=river), make_enrollment(make_subscriber(), bus, sent=2)
    panels = journalist.get(page_of(river), {"beside": f"story-{bus.pk}"}).context["panels"]
    assert [(panel.title, panel.joined) for panel in panels] == [("The River", 1), ("The Bus", 1)]
    assert [panel.places[-1].had.count for panel in panels] == [0, 1]


def test_those_before_and_from_a_day_or_a_save_on_stand_beside_each_other(journalist):
    story, now = make_story(), timezone.now()
    history.keep(story, now - timedelta(hours=12))
    entry = story.history.get()
    for days in (0, 0, 3):
        make_enrollment(story=story, created_at=now - timedelta(days=days))
    split = str(timezone.localdate() - timedelta(days=2))
    for chosen in ({"beside": "day", "split": split}, {"beside": f"save-{entry.pk}"}):
        panels = journalist.get(page_of(story), chosen).context["panels"]
        assert [panel.joined for panel in panels] == [1, 2]
    since = str(timezone.localdate() - timedelta(days=1))
    panels = journalist.get(page_of(story), {"beside": "day", "split": split, "since": since}).context["panels"]
    assert [panel.joined for panel in panels] == [0, 2]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"since": "yesterday"}, "This is no date."),
        ({"since": "2026-11-02", "until": "2026-11-01"}, "This day is before the first one."),
        ({"beside": "day"}, "Choose the day."),
        ({"beside": "story-999999"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_shown_is_said_and_all_readers_are_shown(journalist, typed, said):
    enrollment = make_enrollment()
    response = journalist.get(page_of(enrollment.story), typed)
    assert said in response.content.decode()
    assert [panel.joined for panel in response.context["panels"]] == [1]


def test_words_of_a_story_are_only_words(journalist):
    story = make_story([("<script>alert(1)</script>", 0)])
    make_enrollment(story=story)
    text = journalist.get(page_of(story)).content.decode()
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert" not in text


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_days_at_both_ends_of_the_calendar_have_everybody_between_them(journalist, settings, zone):
    settings.NEWSROOM_ZONE = ZoneInfo(zone)
    page = page_of(make_enrollment().story)
    text = journalist.get(page, {"since": "0001-01-01", "until": "9999-12-31"}).content.decode()
    assert "<dt>Joined</dt><dd><b>1</b>" in text


def test_a_figure_leads_to_a_list_of_as_many(made, client):
    client.force_login(User.objects.create_superuser("admin"))
    since, middle = (timezone.localdate() - timedelta(days=days) for days in (20, 5))
    page = client.get(page_of(made), {"since": since, "beside": "day", "split": middle})
    found = re.findall(r'<a href="([^"]*/enrollment/[^"]*)">([\d,]+)</a>', page.content.decode())
    assert len(found) > 4
    for address, figure in found:
        assert client.get(unescape(address)).context["cl"].result_count == int(figure), address


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 %"), (1, "under 1 %"), (500, "50 %"), (990, "99 %"), (999, "over 99 %"), (1000, "100 %")],
)
def test_a_share_is_all_or_nothing_only_where_it_is(count, words):
    assert Share(count, 1000).words == words
