"""Bringing scripts into the database: new stories, and present ones, whose texts keep their rows."""

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.models import OrmQ

from stories.media import phone_picture
from stories.models import Story, StoryText
from stories.sample import load_sample_story
from stories.scripts.drafts import ScriptError, draft_of
from stories.scripts.files import read_story, source_of
from stories.scripts.importing import import_story, plan_import
from stories.scripts.matching import match, moved
from stories.scripts.pictures import Pictures
from stories.scripts.script import write_script
from stories.scripts.table import write_table

from .factory import make_story
from .picture_server import Answer, PictureServer
from .pictures import make_picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def story() -> Story:
    bodies = ["The first one of all.", "Then a second comes.", "Here is number three.", "And at last the fourth."]
    return make_story([(body, 60) for body in bodies], title="The River", slug="river", keyword="river")


def script_of(*texts: str, wait: str = "1 minute", **fields: str) -> str:
    head = "\n".join(f"{name}: {value}" for name, value in ({"title": "The River", "slug": "river"} | fields).items())
    return f"---\n{head}\n---\n=== {wait} ===\n" + f"\n=== {wait} ===\n".join(texts)


def bring(source: str, folder: Path | None = None, title: str = ""):
    draft = read_story(source)
    return import_story(draft, Pictures(draft, folder), timezone.now(), title)


def is_new(source: str) -> bool:
    draft = read_story(source)
    return plan_import(draft, Pictures(draft)).is_new


def rows(story: Story) -> list[tuple[int, str]]:
    texts = list(story.texts.order_by("position"))
    assert [text.position for text in texts] == list(range(1, len(texts) + 1))
    return [(text.pk, text.body) for text in texts]


def kinds(plan) -> list[str]:
    return [change.kind for change in plan.texts]


def give_picture(text: StoryText) -> str:
    """Upload a picture to this text; return the name under which it is kept."""
    text.media = phone_picture(ContentFile(make_picture(), "x.png"))
    text.save()
    return text.media.name


def test_a_script_becomes_a_new_story():
    plan = bring(script_of("One. Reply STOP to end.", "two", keyword="fluß", status="published", summary="Why?"))
    assert plan.is_new
    assert kinds(plan) == ["new", "new"]
    story = Story.objects.readable().get()
    assert (story.title, story.slug, story.keyword, story.summary) == ("The River", "river", "FLUSS", "Why?")
    assert [body for _, body in rows(story)] == ["One. Reply STOP to end.", "two"]
    assert OrmQ.objects.count() == 0


@pytest.mark.parametrize("suffix", ["txt", "csv"])
def test_quiet_hours_travel_in_a_file_and_move_those_who_wait(story, suffix):
    bring(script_of(*(body for _, body in rows(story)), status="draft", quiet="from 10 pm until 7 am"))
    assert OrmQ.objects.count() == 1
    story.refresh_from_db()
    assert story.quiet == "22:00 to 7:00"
    written = (write_table if suffix == "csv" else write_script)(draft_of(story))
    assert not bring(written).fields
    story.delete()
    bring(written)
    assert Story.objects.get().quiet == "22:00 to 7:00"
    bring(script_of("Hello.", quiet=""))
    assert Story.objects.get().quiet == ""


def test_quiet_hours_that_are_none_are_refused_in_their_line(story):
    with pytest.raises(ScriptError, match="Line 4: “at night” is not understood; write quiet hours as"):
        bring(script_of("Hello.", quiet="at night"))


@pytest.mark.parametrize("make", [lambda: load_sample_story(), lambda: make_story([("a", 0)] * 5, status="archived")])
def test_importing_what_was_exported_changes_nothing(make):
    story = make()
    before = rows(story), story.updated_at
    plan = bring(write_script(draft_of(story)))
    assert plan.changes_nothing
    story.refresh_from_db()
    assert (rows(story), story.updated_at, story.reordered_at) == (*before, None)
    assert Story.objects.count() == 1
    assert OrmQ.objects.count() == 0


def test_a_story_without_a_slug_is_found_by_its_title(story):
    assert not is_new("---\ntitle: River\n---\nOne")
    assert is_new("---\ntitle: Rivers\n---\nOne")
    Story.objects.create(title="東京物語", slug="story")
    assert not is_new("---\ntitle: 東京物語\n---\nOne")
    assert is_new("---\ntitle: 東京\n---\nOne")


