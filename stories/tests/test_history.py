"""The history of a story: every save is one entry that says what changed, and can be put back."""

import re
from datetime import timedelta
from html import unescape
from importlib import import_module
from pkgutil import iter_modules

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from stories import history, migrations
from stories.changes import changes, word_difference
from stories.models import HistoricalStory, HistoricalStoryText, Story
from stories.sample import load_sample_story
from subscribers.tests.factory import make_enrollment

from .factory import make_pier, make_story
from .pictures import make_picture
from .test_admin import ADD, bodies, form_of, page_of

pytestmark = [pytest.mark.django_db, pytest.mark.once]
FIRST = ("It begins. Reply STOP to end.", 0)


@pytest.fixture
def journalist(client):
    client.force_login(User.objects.create_superuser("jo", first_name="Jo", last_name="March"))
    return client


@pytest.fixture
def story():
    story = make_story([FIRST, ("b", 60), ("c", 60)], keyword="river")
    history.keep(story, timezone.now())
    return story


def save(client, story: Story, rows=(), **fields) -> None:
    assert client.post(page_of(story), form_of(story, list(rows), **fields)).status_code == 302


def entries(client, story: Story) -> list[str]:
    """Return what the page of the history says, newest entry first."""
    page = client.get(reverse("admin:stories_story_history", args=[story.pk])).content.decode()
    return [unescape(entry) for entry in page.split('<li class="entry">')[1:]]


def put_back(client, story: Story, entry: HistoricalStory):
    return client.post(reverse("admin:stories_story_put_back", args=[story.pk, entry.pk]), follow=True)


def headings(entry: str) -> list[str]:
    return re.findall(r"<strong>(.*?)</strong>", entry)


def test_each_save_is_one_entry_that_says_who_changed_what(journalist, story):
    rows = [{}, {"body": "b and more"}, {"DELETE": "on"}, {"body": "d", "wait": "2 hours"}]
    save(journalist, story, rows, title="The River", keyword="river bank")
    newest, first = entries(journalist, story)
    assert "Jo March" in newest
    assert headings(newest) == ["The story itself changed", "Text 2 changed", "Text 3 added", "Text 3 removed"]
    assert "RIVER<ins> BANK</ins>" in newest
    assert "b<ins> and more</ins>" in newest
    assert headings(first) == ["Text 1 added", "Text 2 added", "Text 3 added"]


def test_quiet_hours_are_in_the_history_and_can_be_put_back(journalist, story):
    save(journalist, story, quiet="off")
    save(journalist, story, quiet="10 pm to 7 am")
    newest, middle, _ = entries(journalist, story)
    assert "Quiet hours" in newest
    assert "22:00 to 7:00</ins>" in newest
    assert "<ins>off</ins>" in middle
    put_back(journalist, story, story.history.all()[1])
    story.refresh_from_db()
    assert story.quiet == "off"


def test_moving_texts_is_in_the_history_though_it_saves_no_text(journalist, story):
    save(journalist, story, [{"ORDER": 1}, {"ORDER": 3}, {"ORDER": 2}])
    [moved] = headings(entries(journalist, story)[0])
    assert moved in ("Text 3 moved to 2", "Text 2 moved to 3")
    assert HistoricalStoryText.objects.count() == 3


def test_a_text_that_made_room_for_another_did_not_change(journalist, story):
    save(journalist, story, [{"ORDER": 1}, {"ORDER": 3}, {"ORDER": 4}, {"ORDER": 2, "body": "x"}])
    assert headings(entries(journalist, story)[0]) == ["Text 2 added"]


def test_waits_and_pictures_are_told_in_words(journalist, story):
    upload = SimpleUploadedFile("a.png", make_picture())
    rows = [{}, {"wait": "after 2 hours, at 8:00", "media": upload}, {"wait": "2 hours"}]
    save(journalist, story, rows)
    newest = entries(journalist, story)[0]
    assert "<del>1 minute</del> <ins>after 2 hours, at 8:00</ins>" in newest
    assert "<del>1 minute</del> <ins>2 hours</ins>" in newest
    name = story.texts.get(position=2).media.name.removeprefix("pictures/")
    assert f"<del>none</del> <ins>{name}</ins>" in newest


