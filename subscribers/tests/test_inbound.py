"""What a reader's text does."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from stories.models import Story
from stories.tests.factory import make_story
from subscribers.models import Enrollment, Message, Subscriber
from subscribers.starting import Reader, draw, stories_for

from .factory import OUR_NUMBER, make_enrollment, make_subscriber
from .webhooks import READER, text

pytestmark = pytest.mark.django_db


def test_a_keyword_starts_its_story_and_schedules_its_first_text():
    story = make_story(keyword="river", texts=[("One", 90), ("Two", 8)])
    make_story(keyword="forest")
    text("River")
    enrollment = Enrollment.objects.get()
    assert (enrollment.story, enrollment.status, enrollment.number) == (story, "active", OUR_NUMBER)
    first = enrollment.messages.get()
    assert (first.step, first.status, first.text.body) == (1, "scheduled", "One")
    assert first.due_at == enrollment.created_at + timedelta(seconds=90)


def test_a_first_text_without_a_keyword_starts_a_story():
    make_story(keyword="river")
    text("Hi there")
    assert Enrollment.objects.count() == 1


def test_a_text_in_the_middle_of_a_story_is_kept_and_changes_nothing():
    make_story(keyword="river")
    make_story(keyword="forest")
    text("river")
    before = list(Enrollment.objects.values()), list(Message.objects.story_texts().values())
    for body in ("I love this", "river", "What next?"):
        text(body)
    assert (list(Enrollment.objects.values()), list(Message.objects.story_texts().values())) == before
    assert Message.objects.filter(direction="inbound").count() == 4


def test_another_keyword_in_the_middle_of_a_story_starts_that_one_beside_it():
    make_story(keyword="river")
    make_story(keyword="forest")
    text("river")
    text("forest")
    assert set(Enrollment.objects.values_list("story__keyword", "status")) == {
        ("RIVER", "active"),
        ("FOREST", "active"),
    }


def test_without_a_keyword_nobody_gets_a_story_twice():
    stories = {make_story().pk for _ in range(4)}
    subscriber = make_subscriber(READER)
    for _ in range(4):
        text("More")
        Enrollment.objects.update(status="completed")
    assert set(subscriber.enrollments.values_list("story", flat=True)) == stories
    text("More")
    assert subscriber.enrollments.count() == 4


def test_the_keyword_of_a_finished_story_begins_it_anew():
    story = make_story(keyword="river", texts=[("One", 0)])
    make_enrollment(make_subscriber(READER), story, sent=1)
    Enrollment.objects.update(status="completed")
    text("river")
    assert Enrollment.objects.filter(story=story, status="active").count() == 1


@pytest.mark.parametrize("status", [Story.Status.DRAFT, Story.Status.ARCHIVED])
def test_only_published_stories_start(status):
    make_story(keyword="river", status=status)
    text("river")
    text("hello")
    assert not Enrollment.objects.exists()


def test_a_published_story_without_texts_starts_nobody():
    make_story(keyword="river", texts=[])
    text("river")
    assert not Enrollment.objects.exists()


def test_stories_are_drawn_by_their_weight():
    often, seldom, never = make_story(weight=9), make_story(weight=1), make_story(weight=0)
    subscriber = make_subscriber()
    reader = Reader(subscriber.pk, False, "", str(subscriber.phone_number))
    drawn = Counter(draw(stories_for(reader, OUR_NUMBER, "HI")).story for _ in range(600))
    # The chance that a fair draw of 600 falls outside is below one in a million.
    assert 490 < drawn[often.pk] < 580
    assert drawn[often.pk] + drawn[seldom.pk] == 600
    assert drawn[never.pk] == 0


@pytest.mark.parametrize(
    "word", ["STOP", " stop ", "Stop.", "stop!", "UNSUBSCRIBE", "end", "OptOut", "STOPALL", "Revoke"]
)
def test_stop_ends_every_enrollment_and_cancels_what_waits(word):
    subscriber = make_subscriber(READER)
    make_enrollment(subscriber, sent=1)
    make_enrollment(subscriber)
    text(word)
    assert Subscriber.objects.get().opted_out_at
    assert set(Enrollment.objects.values_list("status", flat=True)) == {"stopped"}
    assert set(Message.objects.story_texts().filter(sent_at=None).values_list("status", flat=True)) == {"canceled"}


@pytest.mark.parametrize("word", ["please don't stop", "stop it", "nonstop", "st opp"])
def test_what_only_contains_stop_is_not_stop(word):
    make_enrollment(make_subscriber(READER))
    text(word)
    assert Enrollment.objects.get().status == "active"


def test_while_stopped_no_keyword_starts_a_story():
    make_story(keyword="river")
    text("stop")
    text("river")
    assert not Enrollment.objects.exists()


def test_start_lets_the_interrupted_story_go_on_where_it_was():
    story = make_story(texts=[("One", 0), ("Two", 60), ("Three", 60)])
    enrollment = make_enrollment(make_subscriber(READER), story, sent=1)
    text("stop")
    text("start")
    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.ended_at, enrollment.reason) == ("active", None, "")
    waiting = enrollment.messages.get(sent_at=None)
    assert (waiting.step, waiting.status, waiting.text.body) == (2, "scheduled", "Two")
    assert Subscriber.objects.get().opted_out_at is None


def test_start_does_not_revive_what_ended_before_the_stop():
    make_enrollment(make_subscriber(READER), status="completed", ended_at=timezone.now() - timedelta(days=1))
    text("stop")
    text("start")
    assert Enrollment.objects.get().status == "completed"


@pytest.mark.parametrize("word", ["HELP", "help", " Info "])
def test_help_is_the_carriers_to_answer_and_starts_nothing(word):
    make_story()
    text(word)
    assert not Enrollment.objects.exists()
    assert Message.objects.get().body == word


def test_start_from_a_new_reader_is_an_ordinary_first_text():
    make_story()
    text("start")
    assert Enrollment.objects.count() == 1


def test_a_story_that_is_bound_to_a_number_starts_only_there():
    make_story(keyword="river", number="54321")
    make_story(keyword="forest", number="+15005550007")
    for body in ("river", "rivr", "hello"):
        text(body)
    assert not Enrollment.objects.exists()
    text("river", To="54321")
    assert [enrollment.number for enrollment in Enrollment.objects.all()] == ["54321"]


def test_without_a_keyword_the_number_decides_which_stories_can_start():
    make_story(number="54321")
    here = make_story(number=OUR_NUMBER)
    for sender in ("+14155550111", "+14155550112", "+14155550113"):
        text("Hello", sender=sender)
    assert set(Enrollment.objects.values_list("story", flat=True)) == {here.pk}


def test_everything_comes_from_the_number_that_the_reader_texted():
    make_story(keyword="river", title="River")
    text("river", To="54321")
    text("where", To="54321")
    assert set(Message.objects.filter(direction="outbound").values_list("number", flat=True)) == {"54321"}


@pytest.mark.parametrize(("sender", "starts"), [("+14165550101", True), ("+442079460123", False), ("+1555", False)])
def test_only_numbers_of_the_countries_that_are_allowed_start_a_story(settings, sender, starts):
    settings.ALLOWED_COUNTRIES = frozenset({"US", "CA"})
    make_story(keyword="river")
    assert text("river", sender=sender).status_code == 200
    assert Enrollment.objects.exists() == starts
    assert bool(Message.objects.get(direction="inbound").reason) != starts
    assert Message.objects.filter(direction="outbound").exists() == starts


def test_who_may_not_start_a_story_may_still_stop(settings):
    settings.ALLOWED_COUNTRIES = frozenset({"US"})
    enrollment = make_enrollment(make_subscriber("+442079460123"))
    text("stop", sender="+442079460123")
    enrollment.refresh_from_db()
    assert enrollment.status == "stopped"


@pytest.mark.parametrize("word", ["stop.", "forget", "help."])
def test_nothing_is_said_where_we_may_not_text(settings, word):
    settings.ALLOWED_COUNTRIES = frozenset({"US"})
    text(word, sender="+442079460123")
    assert not Message.objects.filter(direction="outbound").exists()


@pytest.mark.parametrize("sender", ["12345", "ACME"])
def test_short_codes_and_names_leave_a_trace_with_a_reason(sender):
    make_story(keyword="river")
    text("river", sender=sender)
    assert "no story can be sent there" in Message.objects.get().reason


def test_two_machines_that_answer_each_other_stop(settings):
    make_story(keyword="river")
    text("river")
    Enrollment.objects.update(status="completed")
    for _ in range(30):
        text("Thank you for your message. We are out of the office.")
    assert Message.objects.exclude(automatic="").count() == settings.ANSWERS_PER_HOUR
