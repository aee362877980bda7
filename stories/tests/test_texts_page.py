"""The page of a story in Chromium: what the script of the cards does, by mouse and by keyboard."""

from contextlib import ExitStack

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import expect

from stories.models import Story
from textengine.tests.chromium import new_page

from .factory import make_story

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def story() -> Story:
    return make_story([("one", 0), ("two", 60), ("three", 7200)], title="The River")


@pytest.fixture
def open_page(browser, live_server, client, story):
    """Return a way to open the story's page, logged in, in a window of some width."""
    client.force_login(User.objects.create_superuser("root"))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}

    def open_page(width: int = 1280, **options):
        page = pages.enter_context(new_page(browser, width, **options))
        page.context.add_cookies([cookie])
        page.goto(live_server.url + reverse("admin:stories_story_change", args=[story.pk]))
        return page

    with ExitStack() as pages:
        yield open_page


def card(page, place: int):
    return page.get_by_role("group", name=f"Text {place}", exact=True)


def body(page, place: int):
    return card(page, place).get_by_role("textbox", name="Text")


def bodies(page) -> list[str]:
    return [area.input_value() for area in page.locator(".text-card:not(.empty-form):visible textarea").all()]


def save(page) -> None:
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator(".messagelist .success")).to_be_visible()


def saved(story: Story) -> list[str]:
    return list(story.texts.order_by("position").values_list("body", flat=True))


def said(page):
    return page.locator("#texts-said")


def test_texts_are_moved_by_keyboard_and_it_is_said_where_they_are(open_page, story):
    page = open_page()
    down = card(page, 1).get_by_role("button", name="Move down")
    down.focus()
    page.keyboard.press("Enter")
    expect(said(page)).to_have_text("Text 1 is now text 2 of 3.")
    expect(card(page, 2).get_by_role("button", name="Move down")).to_be_focused()
    page.keyboard.press("Enter")
    expect(card(page, 3).get_by_role("button", name="Move up")).to_be_focused()
    assert bodies(page) == ["two", "three", "one"]
    save(page)
    assert saved(story) == ["two", "three", "one"]


def test_a_text_is_inserted_between_two_and_another_taken_back(open_page, story):
    page = open_page()
    card(page, 1).get_by_role("button", name="Insert below").click()
    expect(body(page, 2)).to_be_focused()
    page.keyboard.type("one and a half")
    card(page, 3).get_by_role("button", name="Insert below").click()
    page.keyboard.type("never mind")
    card(page, 4).get_by_label("Delete").check()
    assert bodies(page) == ["one", "one and a half", "two", "three"]
    save(page)
    assert saved(story) == ["one", "one and a half", "two", "three"]


def test_a_saved_text_is_crossed_out_until_it_is_saved(open_page, story):
    page = open_page()
    card(page, 2).get_by_label("Delete").check()
    expect(said(page)).to_have_text("The text will be deleted when you save.")
    expect(body(page, 2)).to_have_value("three")
    crossed_out = page.get_by_role("group", name="A text to be deleted")
    crossed_out.get_by_label("Delete").uncheck()
    expect(body(page, 2)).to_have_value("two")
    card(page, 2).get_by_label("Delete").check()
    save(page)
    assert saved(story) == ["one", "three"]


def test_after_an_error_the_texts_stand_in_the_order_that_was_chosen(open_page, story):
    page = open_page()
    card(page, 3).get_by_role("button", name="Move up").click()
    card(page, 1).get_by_role("button", name="Insert below").click()
    page.keyboard.type("new")
    card(page, 2).get_by_label("When").fill("soon")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(card(page, 2)).to_contain_text("“soon” is not understood")
    assert bodies(page) == ["one", "new", "three", "two"]
    card(page, 2).get_by_label("When").fill("90 min")
    save(page)
    assert saved(story) == ["one", "new", "three", "two"]
    expect(card(page, 2).get_by_label("When")).to_have_value("1 hour and 30 minutes")


def test_what_is_wrong_with_a_picture_or_an_address_is_seen(open_page, story, tmp_path):
    page = open_page()
    wrong = tmp_path / "picture.jpg"
    wrong.write_text("No picture at all")
    card(page, 1).get_by_text("Picture", exact=True).first.click()
    card(page, 1).get_by_label("Upload").set_input_files(wrong)
    page.get_by_text("Address and weight").click()
    page.get_by_label("Slug").fill("the river")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("This file is not a JPEG, PNG or GIF picture.")).to_be_visible()
    expect(page.locator(".field-slug .errorlist")).to_be_visible()


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_the_page_fits_a_phone(open_page, color_scheme):
    page = open_page(390, color_scheme=color_scheme, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for button in ("Move up", "Move down", "Insert below"):
        box = card(page, 2).get_by_role("button", name=button).bounding_box()
        assert box["height"] >= 40
        assert box["width"] >= 44
        assert box["x"] + box["width"] <= 390


def test_what_has_the_focus_is_never_behind_the_bar_that_saves(open_page, story):
    page = open_page(390, height=844)
    page.get_by_label("Summary").focus()
    bar = page.locator(".submit-row")
    while not bar.evaluate("(bar) => bar.contains(document.activeElement)"):
        page.keyboard.press("Tab")
        hidden = bar.evaluate(
            """(bar) => {
              const focused = document.activeElement.getBoundingClientRect();
              const covered = focused.bottom > bar.getBoundingClientRect().top + 1;
              return covered && !bar.contains(document.activeElement) && document.activeElement.outerHTML;
            }"""
        )
        assert not hidden


def test_the_address_follows_the_title_of_a_new_story(open_page, live_server):
    page = open_page()
    page.goto(live_server.url + reverse("admin:stories_story_add"))
    page.get_by_label("Title").press_sequentially("The Mill on the Hill")
    body(page, 1).fill("Once")
    save(page)
    assert Story.objects.filter(slug="the-mill-on-the-hill").exists()