def test_what_a_text_asks_is_told_in_words_and_put_back_with_it(journalist):
    story = make_pier()
    Story.objects.update(status="draft")
    first = history.keep(story, timezone.now())
    was = [(text.label, text.turn) for text in story.texts.order_by("position")]
    rows = [{}, {"choices": "A, board -> ship\nswim -> pier", "hint": "A, or swim?"}, {}, {"follows": "next"}]
    save(journalist, story, [*rows, {"label": "quay"}])
    newest = entries(journalist, story)[0]
    assert "<del>B, stay → pier; Hint: Answer A or B.</del> <ins>swim → pier; Hint: A, or swim?</ins>" in newest
    assert "<del>It ends here</del> <ins>The next text</ins>" in newest
    assert "Name" in newest
    put_back(journalist, story, first)
    assert [(text.label, text.turn) for text in story.texts.order_by("position")] == was


def test_a_text_in_which_nothing_is_written_yet_is_told_as_such(journalist, story):
    Story.objects.update(status="draft")
    save(journalist, story, [{}, {}, {}, {"wait": "1 day"}])
    assert "Nothing is written in it yet." in entries(journalist, story)[0]


def test_a_change_of_status_is_an_entry(journalist, story):
    journalist.post(reverse("admin:stories_story_archive", args=[story.pk]))
    assert "<del>Published</del> <ins>Archived</ins>" in entries(journalist, story)[0]


def test_a_save_that_changes_nothing_is_no_entry(journalist, story):
    save(journalist, story)
    assert len(entries(journalist, story)) == 1


def test_a_new_story_and_the_sample_begin_their_history(journalist):
    assert journalist.post(ADD, form_of(Story(title="New"), [{"body": "a"}])).status_code == 302
    assert "Jo March" in entries(journalist, Story.objects.get())[0]
    sample = load_sample_story()
    assert len(headings(entries(journalist, sample)[0])) == sample.texts.count()


def test_a_long_history_has_pages(journalist, story):
    for number in range(25):
        save(journalist, story, [{}, {"body": f"b{number}"}])
    shown = entries(journalist, story)
    assert len(shown) == 20
    assert "<del>b4</del> <ins>b5</ins>" in shown[-1]
    page = journalist.get(reverse("admin:stories_story_history", args=[story.pk]), {"p": 2}).content.decode()
    assert page.count('class="entry"') == 6


def test_putting_back_restores_words_order_and_texts_and_is_an_entry(journalist, story):
    before = story.history.first()
    save(
        journalist,
        story,
        [{"ORDER": 1}, {"ORDER": 4, "body": "B"}, {"DELETE": "on"}, {"ORDER": 2, "body": "x"}],
        title="Other",
    )
    after = story.history.first()
    assert "Put back as it was on" in put_back(journalist, story, before).content.decode()
    assert bodies(story) == [FIRST[0], "b", "c"]
    assert Story.objects.get().title == before.title
    assert "Put back as it was on" in entries(journalist, story)[0]
    put_back(journalist, story, after)
    assert bodies(story) == [FIRST[0], "x", "B"]
    assert Story.objects.get().title == "Other"


def test_it_asks_and_shows_what_would_change_before_it_puts_back(journalist, story):
    before = story.history.first()
    save(journalist, story, [{}, {"body": "B"}])
    url = reverse("admin:stories_story_put_back", args=[story.pk, before.pk])
    page = journalist.get(url).content.decode()
    assert "<del>B</del> <ins>b</ins>" in page
    assert bodies(story) == [FIRST[0], "B", "c"]


