"""How texts are cut into segments, at the edges where a division would be wrong."""

import json
import random
from pathlib import Path

import pytest

from stories.segments import count_segments, measure

# Twilio's own figures; make_segments_cases.mjs writes them.
CASES = json.loads(Path(__file__).with_name("segments_cases.json").read_text())
FIGURES = ["encoding", "characters", "units", "segments", "room_left"]
# What makes cutting hard: pieces that cost two, that belong together, that no longer do, and halves of one.
PIECES = [
    *(
        "a",
        "a",
        "a",
        "é",
        " ",
        "\r\n",
        "\n",
        "€",
        "{",
        "\f",
        "“",
        "ç",
        "\u00a0",
        "\u200b",
        "\u0301",
        "\u200d",
        "\ufe0f",
    ),
    *(
        "😀",
        "👩‍👩‍👧",
        "👋🏽",
        "🏳️‍🌈",
        "🧑‍🦰",
        "🇩🇪",
        "🇩",
        "1️⃣",
        "각",
        "\u1112\u1161\u11ab",
        "क्षि",
        "\u0600",
        "\ud83d",
        "\ude00",
    ),
]
LENGTHS = [0, 1, 66, 67, 68, 69, 70, 71, 133, 134, 135, 152, 153, 154, 159, 160, 161, 305, 306, 307]


def random_bodies(count: int, seed: int):
    """Yield texts as nasty as the pieces allow, each of a few kinds of them, about as long as segments are."""
    chance = random.Random(seed)
    for _ in range(count):
        pieces = chance.sample(PIECES, chance.randint(1, 6))
        length = chance.choice(LENGTHS)
        yield ("a" * chance.randint(0, length) + "".join(chance.choices(pieces, k=length)))[:length]


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 80 + "a", 2),
        # 152 septets, then an escaped character that does not fit into the one that is left.
        ("a" * 152 + "€" + "a" * 151, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("é" * 160, 1),
        ("“" * 70, 1),
        ("“" * 71, 2),
        ("“" * 134, 2),
        ("“" * 135, 3),
        # A curly quote makes everything UCS-2, so the surrogate pair may not straddle unit 67.
        ("“" * 66 + "😀" + "“" * 65, 2),
        ("“" * 66 + "😀" + "“" * 66, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 67, 3),
        ("ç", 1),
        ("ç" * 71, 2),
        ("`" * 71, 2),
        ("\f" * 80, 1),
        ("\f" * 81, 2),
        ("line\r\n" * 26, 1),
    ],
)
def test_segments_are_cut_where_carriers_cut(body, segments):
    assert count_segments(body) == segments


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_every_figure_is_the_one_of_twilios_calculator(case):
    body = "".join(piece * times for piece, times in case["body"])
    measured = measure(body)
    assert {figure: getattr(measured, figure) for figure in FIGURES} == {figure: case[figure] for figure in FIGURES}
    assert [culprit.character for culprit in measured.culprits] == case["culprits"]
    assert count_segments(body) == case["segments"]


def test_there_are_cases_of_both_encodings_and_of_several_segments():
    assert len(CASES) >= 150
    assert {(case["encoding"], min(case["segments"], 3)) for case in CASES} == {
        (encoding, segments) for encoding in ("GSM-7", "UCS-2") for segments in (1, 2, 3)
    }


def test_the_fast_count_agrees_with_the_whole_measurement():
    for body in random_bodies(2000, seed=4):
        assert count_segments(body) == measure(body).segments, ascii(body)


def test_a_plain_text_has_no_culprit_and_its_escaped_characters_cost_two():
    measured = measure("It costs 5 € {today}.")
    assert (measured.encoding, measured.characters, measured.culprits) == ("GSM-7", 24, ())


def test_each_culprit_is_named_once_with_its_place_and_what_could_stand_for_it():
    culprits = measure("He said “no” — and “no” again, façade 👩‍👩‍👧.").culprits
    assert [(culprit.character, culprit.index, culprit.name, culprit.plain) for culprit in culprits] == [
        ("“", 8, "left double quotation mark", '"'),
        ("”", 11, "right double quotation mark", '"'),
        ("—", 13, "em dash", "-"),
        ("ç", 33, "small letter c with cedilla", None),
        ("👩‍👩‍👧", 38, "woman, woman, girl", None),
    ]


def test_the_rest_of_the_last_segment_is_told():
    assert [measure("a" * length).room_left for length in (0, 159, 160, 161, 306)] == [160, 1, 0, 145, 0]
    assert [measure("“" * length).room_left for length in (1, 70, 71, 134)] == [69, 0, 63, 0]
