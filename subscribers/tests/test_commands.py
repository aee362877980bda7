"""What readers can ask for while they read, and what the system answers."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from stories.models import Story, StoryText
from stories.tests.factory import make_story
from subscribers import commands, dispatch, holds
from subscribers.models import Enrollment, Hold, Message, Subscriber, SystemText

from .answers import answers, kinds
from .engine import claimed, work
from .factory import OUR_NUMBER, make_enrollment, make_subscriber
from .webhooks import READER, text

pytestmark = pytest.mark.django_db
SHORT_CODE = "54321"


@pytest.fixture
def story():
    return make_story(title="The river", keyword="river", texts=[("One", 0), ("Two", 3600), ("Three", 60)])


@pytest.fixture
def reading(story):
    return make_enrollment(make_subscriber(READER), story, sent=1)


def test_pause_keeps_everything_back_until_resume(reading):
    text("Pause")
    reading.refresh_from_db()
    waiting = reading.messages.get(step=2)
    assert (reading.status, waiting.status) == ("paused", "canceled")
    assert answers() == [("paused", "The river waits for you. Reply RESUME to go on.")]
    due = waiting.due_at
    text("Résumé!")
    reading.refresh_from_db()
    waiting.refresh_from_db()
    assert (reading.status, waiting.status, waiting.due_at) == ("active", "scheduled", due)
    assert answers()[1:] == [("resumed", "The river goes on.")]


def test_a_text_whose_moment_passed_in_a_pause_comes_when_the_story_goes_on(reading, sandbox):
    text("pause")
    later = timezone.now() + timedelta(days=2)
    Message.objects.filter(automatic="paused").delete()
    assert work(later) == 0
    text("resume")
    Message.objects.exclude(automatic="").delete()
    assert work(later) == 1
    assert sandbox.received(READER)[-1:] == ["Two"]


@pytest.mark.parametrize(("away", "back"), [("pause", "resume"), ("stop", "start")])
def test_what_a_reader_is_told_on_coming_back_comes_ahead_of_the_text_that_was_due_meanwhile(reading, away, back):
    text(away, To=SHORT_CODE)
    StoryText.objects.filter(position=2).update(delay=timedelta(0))
    text(back, To=SHORT_CODE)
    coming = Message.objects.filter(status="scheduled").order_by("due_at")
    assert list(coming.values_list("step", flat=True))[-2:] == [None, 2]


def test_a_claimed_text_is_not_sent_once_the_reader_has_paused(reading, sandbox):
    had = len(sandbox.received(READER))
    reading.messages.filter(step=2).update(due_at=timezone.now())
    [(_, ids, lease)] = claimed()
    text("pause")
    dispatch.send(ids, lease)
    assert len(sandbox.received(READER)) == had


def test_to_pause_twice_says_so_twice_and_to_go_on_without_a_pause_says_where(reading):
    for body in ("pause", "pause", "resume", "resume"):
        text(body)
    assert kinds() == ["paused", "paused", "resumed", "where"]
    assert Enrollment.objects.get().status == "active"


@pytest.mark.parametrize("body", ["pause", "resume", "again", "where"])
def test_who_reads_nothing_is_told_so(body):
    text(body)
    assert kinds() == ["nothing"]
    assert not Enrollment.objects.exists()


def test_again_brings_the_last_text_once_more_with_its_picture(reading, sandbox):
    reading.messages.filter(step=1).update(body="One, as it was sent", media_urls=["https://example.org/river.png"])
    text("again")
    repeated = Message.objects.get(automatic="again")
    assert (repeated.body, repeated.media_urls) == ("One, as it was sent", ["https://example.org/river.png"])
    assert (repeated.step, repeated.enrollment, repeated.story) == (None, None, reading.story)
    reading.refresh_from_db()
    assert reading.step == 1


def test_again_before_the_first_text_says_where_one_is(story):
    make_enrollment(make_subscriber(READER), story)
    text("again")
    assert kinds() == ["where"]


def test_where_says_how_far_each_story_is_and_when_the_next_text_comes(reading):
    other = make_enrollment(reading.subscriber, make_story(title="The forest", keyword="forest"), sent=1)
    commands.pause(reading.subscriber_id, OUR_NUMBER, reading.subscriber.zone, timezone.now())
    other.status = "active"
    other.save()
    Message.objects.filter(enrollment=other, step=2).update(
        status="scheduled", due_at=datetime(2099, 5, 3, 8, tzinfo=UTC)
    )
    text("where?")
    assert answers()[-1] == (
        "where",
        "The river: 1 of 3 texts. Reply RESUME to go on.\nThe forest: 1 of 2 texts. Next: 3 May, 01:00.",
    )


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2026, 5, 3, 9, 5, tzinfo=UTC), "09:05"),
        (datetime(2026, 5, 4, 0, 0, tzinfo=UTC), "4 May, 00:00"),
    ],
)
def test_a_moment_is_said_by_the_readers_clock(moment, words):
    assert commands.clock(moment, datetime(2026, 5, 3, 8, tzinfo=UTC)) == words


@pytest.mark.parametrize("body", ["river", "River!", "rivr"])
def test_the_keyword_of_a_story_one_is_in_is_answered_with_where(reading, body):
    make_enrollment(reading.subscriber, make_story(keyword="forest"))
    text(body)
    [(kind, words)] = answers()
    assert kind == "where"
    assert "The river" in words
    assert "\n" not in words
    assert reading.story.enrollments.count() == 1


def test_the_keyword_of_a_story_one_is_in_is_known_though_nobody_can_start_it_any_more_or_here(reading):
    Story.objects.filter(pk=reading.story_id).update(status="archived")
    text("river")
    Story.objects.filter(pk=reading.story_id).update(status="published", number="+14155550199")
    text("river")
    assert kinds() == ["where", "where"]
    text("river", sender="+14155550102")
    assert Enrollment.objects.count() == 1


def test_a_misspelt_keyword_starts_its_story(story):
    make_story(keyword="forest")
    text("Rivver")
    assert Enrollment.objects.get().story == story


def test_a_keyword_that_two_stories_could_mean_starts_neither_in_the_middle_of_a_story(reading):
    make_story(keyword="harbor")
    make_story(keyword="harbour")
    text("harboor")
    assert Enrollment.objects.count() == 1


def test_a_misspelt_stop_starts_no_story_and_says_how_to_stop(story):
    text("STPO")
    assert not Enrollment.objects.exists()
    assert kinds() == ["help"]
    assert "Reply STOP to end." in answers()[0][1]


def test_who_has_had_everything_is_told_so(reading):
    Enrollment.objects.update(status="completed")
    text("More")
    assert kinds() == ["all_read"]


def test_where_nothing_is_published_a_new_readers_text_is_kept_in_silence():
    text("Hello")
    assert kinds() == []


def test_help_that_the_carrier_does_not_answer_is_ours(settings):
    settings.NEWSROOM_NAME, settings.NEWSROOM_CONTACT = "The Post", "mailto:texts@example.org"
    for number, body in ((OUR_NUMBER, "HELP"), (OUR_NUMBER, "Help?"), (SHORT_CODE, "help")):
        text(body, To=number)
    [first, second] = Message.objects.filter(automatic="help").order_by("pk")
    assert (first.number, second.number) == (OUR_NUMBER, SHORT_CODE)
    assert first.body.startswith("The Post: stories by text message.")
    assert "texts@example.org" in first.body


def test_a_stop_that_the_carrier_does_not_confirm_is_confirmed_once_and_nothing_else_is_sent(reading, sandbox):
    had = len(sandbox.received(READER))
    for body in ("STOP", "STOP", "river", "where", "help"):
        text(body, To=SHORT_CODE)
    assert kinds() == ["stopped"]
    work()
    assert sandbox.received(READER)[had:] == [
        "Our newsroom: you will get no more texts from us. Reply START to come back."
    ]


def test_the_carrier_confirms_a_stop_to_a_long_code(reading):
    text("STOP")
    assert kinds() == []


def test_a_confirmation_of_a_stop_that_was_taken_back_is_not_sent(reading, sandbox):
    had = len(sandbox.received(READER))
    text("STOP", To=SHORT_CODE)
    text("START", To=SHORT_CODE)
    assert kinds() == ["stopped", "started"]
    work()
    assert Message.objects.get(automatic="stopped").status == "canceled"
    assert len(sandbox.received(READER)[had:]) == 1


def test_what_the_carrier_takes_for_a_stop_is_one(reading):
    text("arrêt", OptOutType="STOP")
    assert Subscriber.objects.get().opted_out_at
    assert kinds() == []


def test_answers_are_limited_within_an_hour(reading, settings):
    settings.ANSWERS_PER_HOUR = 3
    for _ in range(5):
        text("where")
    assert len(kinds()) == 3
    Message.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    text("where")
    assert len(kinds()) == 4


def test_who_has_had_all_answers_of_an_hour_still_gets_help_and_the_confirmation_of_a_stop(reading, settings):
    settings.ANSWERS_PER_HOUR = 2
    for body in ("where", "where", "where", "help", "help", "help", "stop"):
        text(body, To=SHORT_CODE)
    assert kinds() == ["where", "where", "help", "help", "stopped"]


def test_the_limit_counts_for_each_number_by_itself(reading, settings):
    settings.ANSWERS_PER_HOUR = 1
    text("where")
    text("where", sender="+14155550102")
    assert kinds() == ["where", "nothing"]


def test_an_answer_is_no_text_of_the_story(reading, sandbox):
    text("where")
    work()
    reading.refresh_from_db()
    assert (reading.step, reading.messages.count()) == (1, 2)


def test_answers_are_never_sent_to_who_has_opted_out_meanwhile(reading, sandbox):
    had = len(sandbox.received(READER))
    text("where")
    text("STOP")
    work()
    assert len(sandbox.received(READER)) == had
    assert Message.objects.get(automatic="where").status == "canceled"


def test_a_hold_on_a_story_holds_its_text_once_more_but_no_answer(reading, sandbox):
    Hold.objects.create(story=reading.story, reason="A mistake in it")
    text("again")
    text("where")
    work()
    assert dict(Message.objects.exclude(automatic="").values_list("automatic", "status")) == {
        "again": "held",
        "where": "queued",
    }


def test_a_hold_on_everything_holds_answers_too_and_old_ones_stay_unsaid(reading, sandbox):
    hold = Hold.objects.create(reason="A mistake")
    text("where")
    work()
    Message.objects.filter(automatic="where").update(created_at=timezone.now() - timedelta(minutes=61))
    text("again")
    work()
    assert holds.release(hold, timezone.now()) == 1
    assert dict(Message.objects.exclude(automatic="").values_list("automatic", "status")) == {
        "where": "canceled",
        "again": "scheduled",
    }


def test_the_newsrooms_own_words_come_before_ours_in_the_language_of_the_story(reading):
    SystemText.objects.create(kind="paused", body="Take your time, {newsroom} waits.")
    text("pause")
    SystemText.objects.create(kind="paused", language="de", body="{story} wartet.")
    text("pause")
    reading.story.language = "de"
    reading.story.save()
    text("pause")
    assert [words for _, words in answers()] == ["Take your time, Our newsroom waits."] * 2 + ["The river wartet."]


def test_empty_words_say_nothing(reading):
    SystemText.objects.create(kind="paused", body="")
    text("pause")
    assert kinds() == []


def test_a_new_reader_is_welcomed_ahead_of_the_first_text(story):
    SystemText.objects.create(kind="welcome", body="Welcome to {story}. Reply STOP to end.")
    text("river")
    welcome, first = Message.objects.filter(direction="outbound").order_by("due_at")
    assert (welcome.body, first.step) == ("Welcome to The river. Reply STOP to end.", 1)
    assert first.due_at - welcome.due_at >= timedelta(seconds=3)
    make_story(keyword="forest")
    text("forest")
    assert kinds() == ["welcome"]


def test_an_answer_that_our_lost_number_cannot_send_comes_from_the_configured_one(reading, sandbox):
    sandbox.faults({"numbers": {READER: 21606}})
    text("where", To="+14155550999")
    work()
    answer = Message.objects.get(automatic="where")
    assert answer.number == ""
    assert not Hold.objects.exists()


def statements(body: str, **parameters) -> int:
    with CaptureQueriesContext(connection) as captured:
        text(body, **parameters)
    return sum("SAVEPOINT" not in query["sql"] for query in captured)


def test_an_ordinary_text_takes_few_statements(reading):
    assert statements("I do love this story, and I thank you!") == 2
    # It could be a keyword that is misspelt.
    assert statements("Lovely") == 3
    make_story(keyword="forest")
    assert statements("forest", sender="+14155550103") == 5
    assert statements("Hello", sender="+14155550104") == 5


def test_words_in_a_language_are_also_for_its_regions_unless_there_are_some_in_that(reading):
    Story.objects.update(language="de-CH")
    SystemText.objects.create(kind="nothing", language="de", body="Nichts.")
    SystemText.objects.create(kind="paused", body="Paused.")
    SystemText.objects.create(kind="paused", language="de", body="Pause.")
    SystemText.objects.create(kind="resumed", language="de", body="Weiter.")
    SystemText.objects.create(kind="resumed", language="de-CH", body="Wiiter.")
    SystemText.objects.create(kind="resumed", language="d", body="No language.")
    text("pause")
    text("resume")
    assert [body for _, body in answers()] == ["Pause.", "Wiiter."]


def test_a_new_reader_whose_text_begins_nothing_is_told_of_keywords(story):
    Story.objects.update(weight=0)
    text("Hello?")
    assert kinds() == ["nothing"]