def test_a_text_that_comes_back_has_its_old_id(journalist, story):
    ids = list(story.texts.order_by("position").values_list("pk", flat=True))
    before = story.history.first()
    save(journalist, story, [{}, {"DELETE": "on"}])
    put_back(journalist, story, before)
    assert list(story.texts.order_by("position").values_list("pk", flat=True)) == ids


def test_the_status_stays_when_a_story_is_put_back(journalist, story):
    story.texts.update(created_at=timezone.now())
    before = story.history.first()
    journalist.post(reverse("admin:stories_story_archive", args=[story.pk]))
    put_back(journalist, story, before)
    assert Story.objects.get().status == "archived"


def test_a_published_story_is_not_put_back_to_what_could_not_be_published(journalist):
    story = make_story([("no way out", 0)], status="draft")
    history.keep(story, timezone.now())
    before = story.history.first()
    save(journalist, story, [{"body": FIRST[0]}], _publish="Publish")
    page = put_back(journalist, story, before).content.decode()
    assert "does not say how to stop" in page
    assert bodies(story) == [FIRST[0]]


def test_a_keyword_that_another_story_has_taken_meanwhile_stays_there(journalist, story):
    before = story.history.first()
    save(journalist, story, keyword="bank")
    make_story(keyword="river")
    put_back(journalist, story, before)
    assert Story.objects.get(pk=story.pk).keyword == "BANK"


def test_the_picture_file_of_an_older_version_stays_and_comes_back(journalist, story):
    name = default_storage.save("pictures/b.png", ContentFile(b"not looked at"))
    story.texts.filter(body="b").update(media=name)
    before = history.keep(story, timezone.now())
    save(journalist, story, [{}, {"media-clear": "on"}])
    assert default_storage.exists(name)
    put_back(journalist, story, before)
    assert story.texts.get(body="b").media.name == name


def test_who_may_only_look_sees_the_history_and_puts_nothing_back(client, story):
    user = User.objects.create_user("looker", is_staff=True)
    permissions = apps.get_model("auth.Permission").objects.filter(codename__in=["view_story", "view_storytext"])
    user.user_permissions.set(permissions)
    story.authors.add(user)
    client.force_login(user)
    story.texts.filter(body="b").update(body="B")
    before, _ = story.history.first(), history.keep(story, timezone.now())
    page = client.get(reverse("admin:stories_story_history", args=[story.pk])).content.decode()
    assert "Text 2 changed" in page
    assert "Put it back" not in page
    assert client.post(reverse("admin:stories_story_put_back", args=[story.pk, before.pk])).status_code == 403
    assert bodies(story) == [FIRST[0], "B", "c"]


def test_an_entry_of_another_story_is_not_found(journalist, story):
    other = make_story()
    entry = history.keep(other, timezone.now())
    assert put_back(journalist, story, entry).status_code == 404


def test_entries_follow_each_other_even_if_the_clock_goes_back(story):
    for hours, body in enumerate(["x", "y", "z"]):
        story.texts.filter(position=2).update(body=body)
        history.keep(story, timezone.now() - timedelta(hours=hours))
    versions = history.versions(list(story.history.order_by("history_date")))
    assert [version.texts[1].body for version in versions] == ["b", "x", "y", "z"]


def test_the_first_entry_of_stories_from_before_the_history_is_how_they_stood():
    story = make_story([FIRST, ("b", 60)], keyword="river")
    [name] = [module.name for module in iter_modules(migrations.__path__) if "keep_history" in module.name]
    import_module(f"stories.migrations.{name}").begin_history(apps, None)
    [entry] = story.history.all()
    assert [row.body for row in history.version_of(entry).texts] == [FIRST[0], "b"]
    assert history.keep(story, timezone.now()) == entry


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("It is so.", "It was so.", "It <del>is</del><ins>was</ins> so."),
        ("", "New", "<ins>New</ins>"),
        ("<b>", "<i>", "&lt;<del>b</del><ins>i</ins>&gt;"),
        ("same", "same", "same"),
        ("One thing, and then", "Quite another tale", "<del>One thing, and then</del> <ins>Quite another tale</ins>"),
    ],
)
def test_words_that_went_and_came_are_marked(before, after, shown):
    assert word_difference(before, after) == shown


