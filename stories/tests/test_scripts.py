"""Scripts and tables: what they say is read, and what is written is read back the same."""

import random
import re
from datetime import time, timedelta

import pytest

from stories.models import StoryText
from stories.scripts.drafts import StoryDraft, TextDraft, draft_of
from stories.scripts.files import read_story
from stories.scripts.script import divide, read_script, write_script
from stories.scripts.table import read_table, write_table
from stories.turns import Follows, Turn
from stories.waits import Wait

from .factory import asking, make_pier, make_story

SCRIPT = """\
---
title: The Ferry: a story
keyword: FERRY
slug: the-ferry
status: draft
weight: 1
summary: Every evening a ferry stops here.
  Nobody knows why.
---

The ferry leaves at eight. Reply STOP to end.

=== 2 hours ===

![A ferry, in fog](https://example.org/ferry.jpg)

It is late.

You can hear it before you see it.

=== next day at 8:00 ===

There.
"""


def bodies(draft: StoryDraft) -> list[str]:
    return [text.body for text in draft.texts]


def problems(source: str) -> list[str]:
    return [str(problem) for problem in sorted(read_story(source).problems)]


def test_a_script_says_what_a_story_is():
    draft = read_script(SCRIPT)
    assert draft.problems == []
    assert draft.fields == {
        "title": "The Ferry: a story",
        "keyword": "FERRY",
        "slug": "the-ferry",
        "status": "draft",
        "weight": "1",
        "summary": "Every evening a ferry stops here.\nNobody knows why.",
    }
    assert draft.texts == [
        TextDraft("The ferry leaves at eight. Reply STOP to end."),
        TextDraft(
            "It is late.\n\nYou can hear it before you see it.",
            Wait(timedelta(hours=2)),
            "https://example.org/ferry.jpg",
            "A ferry, in fog",
        ),
        TextDraft("There.", Wait(days=1, at=time(8))),
    ]


def test_a_script_that_is_written_as_scripts_are_comes_out_as_it_was():
    assert write_script(read_script(SCRIPT)) == SCRIPT


@pytest.mark.parametrize(
    "mangle",
    [
        lambda script: "\ufeff" + script,
        lambda script: script.replace("\n", "\r\n"),
        lambda script: script.replace("\n", "\r"),
        lambda script: re.sub(r"^(\w+: .*|---|===.*|!.*)$", r"\1 \t", script, flags=re.MULTILINE),
        lambda script: "\n\n" + script + "\n \n",
        lambda script: script.replace("===", "---"),
        lambda script: script.replace("===", "--").replace("---", "—-"),
        lambda script: script.replace("===", "—").replace("---", "—"),
        lambda script: script.replace("===", "–-").replace("---", "–-"),
        lambda script: script.replace("=== ", "  ==="),
        lambda script: script.replace(" ===", ""),
        lambda script: script.replace(" hours", "\u00a0HOURS"),
        lambda script: script.replace("title: ", "Title :  "),
        lambda script: script.replace("FERRY", "“FERRY”").replace("draft", '"draft"'),
        lambda script: script.replace("---\n", ""),
        lambda script: script.replace("---\n", "\n"),
        lambda script: script.replace("---\n", "", 1),
        lambda script: script.replace("\n\n![", "\n![").replace("jpg)\n\n", "jpg)\n"),
        lambda script: script.replace("\n  Nobody", "\n\tNobody"),
    ],
)
def test_what_editors_do_to_a_script_is_forgiven(mangle):
    draft = read_script(mangle(SCRIPT))
    assert draft.problems == []
    assert write_script(draft) == SCRIPT


@pytest.mark.parametrize(
    "line",
    [
        "— Yes, she said. No, he said.",
        "–5 degrees",
        "-5 degrees",
        "- a point",
        "a === b",
        "1 --- 2",
        "\\o/",
        "Title: none",
        "[a link](https://example.org)",
        "!(nothing)",
    ],
)
def test_a_line_that_only_looks_a_little_like_another_belongs_to_the_text(line):
    draft = read_script(f"One\n{line}\ntwo")
    assert draft.problems == []
    assert bodies(draft) == [f"One\n{line}\ntwo"]


def test_a_backslash_leaves_a_line_to_the_text():
    draft = read_script("One\n\\=== 2 hours ===\n  \\---\n\\\\![a](b.jpg)\ntwo")
    assert draft.problems == []
    assert bodies(draft) == ["One\n=== 2 hours ===\n  ---\n\\![a](b.jpg)\ntwo"]


