"""Importing a story in Chromium: by keyboard, with problems, on a phone."""

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import expect

from stories.models import Story
from textengine.tests.chromium import new_page, share_login

from .factory import make_story

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

SCRIPT = "---\ntitle: The River\nkeyword: river\nstatus: published\n---\n" + "\n=== 2 hours ===\n".join(
    ["The water rises. Reply STOP to end.", "It is at the door.\n\nWe are upstairs.", *["Still rising."] * 30]
)


@pytest.fixture
def page(browser, live_server, client, request):
    """The list of stories, logged in, in a window of 1280 pixels or what the test says."""
    client.force_login(User.objects.create_superuser("root"))
    with new_page(browser, **getattr(request, "param", {})) as page:
        share_login(page, client, live_server.url)
        page.goto(live_server.url + reverse("admin:stories_story_changelist"))
        yield page


def words(page):
    return page.get_by_label("or paste it here")


def press(page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_a_pasted_story_is_looked_at_and_saved_by_keyboard(page):
    page.get_by_role("link", name="Import a story").focus()
    page.keyboard.press("Enter")
    words(page).focus()
    page.keyboard.insert_text(SCRIPT)
    page.get_by_role("button", name="Preview").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("A new story.")).to_be_visible()
    expect(page.get_by_text("We are upstairs.")).to_be_visible()
    assert not Story.objects.exists()
    page.get_by_role("button", name="Save").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist .success")).to_have_text("“The River” was imported: 32 new.")
    assert Story.objects.readable().get().texts.count() == 32


def test_an_article_without_waits_gets_them_and_enter_in_the_title_is_the_preview(page):
    page.get_by_role("link", name="Import a story").click()
    words(page).fill("It rains. Reply STOP to end.\n\nIt rains still.\n\nIt stops.")
    page.get_by_label("After each paragraph").select_option("1 hour")
    press(page, "Put the waits in")
    expect(words(page)).to_have_value(re.compile("It rains still.\n\n=== 1 hour ===\n\nIt stops."))
    page.get_by_label("Title").fill("The River")
    page.get_by_label("Title").press("Enter")
    expect(page.locator(".facts")).to_contain_text("3 texts")


def test_a_problem_leads_to_its_line_and_is_mended_there(page, tmp_path):
    file = tmp_path / "river.txt"
    file.write_text(SCRIPT.replace("=== 2 hours ===\nStill", "=== soon ===\nStill", 30).replace("soon", "2 hours", 29))
    page.get_by_role("link", name="Import a story").click()
    page.get_by_label("Choose a file").set_input_files(file)
    press(page, "Preview")
    expect(page.get_by_role("alert")).to_contain_text("1 thing to mend")
    line = page.get_by_role("alert").get_by_role("button")
    line.focus()
    page.keyboard.press("Enter")
    expect(words(page)).to_be_focused()
    page.keyboard.insert_text("=== 3 hours ===")
    press(page, "Preview")
    expect(page.get_by_text("A new story.")).to_be_visible()
    press(page, "Back to the words")
    assert "=== 3 hours ===" in words(page).input_value()
    assert "soon" not in words(page).input_value()


@pytest.mark.parametrize("page", [{"width": 390, "height": 844, "is_mobile": True}], indirect=True)
def test_an_exported_story_is_changed_and_imported_on_a_phone(page, live_server):
    story = make_story([("One", 0), ("two", 60)], title="The Bus", slug="the-bus")
    page.goto(live_server.url + reverse("admin:stories_story_change", args=[story.pk]))
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as script").click()
    script = download.value.path().read_text()
    page.goto(live_server.url + reverse("admin:stories_story_import"))
    words(page).fill(script.replace("two", "2") + "\n=== next day at 8:00 ===\n" + "long" * 90)
    press(page, "Preview")
    expect(page.get_by_text("1 new, 1 changed, 1 unchanged")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for button in (page.get_by_role("button", name="Save"), page.get_by_role("button", name="Back to the words")):
        assert button.bounding_box()["height"] >= 32
    press(page, "Save")
    expect(page.locator(".messagelist .success")).to_be_visible()
    assert [text.body for text in story.texts.order_by("position")] == ["One", "2", "long" * 90]


def test_leaving_asks_while_something_is_pasted_and_not_looked_at(page):
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.get_by_role("link", name="Import a story").click()
    words(page).press_sequentially("An article.")
    press(page, "Put the waits in")
    expect(page.get_by_text("Each paragraph is a text")).to_be_visible()
    assert asked == []
    words(page).click()
    page.get_by_role("link", name="Home").click()
    expect(page).to_have_title(re.compile("Today"))
    assert asked == ["beforeunload"]


def test_leaving_the_preview_asks_since_nothing_is_saved_yet(page):
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.get_by_role("link", name="Import a story").click()
    words(page).fill(SCRIPT)
    press(page, "Preview")
    press(page, "Back to the words")
    press(page, "Preview")
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    assert asked == []
    page.get_by_role("link", name="Home").click()
    expect(page).to_have_title(re.compile("Today"))
    assert asked == ["beforeunload"]


@pytest.mark.slow
def test_leaving_the_preview_of_what_is_saved_already_does_not_ask(page, live_server):
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    import_url = live_server.url + reverse("admin:stories_story_import")
    page.goto(import_url)
    words(page).fill(SCRIPT)
    press(page, "Preview")
    press(page, "Save")
    page.goto(import_url)
    words(page).fill(SCRIPT)
    press(page, "Preview")
    page.get_by_text("Nothing would change").click()
    page.get_by_role("link", name="Home").click()
    expect(page).to_have_title(re.compile("Today"))
    assert asked == []
