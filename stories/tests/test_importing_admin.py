from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from stories.models import Story
from stories.scripts.drafts import draft_of
from stories.scripts.files import read_story, source_of
from stories.scripts.script import write_script

from .factory import make_story
from .picture_server import Answer, PictureServer
from .pictures import make_picture

pytestmark = [pytest.mark.django_db, pytest.mark.screens]

IMPORT = reverse("admin:stories_story_import")
CHANGELIST = reverse("admin:stories_story_changelist")
SCRIPT = "---\ntitle: The River\nkeyword: river\n---\nOne\n=== 2 hours ===\ntwo\n"


def user(client, *permissions: str):
    """Return a browser logged in as somebody of the newsroom with these permissions, or as a journalist.

    All stories that are there are theirs.
    """
    somebody = User.objects.create_user("jo", is_staff=True)
    group = Group.objects.get(name="Journalists")
    if permissions:
        somebody.user_permissions.set(group.permissions.filter(codename__in=permissions))
    else:
        somebody.groups.add(group)
    somebody.stories.set(Story.objects.all())
    client.force_login(somebody)
    return client


@pytest.fixture
def journalist(client):
    return user(client)


def preview(client, source: str, **more):
    return client.post(IMPORT, {"source": source, "look": "Preview", **more})


def save(client, looked_at):
    """Press Save on the page that was answered."""
    said = looked_at.context["said"]
    return client.post(IMPORT, {**said, "seen": looked_at.context["plan"].seen, "save": "Save"})


def test_nothing_is_saved_before_it_was_looked_at(journalist):
    page = preview(journalist, SCRIPT)
    assert "A new story." in page.content.decode()
    assert not Story.objects.exists()
    response = save(journalist, page)
    story = Story.objects.get()
    assert response.url == reverse("admin:stories_story_change", args=[story.pk])
    assert list(story.texts.values_list("body", "delay")) == [("One", timedelta(0)), ("two", timedelta(hours=2))]
    assert LogEntry.objects.get().get_change_message() == "Imported: 2 new."


def test_the_page_says_what_would_become_of_each_text(journalist):
    story = make_story([("One & only", 0), ("two", 0), ("three", 0)], title="The River", slug="the-river")
    page = preview(journalist, "---\ntitle: The River\n---\nthree\n===right away===\nOne & only\n===1 hour===\nfour")
    html = page.content.decode()
    assert f'href="/admin/stories/story/{story.pk}/change/"' in html
    assert "1 changed, 1 moved, 1 unchanged" in html
    assert "<del>two</del>" in html
    assert "<del>right away</del> 1 hour" in html
    assert "One &amp; only" in html
    assert story.texts.first().body == "One & only"
    save(journalist, page)
    assert [text.body for text in story.texts.order_by("position")] == ["three", "One & only", "four"]


def test_the_page_says_what_a_text_asks_and_saves_it(journalist):
    story = make_story([("One", 0), ("two", 0), ("three", 0)], title="The River", slug="the-river", status="draft")
    source = (
        "---\ntitle: The River\n---\nOne\n* A -> last\n* B -> next\n* hint: ?\n===0===\ntwo\n===0===\n# last\nthree"
    )
    page = preview(journalist, source)
    html = page.content.decode()
    assert "2 changed, 1 unchanged" in html
    assert "<li>* A -&gt; last</li>" in html
    assert "<li># last</li>" in html
    save(journalist, page)
    assert [str(choice) for choice in story.texts.get(position=1).choices] == ["A -> last", "B"]
    page = preview(journalist, source.replace("* B", "* C"))
    assert "<li><del>* B -&gt; next</del></li>" in page.content.decode()


def test_a_file_is_read_and_its_problems_are_told_beside_its_words(journalist):
    file = SimpleUploadedFile("river.txt", "One – “yes”\n=== soon ===\ntwo".encode("cp1252"))
    html = journalist.post(IMPORT, {"file": file}).content.decode()
    assert 'data-line="2"' in html
    assert "“soon” is not understood" in html
    assert "One – “yes”\n=== soon ===\ntwo</textarea>" in html
    assert 'value="River"' in html
    assert not Story.objects.exists()


def test_a_table_is_imported_under_its_files_name(journalist):
    file = SimpleUploadedFile("the-bus.csv", "text;wait\r\nOne;\r\ntwo;1 hour".encode("utf-8-sig"))
    save(journalist, journalist.post(IMPORT, {"file": file}))
    assert [text.body for text in Story.objects.get(title="The bus").texts.all()] == ["One", "two"]


def test_cells_that_were_copied_from_a_spreadsheet_are_a_table(journalist):
    save(journalist, preview(journalist, "text\twait\nOne\t\ntwo\t1 hour", title="The Bus"))
    assert Story.objects.get(slug="the-bus").texts.count() == 2


def test_the_history_says_who_imported_what(journalist):
    story = make_story([("One", 0), ("second", 60)], title="The River", slug="the-river")
    save(journalist, preview(journalist, SCRIPT))
    entry, before = story.history.all()
    assert (str(entry.history_user), entry.history_change_reason) == ("jo", "Imported from a file")
    assert before.history_user is None
    assert entry.order == list(story.texts.order_by("position").values_list("pk", flat=True))