def test_a_picture_may_stand_anywhere_in_its_text_and_leaves_no_hole():
    for script in ("![a](b.jpg)\n\nOne\n\ntwo", "One\n\n![a](b.jpg)\n\ntwo", "One\n\ntwo\n\n![a](b.jpg)"):
        assert read_script(script).texts == [TextDraft("One\n\ntwo", picture="b.jpg", alt="a")]


@pytest.mark.parametrize(
    ("source", "sentences"),
    [
        ("One\n=== soon ===\ntwo", ["Line 2: “soon” is not understood"]),
        ("One\n===\ntwo", ["Line 2: Write in this line how long the next text waits: === 2 hours ==="]),
        ("One\n— — —\ntwo", ["Line 2: "]),
        ("One\n=== 1 hour ===\n\n=== 2 hours ===\ntwo", ["Line 2: There is no text below this line."]),
        ("One\n=== 1 hour ===\n", ["Line 2: There is no text below this line."]),
        ("See ![a](b.jpg) here", ["Line 1: A picture stands on a line of its own."]),
        ("![a](b.jpg)\n![c](d.jpg)", ["Line 2: A text can have one picture, and this is the second"]),
        ("![a]()", ["Line 1: Write the picture’s address"]),
        ("---\ntitle: A\n\nOne", ["Line 1: The lines about the story begin here"]),
        ("---\nauthor: A\ntitle B\n---\nOne", ["Line 2: “author” is not one of title", "Line 3: This line is not"]),
        ("---\ntitle: A\ntitle: B\n---\nOne", ["Line 3: The title stands already in line 2."]),
        (
            "One\n=== soon ===\ntwo\n=== later ===\n=== -1 hour ===\n![x](y) z",
            ["Line 2: “soon”", "Line 4: There is no", "Line 4: “later”", "Line 5: A text cannot", "Line 6: A picture"],
        ),
        ("text,wait,colour\nOne,,red", ["Row 1: A column is headed “colour”"]),
        ("wait;alt\n1 hour;x", ["Row 1: No column is headed “text”.", "Row 2: There is neither"]),
        ("text;text;wait\na;b;c", ["Row 1: More than one column is headed “text”.", "Row 2: “c”"]),
    ],
)
def test_problems_are_named_by_line_and_all_together(source, sentences):
    found = problems(source)
    assert len(found) == len(sentences)
    assert all(said.startswith(sentence) for said, sentence in zip(found, sentences, strict=True)), found


NASTY = [
    "===",
    "=== 2 hours ===",
    "\\=== 2 hours ===",
    "\\\\---",
    "---",
    "— — —",
    "—",
    "– right away –",
    "title: none",
    "![alt](pictures/a.jpg)",
    "\\![alt](b)",
    "a ![x](y) b",
    "",
    " ",
    "\t",
    "  indented",
    "trailing  ",
    "“curly” ‘quotes’ – — …",
    "a\u2028b",
    "a\x0bb\x0cc\x85d",
    "\\",
    "\\ \\ ---",
    '"',
    "'=1+1",
    "=1+1",
    "-5",
    "@here",
    "a;b,c\td",
    '"quoted", she said',
    "👩‍👩‍👧 é é",
    "\ufeffx",
    "'",
]
WAITS = [
    Wait(),
    Wait(timedelta(seconds=90)),
    Wait(timedelta(hours=2, minutes=30)),
    Wait(timedelta(days=1)),
    Wait(timedelta(milliseconds=500)),
    Wait(at=time(21, 7)),
    Wait(days=1, at=time(8)),
    Wait(timedelta(hours=2), at=time(8)),
    Wait(timedelta(days=2), at=time(0)),
]
PICTURES = ["", "", "https://example.org/a_(b).jpg", "https://example.org/a%20b.jpg?x=[1]&y=(2)"]
ALTS = ["A lamp", "a ] b [ c \\ d", "]( ", "![x](y)", ""]


def nasty_body(chance: random.Random) -> str:
    return "\n".join(chance.choice(NASTY) for _ in range(chance.randint(0, 6))).strip()


