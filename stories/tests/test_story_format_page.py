"""The page that explains the format of scripts: what it shows can be imported, and does what it says."""

import csv
import re
from datetime import time, timedelta
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command

from stories.models import Story, StoryText
from stories.scripts.drafts import STORY_FIELDS, TextDraft, draft_of
from stories.scripts.files import read_story
from stories.scripts.script import read_script, write_script
from stories.scripts.table import COLUMNS
from stories.scripts.turns import is_turn
from stories.turn_problems import turn_problems

from .pictures import make_picture

PAGE = (settings.BASE_DIR / "docs" / "story-format.md").read_text(encoding="utf-8")
EXAMPLE = re.search(r"^```text\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[1]


def table_below(heading: str) -> list[list[str]]:
    """Return the cells of the page's first table below this heading."""
    rows = re.findall(r"^\|(.*)\|$", PAGE.partition(heading)[2].partition("\n## ")[0], re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in rows if not row.startswith(" ---")]


@pytest.mark.django_db
def test_the_example_is_imported_and_comes_out_the_same(tmp_path):
    (tmp_path / "ferry.txt").write_text(EXAMPLE, encoding="utf-8")
    (tmp_path / "pier.jpg").write_bytes(make_picture("JPEG"))
    call_command("importstory", str(tmp_path / "ferry.txt"), stdout=StringIO())
    story = Story.objects.get()
    assert story.title == "The Last Ferry: three evenings at a pier"
    texts = list(story.texts.order_by("position"))
    assert [text.wait.delay for text in texts] == [
        timedelta(0),
        timedelta(hours=2),
        timedelta(minutes=3),
        timedelta(0),
    ]
    assert (texts[3].wait.days, texts[3].wait.at) == (1, time(18, 30))
    assert texts[1].alt == "The pier of Halmey in fog, one lamp burning"
    assert texts[3].body.endswith("\n=== CLOSED UNTIL WE RETURN ===")
    written = write_script(draft_of(story))
    assert write_script(read_script(written)) == written
    said = "slug: the-last-ferry-three-evenings-at-a-pier\nstatus: draft\nweight: 1\n"
    assert written == EXAMPLE.replace("pier.jpg", texts[1].media.name).replace("summary:", f"{said}summary:")


def test_the_example_that_asks_could_be_published_and_each_line_that_is_explained_is_one():
    page = PAGE.partition("## Questions and ways")[2]
    draft = read_script(re.search(r"^```text\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)[1])
    assert draft.problems == []
    assert write_script(read_script(write_script(draft))) == write_script(draft)
    assert turn_problems([text_of(said) for said in draft.texts]) == [[]] * len(draft.texts)
    lines = [cells[0].strip("`") for cells in table_below("## Questions and ways")[1:]]
    assert len(lines) == 10
    assert all(is_turn(line) for line in lines)


def text_of(said: TextDraft) -> StoryText:
    text = StoryText(body=said.body, label=said.label)
    text.turn = said.turn
    return text


def test_the_example_table_is_read():
    file = StringIO()
    csv.writer(file).writerows(table_below("## A table from a spreadsheet"))
    draft = read_story(file.getvalue())
    assert draft.problems == []
    assert [text.wait.delay for text in draft.texts] == [timedelta(0), timedelta(hours=2)]
    assert draft.texts[1].picture == "pier.jpg"


def test_every_field_and_every_column_is_explained():
    assert [cells[0] for cells in table_below("## The lines about the story")[1:]] == [
        f"`{name}`" for name in STORY_FIELDS
    ]
    assert all(f"`{name}`" in PAGE.partition("## A table from")[2] for name in COLUMNS)


def test_what_the_page_calls_a_wait_is_one():
    said = re.findall(r"`((?:===|---|—|–-) [a-z0-9: ]+ (?:===|---|—|–-))`", PAGE)
    assert len(said) >= 6
    for line in said:
        assert read_script(f"One\n{line}\ntwo").problems == []


def test_the_page_of_the_import_shows_an_example_that_is_a_story():
    template = settings.BASE_DIR / "stories" / "templates" / "admin" / "stories" / "story" / "import.html"
    example = re.search(r'<pre class="format__example">(.*?)</pre>', template.read_text(), re.DOTALL)[1]
    draft = read_script(example)
    assert draft.problems == []
    assert len(draft.texts) == 3