@pytest.mark.parametrize(
    ("posted", "sentence"),
    [
        ({"source": " \n"}, "choose a file, or paste a story"),
        ({"source": "One"}, "The story has no title."),
        ({"source": "One\0"}, "This file is no text."),
        ({"file": SimpleUploadedFile("a.docx", b"PK\x03\x04")}, "This is a document of a word processor"),
        ({"source": "---\ntitle: A\n---\n![x](lamp.jpg)"}, "This story has no picture “lamp.jpg”."),
    ],
)
def test_what_is_no_story_is_refused_in_words(journalist, posted, sentence):
    assert sentence in journalist.post(IMPORT, posted).content.decode()


def test_one_may_go_back_to_the_words(journalist):
    html = journalist.post(IMPORT, {"source": SCRIPT, "edit": "Back"}).content.decode()
    assert f"{SCRIPT}</textarea>" in html


def test_an_article_gets_its_waits_and_is_still_only_words(journalist):
    html = journalist.post(IMPORT, {"source": "One\n\nTwo", "every": "1 hour", "divide": "Put in"}).content.decode()
    assert "One\n\n=== 1 hour ===\n\nTwo\n</textarea>" in html
    assert '<option value="1 hour" selected>' in html
    assert not Story.objects.exists()


def test_a_link_is_fetched_by_the_preview_and_not_again_by_save(journalist, settings):
    with PictureServer() as server:
        settings.LINKS_MAY_ALSO_REACH = {("127.0.0.1", server.port)}
        link = server.link("/lamp.png", Answer(make_picture()))
        page = preview(journalist, f"{SCRIPT}=== 1 hour ===\n![A lamp]({link})")
        assert save(journalist, page).status_code == 302
        assert Story.objects.get().texts.get(media_url=link).alt == "A lamp"
        assert len(server.asked) == 1


def test_nobody_can_claim_that_a_link_was_fetched(journalist, settings):
    with PictureServer() as server:
        settings.LINKS_MAY_ALSO_REACH = {("127.0.0.1", server.port)}
        good, page = server.link("/lamp.png", Answer(make_picture())), server.link("/page", Answer(b"<html>"))
        looked_at = preview(journalist, f"{SCRIPT}![A lamp]({good})")
        for links in (looked_at.context["said"]["links"], signing.dumps([page]), "", "nonsense"):
            said = looked_at.context["said"] | {"source": f"{SCRIPT}![A page]({page})", "links": links}
            html = journalist.post(IMPORT, {**said, "seen": "", "save": "Save"}).content.decode()
            assert "is not a JPEG, PNG or GIF picture" in html
    assert not Story.objects.exists()


def test_what_others_have_changed_meanwhile_is_not_saved_over_unseen(journalist):
    story = make_story([("One", 0)], title="The River", slug="the-river")
    page = preview(journalist, SCRIPT)
    story.texts.update(body="One, by somebody else")
    again = save(journalist, page)
    assert "somebody has changed the story meanwhile" in again.content.decode()
    assert story.texts.get().body == "One, by somebody else"
    assert save(journalist, again).status_code == 302
    assert story.texts.count() == 2


@pytest.mark.parametrize(
    ("permissions", "may_add", "may_change"),
    [
        (["view_story", "add_story", "add_storytext"], True, False),
        (["view_story", "change_story", "add_storytext", "change_storytext", "delete_storytext"], False, True),
        (["view_story", "change_story", "change_storytext"], False, False),
    ],
)
def test_one_imports_what_one_may_add_or_change(client, permissions, may_add, may_change):
    story = make_story([("One", 0)], title="The Bus", slug="the-bus")
    browser = user(client, *permissions)
    for source, may in ((SCRIPT, may_add), (SCRIPT.replace("River", "Bus"), may_change)):
        assert ("plan" in preview(browser, source).context) == may
        browser.post(IMPORT, {"source": source, "seen": "", "save": "Save"})
    assert Story.objects.filter(slug="the-river").exists() == may_add
    assert story.texts.get().body == "One"


def test_one_who_may_only_look_exports_but_does_not_import(client):
    story = make_story(slug="bus")
    browser = user(client, "view_story", "view_storytext")
    assert browser.get(IMPORT).status_code == 403
    assert browser.get(reverse("admin:stories_story_export", args=[story.pk, "txt"])).status_code == 200
    assert "Import a story" not in browser.get(CHANGELIST).content.decode()


@pytest.mark.parametrize("suffix", ["txt", "csv"])
def test_a_story_is_exported(journalist, suffix):
    story = make_story([("Größe", 0), ("two", 7200)], slug="bus", summary="Why?")
    html = journalist.get(reverse("admin:stories_story_change", args=[story.pk])).content.decode()
    address = reverse("admin:stories_story_export", args=[story.pk, suffix])
    assert f'href="{address}"' in html
    response = journalist.get(address)
    assert response["Content-Disposition"] == f'attachment; filename="bus.{suffix}"'
    assert read_story(source_of(response.content)).texts == draft_of(story).texts


def test_the_list_of_stories_leads_to_the_import(journalist):
    assert f'href="{IMPORT}"' in journalist.get(CHANGELIST).content.decode()


def test_the_pages_have_no_style_or_script_inside(journalist):
    story = make_story(title="The River", slug="the-river")
    pages = [journalist.get(IMPORT), preview(journalist, SCRIPT), preview(journalist, "One\n===\n")]
    pages += [preview(journalist, write_script(draft_of(story)))]
    for page in pages:
        assert " style=" not in page.content.decode()
        assert "<script>" not in page.content.decode()
