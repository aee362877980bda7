"""The ways through a story, and the lines in which answers are written."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from stories.branches import END, Branches
from stories.turns import Choice, Follows, Turn, choices_in_words, parse_choices, parse_name

from .factory import asking


@dataclass
class Text:
    label: str = ""
    turn: Turn = field(default_factory=Turn)


def lead(name: str) -> Turn:
    return Turn(Follows.LEAD, leads_to=name)


ENDS = Turn(Follows.END)
FORK = [
    Text(),
    Text("ask", asking("A -> left", "B -> right")),
    Text("left"),
    Text("", ENDS),
    Text("right"),
    Text(),
    Text("", asking("again -> ask", "go on")),
    Text(),
]


def test_each_text_leads_to_the_next_to_a_named_one_by_an_answer_or_to_an_end():
    found = [[(lead.to, lead.choice and lead.choice.name) for lead in leads] for leads in Branches(FORK).leads]
    assert found[1:4] == [[(2, "A"), (4, "B")], [(3, None)], [(END, None)]]
    assert found[6:] == [[(1, "again"), (7, "go on")], [(END, None)]]


def test_a_name_that_no_text_has_leads_to_the_next_and_is_known_to_be_missing():
    [[broken], _] = Branches([Text("", lead("nowhere")), Text()]).leads
    assert (broken.to, broken.missing) == (1, "nowhere")


def test_loops_are_the_ways_back():
    assert Branches(FORK).loops() == [(6, 1)]
    assert Branches([Text(), Text("a", lead("a"))]).loops() == [(1, 1)]
    assert Branches([Text()] * 500).loops() == []


def test_texts_that_nothing_leads_to_and_texts_that_never_end_are_found():
    texts = [Text("", lead("c")), Text(), Text("c", lead("d")), Text("d", lead("c")), Text()]
    assert Branches(texts).unreachable() == [1, 4]
    assert Branches(texts).endless() == [0, 1, 2, 3]
    assert Branches(FORK).unreachable() == Branches(FORK).endless() == []
    assert Branches([]).unreachable() == Branches([]).endless() == []


def test_the_shortest_and_the_longest_way_lead_nowhere_twice():
    ways = Branches(FORK)
    assert ways.way(lambda place: 1) == [0, 1, 2, 3]
    assert ways.way(lambda place: 1, most=True) == [0, 1, 4, 5, 6, 7]
    assert ways.way(lambda place: 1, most=True, start=4) == [4, 5, 6, 7]
    assert Branches([Text()] * 1000).way(lambda place: 1, most=True) == list(range(1000))
    assert Branches([]).way(lambda place: 1) == []
    assert Branches([Text("a", lead("a"))]).way(lambda place: 1) == []


def test_a_story_is_straight_whatever_it_asks_as_long_as_nothing_leads_elsewhere():
    assert Branches([Text(), Text("", asking("anything", keeps="name")), Text()]).is_straight
    assert not Branches(FORK).is_straight
    assert not Branches([Text("", ENDS), Text()]).is_straight


@pytest.mark.parametrize(
    ("line", "choice"),
    [
        ("A, board -> ship", Choice(("A", "board"), "ship")),
        ("  go   aboard→The  Ship ", Choice(("go aboard",), "the ship")),
        ("A, A –> ship", Choice(("A",), "ship")),
        ("stay", Choice(("stay",))),
        ("stay -> next", Choice(("stay",))),
        ("Anything", Choice(("anything",))),
    ],
)
def test_an_answer_is_written_in_a_line(line, choice):
    assert Choice.parse(line) == choice
    assert Choice.parse(str(choice)) == choice


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("-> ship", "has no answer before the arrow"),
        ("?! -> ship", "neither a letter nor a digit"),
        ("A, anything -> ship", "“anything” stands on a line by itself"),
        ("A -> end", "Let it lead to one that ends the story."),
        ("A -> sh#p", "cannot name a text"),
        ("A -> " + "x" * 31, "at most 30 characters"),
        ("x" * 41, "at most 40 characters"),
    ],
)
def test_a_line_that_is_no_answer_says_why(line, sentence):
    with pytest.raises(ValidationError, match=sentence):
        parse_choices(f"B\n\n{line}")


def test_all_lines_of_answers_are_read_and_written():
    choices = parse_choices("A, board -> ship\r\n\r\n  anything\n")
    assert choices_in_words(choices) == "A, board -> ship\nanything"
    assert parse_name(" The  Ship ") == "the ship"


def test_the_default_is_one_of_the_answers_and_taken_after_a_time():
    choices = ("A", "B, stay")
    assert asking(*choices, default_answer="Stay!", answer_within=timedelta(days=1)).default.name == "B"
    assert asking(*choices, default_answer="stay").default is None
    assert asking(*choices, default_answer="C", answer_within=timedelta(days=1)).default is None


def test_what_has_no_meaning_any_more_is_left_out():
    asks = asking("A", "B", hint="A or B?", leads_to="ship")
    assert asks.cleaned() == asking("A", "B", hint="A or B?")
    assert Turn(Follows.NEXT, leads_to="ship", choices=asks.choices, hint="A or B?").cleaned() == Turn()
    assert lead("ship").cleaned() == lead("ship")