def test_what_a_file_does_not_say_stays_as_it_is(story):
    plan = bring(script_of("One", title="The Creek"))
    story.refresh_from_db()
    assert (story.title, story.keyword, story.status) == ("The Creek", "RIVER", "published")
    assert [(change.name, change.before, change.after) for change in plan.fields] == [
        ("title", "The River", "The Creek")
    ]
    bring("---\nslug: river\nkeyword:\n---\nOne")
    story.refresh_from_db()
    assert (story.title, story.keyword) == ("The Creek", None)


@pytest.mark.parametrize("written", [write_script, write_table])
def test_the_number_the_language_and_the_closing_text_come_with_the_story(written):
    said = {"number": "+14155550100", "language": "de", "closing": "Ende.\n\n{offers}"}
    file = written(draft_of(make_story([("One. Reply STOP to end.", 0)], **said)))
    Story.objects.all().delete()
    bring(file)
    again = Story.objects.get()
    assert {name: getattr(again, name) for name in said} == said
    assert written(draft_of(again)) == file


def test_a_file_takes_the_number_the_language_and_the_closing_text_away_by_naming_them_alone():
    story = make_story([("One. Reply STOP to end.", 0)], number="54321", language="de", closing="Goodbye.")
    script = write_script(draft_of(story))
    for name in ("number", "language", "closing"):
        script = script.replace(f"{name}: {getattr(story, name)}", f"{name}:")
    bring(script)
    story.refresh_from_db()
    assert (story.number, story.language, story.closing) == ("", "", "")


def test_a_file_brings_in_no_closing_text_that_the_page_would_refuse():
    script = write_script(draft_of(make_story(status="draft")))
    script = script.replace("summary:", "number: 1\nclosing: {offer}\nsummary:")
    with pytest.raises(ScriptError) as refused:
        bring(script)
    assert [problem.line for problem in refused.value.problems] == [7, 8]


def test_each_text_keeps_its_row_through_correction_moving_and_insertion(story):
    (a, one), (b, _), (c, three), (d, four) = rows(story)
    plan = bring(script_of(four, one, "Something else entirely", "Then a 2nd comes along.", three))
    assert kinds(plan) == ["moved", "unchanged", "new", "changed", "unchanged"]
    assert [pk for pk, _ in rows(story)] == [d, a, plan.texts[2].text.pk, b, c]
    assert plan.summary == "1 new, 1 changed, 1 moved, 2 unchanged"


def test_only_what_is_gone_is_deleted(story):
    (a, one), _, (c, three), (d, four) = rows(story)
    plan = bring(script_of(one, three, four))
    assert [text.body for text in plan.gone] == ["Then a second comes."]
    assert rows(story) == [(a, one), (c, three), (d, four)]
    assert plan.summary == "1 removed, 3 unchanged"


def test_a_text_that_was_written_in_place_of_another_takes_its_row(story):
    (a, one), (b, _), (c, three), (d, four) = rows(story)
    bring(script_of(one, "Nothing of it is left!", three, four))
    assert rows(story) == [(a, one), (b, "Nothing of it is left!"), (c, three), (d, four)]


def test_a_changed_wait_changes_the_text_alone(story):
    before = rows(story)
    plan = bring(script_of(*[body for _, body in before], wait="2 hours"))
    assert kinds(plan) == ["changed"] * 4
    assert rows(story) == before
    assert set(story.texts.values_list("delay", flat=True)) == {timedelta(hours=2)}
    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize(
    ("old", "new", "places"),
    [
        ("abc", "abc", [0, 1, 2]),
        ("abc", "cab", [2, 0, 1]),
        ("aba", "aab", [2, 0, 1]),
        ("", "ab", [None, None]),
        ("ab", "", []),
        ("abc", "axc", [0, 1, 2]),
        ("abc", "axyc", [0, 1, None, 2]),
        ("ab", "xab", [None, 0, 1]),
        ("abcd", "xd", [0, 3]),
    ],
)
def test_texts_are_matched(old, new, places):
    found = match([(letter, "") for letter in old], [(letter, "") for letter in new])
    assert found == places


def test_a_corrected_text_is_found_though_others_were_written_before_it():
    old = [("It begins.", ""), ("The water rises by the hour.", ""), ("It ends.", "")]
    new = [("It begins.", ""), ("Rain, since noon.", ""), ("The water rises every hour.", ""), ("It ends.", "")]
    assert match(old, new) == [0, None, 1, 2]


