"""What stands in the way of publishing a story that asks."""

from datetime import timedelta

import pytest

from stories.models import StoryText
from stories.publishing import obstacles, text_problems
from stories.turn_problems import turn_problems
from stories.turns import Follows, Turn

from .factory import asking, make_pier

DAY = timedelta(days=1)


def text(turn: Turn | None = None, label: str = "", body: str = "Words.") -> StoryText:
    made = StoryText(body=body, label=label)
    made.turn = turn or Turn()
    return made


def lead(name: str) -> Turn:
    return Turn(Follows.LEAD, leads_to=name)


def found(*texts: StoryText) -> list[str]:
    return [f"{place}: {problem}" for place, of_text in enumerate(turn_problems(texts), start=1) for problem in of_text]


def test_nothing_is_wrong_with_a_straight_story_a_question_or_a_loop_that_can_be_left():
    assert found(text(), text(), text()) == found() == []
    assert found(text(asking("anything", keeps="name")), text(body="Hello {name|you} {x}.")) == []
    assert found(text(label="a"), text(asking("yes -> a", "no", hint="Yes?")), text()) == []


@pytest.mark.parametrize(
    ("turn", "sentence"),
    [
        (asking(hint="?"), "Write what readers can answer: two to 9 answers, each on a line, or “anything”."),
        (asking("A", hint="?"), "Write what readers can answer: two to 9 answers"),
        (asking(*"ABCDEFGHIJ", hint="?"), "Write what readers can answer: two to 9 answers"),
        (asking("A", "B"), "Write a hint: what a reader gets whose answer is none of these."),
        (asking("A", "B, á", hint="?"), "The answer “á” is there twice."),
        (asking("go on", "stop", hint="?"), "The answer “stop” has a meaning of its own for phone networks"),
        (asking("go on", "opt out", hint="?"), "The answer “opt out” has a meaning of its own for phone networks"),
        (asking("A", "B -> nowhere", hint="?"), "The answer “B” leads to “nowhere”, and no text is named so."),
        (asking("A", "B", hint="?", answer_within=DAY), "Write what happens without an answer"),
        (asking("A", "B", hint="?", reminder="Well?"), "Write how long it waits for an answer."),
        (asking("A", "B", hint="?", default_answer="A"), "Write how long it waits for an answer."),
        (
            asking("A", "B", hint="?", answer_within=DAY, default_answer="C"),
            "“C”, which it takes without an answer, is none of its answers.",
        ),
        (
            asking("A", "B", hint="?", answer_within=DAY, default_answer="A", reminder="Well?"),
            "Without an answer, it takes one or reminds: choose what it does.",
        ),
        (asking("A", "B", hint="x" * 1601), "The hint can have at most 1,600 characters; it has 1,601."),
        (asking("A", "B", hint="{name|you}?"), "No text keeps an answer as “name”."),
        (lead("nowhere"), "It leads to “nowhere”, and no text is named so."),
        (lead(""), "Say to which text it leads, by its name."),
    ],
)
def test_a_question_that_would_leave_readers_without_a_way_is_told_in_a_sentence(turn, sentence):
    [problem] = found(text(turn), text())
    assert problem.startswith(f"1: {sentence}")


def test_texts_that_nothing_leads_to_names_that_are_taken_and_ways_without_end_are_told_where_they_are():
    assert found(text(Turn(Follows.END)), text()) == ["2: Nothing leads here: no text and no answer."]
    assert found(text(label="a"), text(label="a")) == ["2: Text 1 is named “a” already; names lead to one text each."]
    assert found(text(label="a"), text(), text(lead("a"))) == [
        "3: It leads back to text 1, and from there no way leads to an end."
    ]
    assert found(text(), text(asking("anything", keeps="name"))) == [
        "2: The answer “anything” leads to the next text, and there is none."
    ]


def test_who_never_answers_is_not_to_go_round_for_ever():
    asks = asking("yes -> a", "no", hint="?", answer_within=DAY, default_answer="yes")
    sentence = "Without an answer, readers would come back here again and again: let it take one that leads out."
    assert found(text(label="a"), text(asks), text()) == [f"2: {sentence}"]
    assert found(text(asks, label="a"), text()) == [f"1: {sentence}"]


def test_what_is_used_has_to_be_kept_and_something_has_to_stand_for_it():
    asks = text(asking("anything", keeps="name"))
    assert found(asks, text(body="Hello {name}, {name|you} and {place|there}.")) == [
        "2: No text keeps an answer as “place”.",
        "2: Write what stands for {name} where a reader did not say: {name|friend}, for example.",
    ]


def test_a_text_has_to_have_room_for_the_longest_answer():
    assert text_problems(text(body="x" * 1560 + "{name|a}")) == []
    assert text_problems(text(body="x" * 1561 + "{name|a}"))[0].startswith("A text can have at most 1,600")


@pytest.mark.django_db
def test_the_obstacles_of_a_story_name_the_text():
    story = make_pier()
    assert obstacles(story, story.texts.order_by("position")) == []
    story.texts.filter(label="pier").update(label="quay")
    assert "Text 2: The answer “B” leads to “pier”, and no text is named so." in obstacles(
        story, story.texts.order_by("position")
    )
