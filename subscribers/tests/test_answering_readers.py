"""Readers at a question: what else they may text there, and what the system says of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from stories.models import StoryText
from stories.tests.factory import asking, make_story
from subscribers import rehearsals
from subscribers.models import Enrollment, Message, Question

from .answers import answers, kinds
from .engine import work
from .factory import make_enrollment, make_subscriber
from .webhooks import READER, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def story():
    story = make_story(title="The pier", keyword="pier", texts=[("A or B?", 0), ("Onward", 3600)])
    ask(story, hint="A or B, please.")
    return story


def ask(story, *choices: str, **fields) -> None:
    """Let the first text of this story ask."""
    first = story.texts.get(position=1)
    first.turn = asking(*choices or ("A", "B"), **fields)
    first.save()


@pytest.fixture
def asked(sandbox, story):
    """A reader who was asked."""
    enrollment = make_enrollment(make_subscriber(READER), story)
    work()
    return enrollment


def open_questions() -> int:
    return Question.objects.waiting().count()


def hints() -> int:
    return Message.objects.filter(body="A or B, please.").count()


def test_where_says_that_an_answer_is_waited_for(asked):
    text("where")
    assert answers() == [("where", "The pier: 1 of 2 texts. It is your turn to answer.")]
    assert open_questions() == 1


@pytest.mark.parametrize("command", ["again", "pause", "where", "help"])
def test_commands_come_before_answers(asked, command):
    ask(asked.story, "anything")
    text(command)
    assert open_questions() == 1
    text("B")
    assert open_questions() == 0


def test_a_keyword_that_is_misspelt_is_helped_along_and_one_that_is_not_starts_its_story(asked):
    make_story(title="The river", keyword="river")
    text("rivre")
    assert (hints(), Enrollment.objects.count()) == (1, 1)
    text("river")
    assert (hints(), Enrollment.objects.count(), open_questions()) == (1, 2, 1)


def test_a_stop_that_is_misspelt_is_helped_by_the_word_that_stops_unless_it_is_an_answer(asked, settings):
    settings.CARRIER_ANSWERS = ()
    text("STPO")
    assert (hints(), kinds()) == (0, ["help"])
    ask(asked.story, "stoop", "B")
    text("stoop")
    assert open_questions() == 0


def test_the_keyword_of_the_story_that_asks_says_where_one_is(asked):
    text("pier")
    assert (hints(), open_questions()) == (0, 1)
    assert "It is your turn to answer." in answers()[0][1]


def test_in_a_pause_nothing_reminds_and_afterwards_it_does(asked):
    ask(asked.story, answer_within=timedelta(hours=1), reminder="Still there?")
    Question.objects.all().delete()
    text("pause")
    text("resume")
    reminder = Question.objects.get().reminder
    assert reminder.status == "scheduled"
    text("pause")
    reminder.refresh_from_db()
    assert reminder.status == "canceled"
    text("resume")
    reminder.refresh_from_db()
    assert (reminder.status, reminder.body) == ("scheduled", "Still there?")


def test_an_answer_in_a_pause_counts_and_leads_on_when_the_story_goes_on(asked):
    text("pause")
    text("A")
    assert (open_questions(), hints()) == (0, 0)
    assert not Message.objects.filter(step=2).exists()
    text("resume")
    assert Message.objects.get(step=2).status == "scheduled"


def test_an_answer_to_a_rehearsal_is_one_and_begins_nothing(sandbox, story):
    rehearsals.start(story, make_subscriber(READER), None, timezone.now())
    work()
    text("A")
    assert open_questions() == 0
    assert Message.objects.get(step=2).status == "scheduled"
    assert not Enrollment.objects.readers().exists()


def test_forget_erases_what_was_answered(asked):
    StoryText.objects.filter(position=1).update(keeps="name")
    text("A")
    assert Question.objects.exclude(words="").exists()
    text("forget")
    assert not Question.objects.exists()