def nasty_texts(chance: random.Random) -> list[StoryText]:
    texts = []
    for position in range(1, chance.randint(2, 8)):
        text = StoryText(position=position, body=nasty_body(chance), media_url=chance.choice(PICTURES))
        text.wait, text.alt = chance.choice(WAITS), chance.choice(ALTS) if text.media_url else ""
        text.body = text.body or ("" if text.media_url else "x")
        texts.append(text)
    return texts


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(40))
def test_a_story_that_was_written_down_is_read_back_the_same(seed):
    chance = random.Random(seed)
    story = make_story(
        [],
        title=chance.choice(["A: b", '"Must," she said', "“Curly”", '"Whole"', '\\"x"', "— 2 —", "title: x"]),
        summary=chance.choice(["", "One.\n\nTwo: x\n  ---\n=== 2 hours ===\n\tthree", '"all"', "---", "a\n---\nb"]),
        keyword=chance.choice([None, f"WORD {seed}"]),
        weight=chance.choice([0, 1, 7]),
        number=chance.choice(["", "+14155550100", "54321"]),
        language=chance.choice(["", "pt-BR"]),
        closing=chance.choice(["", "Goodbye.\n\n  {offers}\n---\n* x", '"all"', "=1+1"]),
    )
    for text in nasty_texts(chance):
        text.story = story
        text.save()
    draft = draft_of(story)
    for write, read in ((write_script, read_script), (write_table, read_table)):
        back = read(write(draft))
        assert back.problems == []
        assert back.texts == draft.texts
        kept = {name: value for name, value in draft.fields.items() if value} if read is read_table else draft.fields
        assert back.fields == kept
        assert read_story(write(draft)) == back


@pytest.mark.parametrize("words", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", "'=1"])
def test_no_text_and_no_title_of_a_table_is_a_formula_and_each_is_read_as_it_was(words):
    table = write_table(StoryDraft({"title": words}, [TextDraft(words)]))
    assert f"'{words},".encode() in table.encode()
    back = read_table(table)
    assert (back.fields["title"], bodies(back)) == (words, [words])


@pytest.mark.parametrize(
    "words", ["Hello;=cmd|'/C calc'!A0", "Hello;\n=1+1", "Hello\n- one\n- two", "Hello\n'-1", "Hello\t@SUM(A1)"]
)
def test_no_part_of_a_text_is_a_formula_where_semicolons_part_cells_and_each_is_read_as_it_was(words):
    table = write_table(StoryDraft({}, [TextDraft(words)]))
    assert not re.search(r"[;\t\n][=+@-]", table)
    assert bodies(read_table(table)) == [words]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_columns_of_a_table_stand_in_any_order(delimiter):
    rows = [["Wait", "ALT", "text", "picture"], ["", "", "One", ""], ["2 hours", "A lamp", '"two\r\n\r\n2"', "a.jpg"]]
    table = "\r\n".join(delimiter.join(row) for row in rows)
    draft = read_story(table)
    assert draft.problems == []
    assert draft.texts == [TextDraft("One"), TextDraft("two\n\n2", Wait(timedelta(hours=2)), "a.jpg", "A lamp")]


def test_a_table_may_say_what_the_story_is_and_have_empty_rows():
    draft = read_story("text,title,keyword\nOne,The Bus,\n,,\ntwo,,bus\n")
    assert draft.fields == {"title": "The Bus", "keyword": "bus"}
    assert bodies(draft) == ["One", "two"]
    assert draft.problems == []


BRANCHING = """\
---
title: The Pier
---

Do you stay, {name|friend}?
Or go?

* A, go aboard -> the ship
* stay -> next
* anything -> next
* hint: A, or stay?
* keep: name
* after 2 days: stay

=== 2 hours ===

# the ship

![Fog](https://example.org/fog.jpg)

At sea.

-> end

=== right away ===

And? \\o/
\\# not a name
\\-> nor a way
\\* A -> nor an answer

* A -> the ship
* B -> next
* after 1 hour and 30 minutes, remind: Well: A, or B?

=== right away ===

On.

-> the ship
"""


def test_a_script_says_what_its_texts_ask_and_where_they_lead():
    draft = read_script(BRANCHING)
    assert draft.problems == []
    asks, ship, again, on = draft.texts
    assert (asks.body, asks.label) == ("Do you stay, {name|friend}?\nOr go?", "")
    choices = ["A, go aboard -> the ship", "stay", "anything"]
    assert asks.turn == asking(
        *choices, hint="A, or stay?", keeps="name", answer_within=timedelta(days=2), default_answer="stay"
    )
    assert (ship.label, ship.turn, ship.picture) == ("the ship", Turn(Follows.END), "https://example.org/fog.jpg")
    assert again.body == "And? \\o/\n# not a name\n-> nor a way\n* A -> nor an answer"
    assert again.turn.reminder == "Well: A, or B?"
    assert on.turn == Turn(Follows.LEAD, leads_to="the ship")


@pytest.mark.parametrize(
    "mangle",
    [
        lambda script: script,
        lambda script: re.sub(r"^\* ", "• ", script, flags=re.MULTILINE),
        lambda script: re.sub(r"^([^\\\n]*)->", r"\1→", script, flags=re.MULTILINE),
        lambda script: script.replace("# the ship", "#  The  Ship"),
        lambda script: script.replace("* A, go", "  *  A , go").replace("hint:", "Hint :"),
        lambda script: script.replace("\n\n* A, go", "\n* A, go"),
    ],
)
def test_a_script_that_asks_is_read_and_written_the_same(mangle):
    draft = read_script(mangle(BRANCHING))
    assert draft.problems == []
    assert write_script(draft) == BRANCHING
    table = write_table(draft)
    assert table.splitlines()[0].endswith("text,wait,picture,alt,name,then,title,keyword,slug,status,weight,summary")
    assert read_table(table).texts == draft.texts


@pytest.mark.django_db
def test_a_saved_story_that_asks_comes_out_of_both_formats_as_it_is():
    draft = draft_of(make_pier(answer_within=timedelta(days=1), reminder="Well?"))
    assert read_script(write_script(draft)) == draft
    assert read_table(write_table(draft)).texts == draft.texts


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("Words\n# one\n# two", "Line 3: A text has one name, and this one is “one” already."),
        ("Words\n# next", "Line 2: A text cannot be called “next”, which stands for the text after it."),
        ("Words\n-> one\n-> two", "Line 3: A text leads to one other, or waits for an answer."),
        ("Words\n-> one\n* A -> two", "Line 3: A text leads to another one, or waits for an answer."),
        ("Words\n* A -> one\n-> two", "Line 3: A text leads to one other"),
        ("Words\n* A -> b!", "Line 2: “b!” cannot name a text"),
        ("Words\n* ?? -> b", "Line 2: The answer “??” has neither a letter nor a digit"),
        ("Words\n* keep: my name", "Line 2: “my name” cannot be used in a text"),
        ("Words\n* keep: a\n* keep: b", "Line 3: A text has one name for the answer; this is the second."),
        ("Words\n* after noon: A", "Line 2: "),
        ("Words\n* after a while: A", "Line 2: "),
        ("Words\n* after 2 days: A\n* after 3 days, remind: Well?", "Line 3: An answer has one time"),
        ("# alone", "Line 1: There is no text here to which this could belong."),
    ],
)
def test_what_a_script_cannot_say_of_a_question_is_a_problem_of_its_line(lines, sentence):
    assert problems(lines)[0].startswith(sentence)