def test_as_few_texts_as_can_be_count_as_moved():
    assert moved([0, 1, 2, 3]) == set()
    assert moved([3, 0, 1, 2]) == {3}
    assert moved([1, 2, 3, 0]) == {0}
    assert len(moved([3, 2, 1, 0])) == 3
    assert moved([]) == set()


def test_problems_of_the_words_and_of_the_rules_are_told_together_and_nothing_is_saved(story):
    make_story(keyword="taken")
    source = "---\ntitle: The River\nslug: river\nkeyword: taken\nstatus: live\nweight: many\n---\n"
    source += "One\n=== soon ===\n![x](lamp.jpg)\n\n=== 1 hour ===\n![x](ftp://example.org/a.jpg)\n"
    before = rows(story)
    with pytest.raises(ScriptError) as caught:
        bring(source)
    assert [str(problem).partition(" ")[2][:44] for problem in caught.value.problems] == [
        "4: Another story already has this keyword.",
        "5: The status is one of draft, published, ar",
        "6: weight: Enter a whole number.",
        "9: “soon” is not understood; write a wait su",
        "10: This story has no picture “lamp.jpg”. Wr",
        "13: A picture's link begins with https:// or",
    ]
    assert rows(story) == before


def test_a_published_story_needs_a_text(story):
    with pytest.raises(ScriptError, match=r"Line 1: It cannot be published yet\. There is no text yet"):
        bring("---\nslug: river\n---\n")
    assert story.texts.count() == 4


def test_a_story_has_no_more_texts_than_its_page_can_show():
    with pytest.raises(ScriptError, match="Line 2006: A story can have 1,000 texts"):
        bring(script_of(*["x"] * 1001))


def test_what_keeps_a_story_from_being_published_is_told_at_its_text():
    with pytest.raises(ScriptError) as caught:
        bring(script_of("One", "x" * 1601, status="published", keyword="river"))
    assert [str(problem) for problem in caught.value.problems] == [
        "Line 4: It cannot be published yet. The first text does not say how to stop. Add a sentence such as “Reply "
        "STOP to end.”",
        "Line 10: A text can have at most 1,600 characters; this one has 1,601. Divide it.",
    ]
    assert bring(script_of("One", "x" * 1601, status="draft")).saved


def test_a_new_story_needs_a_title():
    with pytest.raises(ScriptError, match="Line 1: The story has no title"):
        bring("One")
    assert bring("One", title="One text").story.slug == "one-text"


def test_a_picture_beside_the_script_is_uploaded_once(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "lamp.png").write_bytes(make_picture())
    script = script_of("![A lamp](lamp.png)\n\nLook.")
    story = bring(script, folder=tmp_path).story
    text = story.texts.get()
    assert text.media.name.endswith(".png")
    assert text.alt == "A lamp"
    assert bring(script, folder=tmp_path).changes_nothing
    (tmp_path / "lamp.png").write_bytes(make_picture(colour="blue"))
    assert kinds(bring(script, folder=tmp_path)) == ["changed"]
    assert story.texts.get().media.name != text.media.name
    assert story.texts.get().pk == text.pk


def test_a_picture_is_looked_for_nowhere_else(tmp_path):
    (tmp_path / "secret.png").write_bytes(make_picture())
    (tmp_path / "scripts").mkdir()
    with pytest.raises(ScriptError, match=r"no file “\.\./secret.png”"):
        bring(script_of("![x](../secret.png)"), folder=tmp_path / "scripts")
    with pytest.raises(ScriptError, match="no file"):
        bring(script_of(f"![x]({tmp_path}/secret.png)"), folder=tmp_path / "scripts")


def test_a_file_that_is_no_picture_is_a_problem(tmp_path):
    (tmp_path / "lamp.png").write_text("none")
    with pytest.raises(ScriptError, match=r"Line 6: lamp\.png: This file is not a JPEG, PNG or GIF picture"):
        bring(script_of("![x](lamp.png)"), folder=tmp_path)


def test_a_new_link_is_looked_at_once_and_refused_by_its_line(settings):
    with PictureServer() as server:
        settings.LINKS_MAY_ALSO_REACH = {("127.0.0.1", server.port)}
        good, bad = server.link("/lamp.png", Answer(make_picture())), server.link("/page", Answer(b"<html>"))
        with pytest.raises(ScriptError, match="Line 9: ") as caught:
            bring(script_of(f"![x]({good})", f"One\n![x]({bad})"))
        assert len(caught.value.problems) == 1
        story = bring(script_of(f"![x]({good})")).story
        assert story.texts.get().media_url == good
        server.asked.clear()
        assert bring(script_of(f"![x]({good})")).changes_nothing
        assert server.asked == []


