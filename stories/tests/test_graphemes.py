"""Where a character ends, and what it is called."""

import pytest

from stories.graphemes import clusters, in_words


@pytest.mark.parametrize(
    "parts",
    [
        ["a", "b"],
        ["e\u0301", "a"],
        ["👩‍👩‍👧", "👋🏽", "☝️🏽", "🇩🇪", "🇫🇷", "🇺"],
        ["\u1112\u1161\u11ab", "각", "ᄀ"],
        ["क्", "षि"],
        ["a", "\r", "\n", "\u0301\u0301", "b"],
        # Twilio's ways: a younger emoji falls apart, and so does a flag under its second mark.
        ["🧑‍", "🦰"],
        ["🇩🇪\u0301", "\u0301"],
    ],
)
def test_characters_end_where_twilios_calculator_ends_them(parts):
    assert clusters("".join(parts)) == parts


@pytest.mark.parametrize(
    ("character", "words"),
    [
        ("“", "left double quotation mark"),
        ("\u00a0", "no-break space"),
        ("\t", "tab"),
        ("\x85", "next line"),
        ("ç", "small letter c with cedilla"),
        ("e\u0301", "small letter e, combining acute accent"),
        ("❤️", "heavy black heart"),
        ("🇩🇪", "flag DE"),
        ("\u200d", "zero width joiner"),
        ("\x01", "character U+0001"),
        ("\ud83d", "character U+D83D"),
    ],
)
def test_a_character_is_named_in_words(character, words):
    assert in_words(character) == words
