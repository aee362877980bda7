"""Texts made plain, so that they cost less and say the same."""

import pytest

from stories.plain import EQUALS, GSM7_ALL, PLAIN
from stories.segments import count_segments, make_plain, measure, plain_equals
from stories.tests.test_segments import random_bodies


@pytest.mark.parametrize(
    ("body", "plain"),
    [
        ("“Don’t,” she said — ‘never’…", "\"Don't,\" she said - 'never'..."),
        ("«Oui», „ja“, 5′ 3″", '"Oui", "ja", 5\' 3"'),
        ("10\u00a0km\u202fand\u2003more\t!", "10 km and more !"),
        ("soft\u00adhyphen, zero\u200bwidth, \u202anumber\u202c\ufeff", "softhyphen, zerowidth, number"),
        ("one\u2028two\u2029three\vfour", "one\ntwo\nthree\nfour"),
        ("• first\n• second → third", "- first\n- second -> third"),
        ("ﬁne ﬂour, ĳs", "fine flour, ijs"),
        ("Ｆｕｌｌ　ｗｉｄｔｈ［１］", "Full width[1]"),
        ("𝐛𝐨𝐥𝐝 𝟚𝟘𝟚𝟞", "bold 2026"),
        ("cafe\u0301 u\u0308ber A\u030a", "café über Å"),
        ("3×4 − 2 ≥ 9 ± 1", "3x4 - 2 >= 9 +/- 1"),
        ("© 2026 Times™", "(c) 2026 Times(TM)"),
        ("`quoted´", "'quoted'"),
        ("a\u200db\ufe0e", "ab"),
        ("e\u200b\u0301", "é"),
        ("\ud83d\ude00…", "😀..."),
    ],
)
def test_what_a_word_processor_writes_gets_its_plain_equal(body, plain):
    assert make_plain(body) == plain


@pytest.mark.parametrize(
    "body", ["", "Plain: 5 € {now}~\r\n", "ç ł œ č Ω α", "20 °C, ½", "👩‍👩‍👧 ❤️ ™️ 1️⃣ ▪️ 🇩🇪", "می‌روم", "c\u0327"]
)
def test_words_signs_without_an_equal_and_emoji_stay(body):
    assert make_plain(body) == body
    assert plain_equals(body) == []


def test_the_page_can_tell_what_would_be_replaced_before_it_is():
    assert plain_equals("“A” — “b”\u200b…") == [
        ("“", "left double quotation mark", '"'),
        ("”", "right double quotation mark", '"'),
        ("—", "em dash", "-"),
        ("\u200b", "zero width space", ""),
        ("…", "horizontal ellipsis", "..."),
    ]


def test_one_segment_is_made_of_three():
    body = "“" + "a" * 155 + "”"
    assert (count_segments(body), count_segments(make_plain(body))) == (3, 1)


def test_an_ellipsis_stays_where_three_dots_would_cost_another_segment():
    body = "😀" + "a" * 66 + "’…"
    assert make_plain(body) == "😀" + "a" * 66 + "'…"
    assert [replacement.character for replacement in plain_equals(body)] == ["’"]


def test_making_plain_twice_does_no_more_and_never_costs_more():
    for body in random_bodies(500, seed=5):
        body = body.replace("a", "…", 3)
        plain = make_plain(body)
        assert make_plain(plain) == plain, ascii(body)
        assert count_segments(plain) <= count_segments(body), ascii(body)
        assert {culprit.character for culprit in measure(plain).culprits}.isdisjoint(
            replacement.character for replacement in plain_equals(body)
        )


def test_every_equal_is_plain_and_each_character_has_one():
    assert all(GSM7_ALL.issuperset(plain) for plain in PLAIN.values())
    assert GSM7_ALL.isdisjoint(PLAIN)
    listed = "".join(EQUALS.values())
    assert len(set(listed)) == len(listed)