@pytest.mark.parametrize("line", ["* a point", "#hashtag", "#1", "*", "->", "a -> b", "* hint", "keep: it", "> quoted"])
def test_what_only_looks_a_little_like_a_question_is_a_text(line):
    assert bodies(read_script(f"Words\n{line}")) == [f"Words\n{line}"]


def test_a_cell_that_says_what_no_line_can_is_a_problem_of_its_row():
    assert problems("text,then\nWords,whatever\n") == [
        "Row 2: “whatever” is not understood; write “-> name” or “* answer -> name”."
    ]


ARTICLE = "One.\nStill one.\n\n\n![A pier](https://example.org/pier.jpg)\n\nTwo.\n \nThree.\n\n=== 1 day ===\n\nFour.\n"


@pytest.mark.parametrize("head", ["", "---\ntitle: The River\n---\n\n"])
def test_an_article_is_divided_where_no_wait_stands_yet(head):
    texts = read_script(divide(head + ARTICLE, "2 hours")).texts
    assert [text.body for text in texts] == ["One.\nStill one.", "Two.", "Three.", "Four."]
    hours = timedelta(hours=2)
    assert [text.wait for text in texts] == [Wait(), Wait(hours), Wait(hours), Wait(timedelta(days=1))]
    assert texts[1].picture == "https://example.org/pier.jpg"


def test_an_article_without_empty_lines_is_divided_by_its_lines_and_not_twice():
    once = divide("One.\r\nTwo.\r\nThree.", "1 hour")
    assert [text.body for text in read_script(once).texts] == ["One.", "Two.", "Three."]
    assert divide(once, "2 hours") == once
    assert divide("", "1 hour").strip() == ""