def test_as_few_texts_as_explain_the_order_have_moved():
    story = make_story([(letter, 0) for letter in "abcdef"])
    before = history.version_of(history.keep(story, timezone.now()))
    ids = before.entry.order
    story.arrange([*ids[1:], ids[0]], timezone.now())
    after = history.version_of(history.keep(story, timezone.now()))
    assert [change.heading for change in changes(before, after)] == ["Text 1 moved to 6"]


def queries(function) -> int:
    with CaptureQueriesContext(connection) as captured:
        function()
    return len(captured)


def test_keeping_asks_as_often_for_200_texts_as_for_20():
    stories = [make_story([(f"text {n}", 0) for n in range(count)]) for count in (20, 200)]
    for story in stories:
        history.keep(story, timezone.now())
    for story in stories:
        story.texts.filter(position=3).update(body="x")
    few, many = (queries(lambda story=story: history.keep(story, timezone.now())) for story in stories)
    assert few == many <= 8


def test_the_page_of_the_history_asks_as_often_for_many_entries(journalist, story):
    def page():
        journalist.get(reverse("admin:stories_story_history", args=[story.pk]))

    save(journalist, story, [{}, {"body": "B"}])
    few = queries(page)
    for number in range(10):
        save(journalist, story, [{}, {"body": f"b{number}"}])
    assert queries(page) == few <= 14


def test_readers_have_no_history():
    assert [model.__name__ for model in apps.get_models() if model.__name__.startswith("Historical")] == [
        "HistoricalStory",
        "HistoricalStoryText",
    ]


def test_a_summary_of_two_lines_that_comes_back_from_a_form_has_not_changed(client):
    client.force_login(User.objects.create_superuser("root"))
    story = make_story(summary="One line.\nAnother.")
    entry = history.keep(story, timezone.now())
    client.post(page_of(story), form_of(story, summary="One line.\r\nAnother."))
    assert story.history.get() == entry


@pytest.mark.parametrize("way", ["its page", "the list"])
def test_it_is_kept_who_deleted_a_story_and_what_it_said(client, way):
    client.force_login(User.objects.create_superuser("root", first_name="Ada"))
    story = make_story([("one", 0), ("two", 60)], title="The River", keyword="river")
    if way == "its page":
        client.post(reverse("admin:stories_story_delete", args=[story.pk]), {"post": "yes"})
    else:
        action = {"action": "delete_selected", "_selected_action": [story.pk], "post": "yes"}
        client.post(reverse("admin:stories_story_changelist"), action)
    assert not Story.objects.exists()
    kept = Story.history.get(history_type=history.DELETED)
    assert str(kept.history_user) == "root"
    assert [row.body for row in history.version_of(kept).texts] == ["one", "two"]
    html = client.get(reverse("admin:stories_story_deleted")).content.decode()
    assert "The River" in html
    assert "by Ada" in html
    assert "two" in html
    assert "Deleted stories" in client.get(reverse("admin:stories_story_changelist")).content.decode()


def test_only_who_may_see_stories_sees_those_that_were_deleted(client):
    user = User.objects.create_user("jo", is_staff=True)
    client.force_login(user)
    address = reverse("admin:stories_story_deleted")
    assert client.get(address).status_code == 403
    user.groups.add(Group.objects.get(name="Journalists"))
    assert "No story was deleted yet." in client.get(address).content.decode()


def test_a_story_that_could_not_be_deleted_was_not(client):
    client.force_login(User.objects.create_superuser("root"))
    story = make_enrollment().story
    client.post(reverse("admin:stories_story_delete", args=[story.pk]), {"post": "yes"})
    assert Story.objects.filter(pk=story.pk).exists()
    assert not Story.history.filter(history_type=history.DELETED).exists()
