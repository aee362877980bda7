"""What readers' answers mean, and what is kept of them."""

import pytest

from stories.answers import kept_words, match
from stories.placeholders import filled, longest, names_used, names_without_words
from stories.turns import Choice

CHOICES = [Choice(("A", "board", "go aboard")), Choice(("B", "stay")), Choice(("1", "Überfahrt"))]


@pytest.mark.parametrize("body", ["A", "a", " a. ", "a)", "(A)", "A!", "board", "BOARD!!", "Bóard", "go  aboard"])
@pytest.mark.parametrize("around", ["{}", "\u200b{}", "“{}”"])
def test_the_words_of_an_answer_are_known_however_they_are_typed(body, around):
    assert match(CHOICES, around.format(body)) is CHOICES[0]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("b) please", "B"),
        ("B: stay", "B"),
        ("I'd go aboard, of course", "A"),
        ("I think I stay", "B"),
        ("goaboard", "A"),
        ("baord", "A"),
        ("borad", "A"),
        ("boad", "A"),
        ("boardd", "A"),
        ("uberfahrt", "1"),
        ("ÜBERFAHRT", "1"),
        ("1️⃣", "1"),
        ("１", "1"),
        # A letter is not looked for in a sentence, nor guessed.
        ("a boat, please", None),
        ("A or B", None),
        ("board or stay", None),
        ("don't board", None),
        ("I won’t stay", None),
        ("sta", None),
        ("C", None),
        ("AB", None),
        ("", None),
        ("🤷", None),
        ("I would rather not say whether I want to board or anything of the kind", None),
    ],
)
def test_an_answer_is_one_choice_or_none(body, name):
    found = match(CHOICES, body)
    assert (found and found.name) == name


def test_a_choice_that_takes_anything_takes_what_no_other_does():
    anything = Choice(("anything",))
    choices = [*CHOICES, anything]
    assert match(choices, "stay") is CHOICES[1]
    assert match(choices, "board or stay") is None
    assert match(choices, "Marta, why?") is anything
    assert match(choices, "🚢") is anything
    assert match(choices, " \u200b \n") is None
    assert match([anything], "anything at all") is anything


def test_what_is_kept_is_one_short_line():
    assert kept_words("  Marta\n of the\u200b  pier ") == "Marta of the pier"
    assert kept_words("x" * 500) == "x" * 40


@pytest.mark.parametrize(
    ("body", "kept", "words"),
    [
        ("Hello {name|friend}!", {"name": "Marta"}, "Hello Marta!"),
        ("Hello { Name | my friend }!", {}, "Hello my friend!"),
        ("{name|a} {name|b} {place|c}", {"name": "M"}, "M M c"),
        ("{name|a}", {"name": "{name|x}"}, "{name|x}"),
        ("{name} {a b|c} {|d} {}", {"name": "M"}, "{name} {a b|c} {|d} {}"),
    ],
)
def test_a_later_text_says_what_was_kept_or_what_stands_for_it(body, kept, words):
    assert filled(body, kept) == words


def test_what_a_text_wants_to_have_been_kept_is_known():
    body = "{name|friend} {Place|here} {name|you} {way|} {sea}"
    assert list(names_used(body)) == ["name", "place", "way"]
    assert list(names_without_words(body)) == ["way", "sea"]
    assert longest("{name|friend}!") == "x" * 40 + "!"