def test_an_uploaded_picture_stays_and_can_be_given_to_another_text(story):
    first, second = story.texts.order_by("position")[:2]
    name = give_picture(first)
    script = write_script(draft_of(story))
    assert f"![]({name})" in script
    lines = script.replace(f"![]({name})\n\n", "").replace(
        second.body, f"![]({name.rpartition('/')[2]})\n{second.body}"
    )
    bring(lines)
    assert [text.media.name for text in story.texts.order_by("position")] == ["", name, "", ""]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PK\x03\x04 a .docx", "Save it as plain text"),
        (b"{\\rtf1 words", "formatted text"),
        (b"%PDF-1.7", "This is a PDF"),
        (b"a\0b", "This file is no text."),
        (b"x" * 2_000_001, "too large"),
    ],
)
def test_a_file_that_is_no_text_is_refused_in_words(content, sentence):
    with pytest.raises(ScriptError, match=sentence):
        source_of(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_encodings_of_editors_and_spreadsheets_are_read(encoding):
    assert source_of("text;wait\r\n“Größe” – 5 €;1 hour".encode(encoding)) == "text;wait\r\n“Größe” – 5 €;1 hour"


def run(*arguments, **options) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


def test_the_command_imports_and_says_what_it_did(tmp_path):
    file, table = tmp_path / "river.txt", tmp_path / "the-bus.csv"
    file.write_text(script_of("One", "two"))
    table.write_text("text,wait\nOne,\ntwo,1 hour\n")
    assert run("importstory", str(file), str(table)) == (
        "Made “The River” (river): 2 new.\nMade “The bus” (the-bus): 2 new.\n"
    )
    file.write_text(script_of("One", "two", "three", keyword="river"))
    assert run("importstory", str(file), dry_run=True) == (
        "Would change “The River” (river): 1 new, 2 unchanged, keyword.\n"
    )
    assert Story.objects.get(slug="river").texts.count() == 2
    assert run("importstory", str(file)) == "Changed “The River” (river): 1 new, 2 unchanged, keyword.\n"
    assert run("importstory", str(file)) == "“The River” is already as the file says.\n"


def test_the_command_tells_all_problems_of_all_files_and_saves_none(tmp_path, capsys):
    good, bad, worse = (tmp_path / name for name in ("good.txt", "bad.txt", "worse.txt"))
    good.write_text("Fine.")
    bad.write_text("One\n=== soon ===\ntwo\n=== later ===\nthree")
    worse.write_bytes(b"%PDF-1.7")
    errors = StringIO()
    with pytest.raises(CommandError, match="Nothing was imported"):
        run("importstory", str(good), str(bad), str(worse), stderr=errors)
    places = [line.removeprefix(f"{tmp_path}/").split(": ")[:2] for line in errors.getvalue().splitlines()]
    assert places == [["bad.txt", "Line 2"], ["bad.txt", "Line 4"], ["worse.txt", "Line 1"]]
    assert not Story.objects.exists()


def test_the_command_exports_what_it_imports(tmp_path, story):
    Story.objects.update(status="draft")
    story.refresh_from_db()
    name = give_picture(story.texts.first())
    assert run("exportstory", "river") == write_script(draft_of(story))
    run("exportstory", "river", output=tmp_path)
    run("exportstory", "river", output=tmp_path, csv=True)
    draft = draft_of(story)
    picture = (tmp_path / name).read_bytes()
    for file in ("river.txt", "river.csv"):
        assert run("importstory", str(tmp_path / file)) == "“The River” is already as the file says.\n"
        story.delete()
        run("importstory", str(tmp_path / file))
        story = Story.objects.get(slug="river")
        assert draft_of(story).fields == draft.fields
        assert [text.body for text in draft_of(story).texts] == [text.body for text in draft.texts]
        assert story.texts.first().media.read() == picture
        draft = draft_of(story)
        run("exportstory", "river", output=tmp_path)
        run("exportstory", "river", output=tmp_path, csv=True)
    with pytest.raises(CommandError, match="No story has the address “lake”"):
        run("exportstory", "lake")
