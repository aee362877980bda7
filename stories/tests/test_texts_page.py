"""The cards of a story's page in Chromium: moving, inserting, duplicating, deleting, by mouse, finger and keyboard."""

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.urls import reverse
from playwright.sync_api import expect

from stories.models import Story
from textengine.tests.chromium import share_login

from .desk import bodies, body, card, desk, drag, said, save, saved, tool
from .factory import make_story

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def story() -> Story:
    return make_story([("one", 0), ("two", 60), ("three", 7200)], title="The River")


@pytest.fixture
def open_desk(browser, live_server, client, story):
    return lambda width=1280, **options: desk(browser, live_server, client, story, width, **options)


def test_texts_are_moved_by_mouse_by_buttons_and_by_keys_and_it_is_said_where_they_are(open_desk, story):
    with open_desk(height=1200) as page:
        drag(page, card(page, 1).locator(".text-card__grip"), card(page, 3))
        expect(said(page)).to_have_text("Text 1 is now text 3 of 3.")
        assert bodies(page) == ["two", "three", "one"]
        tool(page, 1, "Move down").press("Enter")
        expect(said(page)).to_have_text("Text 1 is now text 2 of 3.")
        expect(tool(page, 2, "Move down")).to_be_focused()
        page.keyboard.press("Enter")
        # At the end there is nothing below: the focus stays in the card.
        expect(tool(page, 3, "Move up")).to_be_focused()
        assert bodies(page) == ["three", "one", "two"]
        body(page, 3).press("Alt+Shift+ArrowUp")
        expect(body(page, 1)).to_be_focused()
        page.keyboard.press("Alt+ArrowUp")
        expect(said(page)).to_have_text("This is the first text.")
        page.keyboard.press("Alt+ArrowDown")
        expect(said(page)).to_have_text("Text 1 is now text 2 of 3.")
        save(page)
        assert saved(story) == bodies(page) == ["three", "two", "one"]


def test_texts_that_are_not_saved_yet_are_inserted_copied_moved_and_deleted_like_others(open_desk, story):
    with open_desk(height=1400) as page:
        tool(page, 1, "Insert below").click()
        expect(body(page, 2)).to_be_focused()
        expect(said(page)).to_have_text("A new text 2 is there.")
        page.keyboard.type("one and a half")
        card(page, 2).get_by_label("When").fill("next day at 8:00")
        tool(page, 2, "Duplicate").click()
        expect(body(page, 3)).to_have_value("one and a half")
        expect(card(page, 3).get_by_label("When")).to_have_value("next day at 8:00")
        expect(said(page)).to_have_text("Text 3 is a copy of text 2.")
        body(page, 3).fill("copied")
        drag(page, card(page, 3).locator(".text-card__grip"), card(page, 1), below=False)
        assert bodies(page) == ["copied", "one", "one and a half", "two", "three"]
        body(page, 5).press("Alt+Enter")
        page.keyboard.type("never mind")
        tool(page, 6, "Delete").click()
        tool(page, 4, "Delete").click()
        expect(said(page)).to_have_text("Text 4 is deleted when you save. Undo keeps it.")
        gone = page.get_by_role("group", name="A text to be deleted")
        expect(gone).to_have_count(2)
        expect(gone.first).to_contain_text("two")
        assert bodies(page) == ["copied", "one", "one and a half", "three"]
        # The focus is where it can be taken back.
        expect(gone.first.get_by_role("button", name="Undo")).to_be_focused()
        page.keyboard.press("Enter")
        expect(body(page, 4)).to_be_focused()
        tool(page, 2, "Delete").click()
        save(page)
        assert saved(story) == bodies(page) == ["copied", "one and a half", "two", "three"]
        assert str(story.texts.get(position=1).wait) == str(story.texts.get(position=2).wait)


@pytest.mark.slow
def test_after_an_error_the_texts_stand_in_the_order_that_was_chosen(open_desk, story):
    with open_desk() as page:
        tool(page, 3, "Move up").click()
        tool(page, 1, "Insert below").click()
        page.keyboard.type("new")
        tool(page, 2, "Insert below").click()
        page.keyboard.type("deleted")
        tool(page, 3, "Delete").click()
        card(page, 2).get_by_label("When").fill("soon")
        page.get_by_role("button", name="Save and continue editing").click()
        expect(card(page, 2).locator(".errorlist")).to_be_visible()
        assert bodies(page) == ["one", "new", "three", "two"]
        expect(page.get_by_role("group", name="A text to be deleted")).to_contain_text("deleted")
        card(page, 2).get_by_label("When").fill("90 min")
        save(page)
        assert saved(story) == ["one", "new", "three", "two"]
        expect(card(page, 2).get_by_label("When")).to_have_value("1 hour and 30 minutes")


@pytest.mark.slow
def test_leaving_asks_only_while_something_is_not_saved(open_desk, story):
    with open_desk() as page:
        asked = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
        body(page, 1).press_sequentially("!")
        page.keyboard.press("Backspace")
        page.reload()
        assert asked == []
        tool(page, 1, "Move down").click()
        page.reload()
        assert asked == ["beforeunload"]
        body(page, 1).press_sequentially("!")
        save(page)
        page.reload()
        assert asked == ["beforeunload"]
        assert saved(story) == ["!one", "two", "three"]
        # What came back with an error is on the page alone.
        card(page, 1).get_by_label("When").fill("soon")
        page.get_by_role("button", name="Save and continue editing").click()
        expect(page.locator(".errornote")).to_be_visible()
        body(page, 1).click()
        page.goto("about:blank")
        assert asked == ["beforeunload"] * 2


@pytest.mark.slow
def test_a_story_that_is_deleted_while_it_is_written_is_saved_as_a_new_one(open_desk, story):
    with open_desk(lacking=reverse("admin:stories_story_preview", args=[story.pk])) as page:
        body(page, 2).fill("two, and more")
        tool(page, 1, "Delete").click()
        tool(page, 2, "Insert below").click()
        page.keyboard.type("new")
        story.delete()
        page.get_by_role("button", name="Save and continue editing").click()
        panel = page.get_by_role("region", name="Deleted by somebody else meanwhile")
        expect(panel).to_contain_text("Somebody deleted this story, while you had it open.")
        assert bodies(page) == ["two, and more", "three", "new"]
        save(page)
        assert saved(Story.objects.get(title="The River")) == bodies(page) == ["two, and more", "three", "new"]


def test_saving_twice_saves_once(browser, live_server, client):
    twice = "setTimeout(() => document.querySelector('[name=_continue]').click(), %d)"
    with desk(browser, live_server, client, None) as page:
        posts = []
        page.on("request", lambda request: request.is_navigation_request() and posts.append(request.method))
        page.get_by_label("Title").fill("The River")
        body(page, 1).fill("one")
        page.evaluate(";".join(twice % milliseconds for milliseconds in (0, 30)))
        expect(page.locator(".messagelist .success")).to_be_visible()
    assert posts.count("POST") == 1
    assert [saved(story) for story in Story.objects.all()] == [["one"]]


def test_what_cannot_be_saved_just_now_stays_on_the_page(open_desk, story, live_server, client):
    with open_desk() as page:
        notice = page.get_by_role("dialog", name="Not saved yet")
        Session.objects.all().delete()
        body(page, 1).fill("one, rewritten")
        expect(page.get_by_text("The preview cannot be had just now")).to_be_visible()
        page.get_by_role("button", name="Save and continue editing").click()
        expect(notice).to_be_visible()
        notice.get_by_role("button", name="Go on writing").click()
        client.force_login(User.objects.get(username="root"))
        share_login(page, client, live_server.url)
        save(page)
    assert saved(story) == ["one, rewritten", "two", "three"]


def test_on_a_phone_the_story_is_short_and_worked_on_with_a_finger(open_desk, story):
    with open_desk(390, is_mobile=True, has_touch=True) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.evaluate("document.documentElement.scrollHeight") < 1600
        expect(body(page, 2)).to_be_hidden()
        card(page, 2).get_by_role("button", name="two").tap()
        expect(body(page, 2)).to_be_visible()
        for name in ("Move up", "Move down", "Insert below", "Duplicate", "Delete"):
            box = tool(page, 2, name).bounding_box()
            assert min(box["width"], box["height"]) >= 44
            assert box["x"] + box["width"] <= 390
        tool(page, 2, "Delete").tap()
        page.get_by_role("button", name="Undo").tap()
        card(page, 2).get_by_role("button", name="two").tap()
        drag_by_finger(page, card(page, 1).locator(".text-card__grip"), card(page, 3))
        assert bodies(page) == ["two", "three", "one"]
        page.get_by_role("button", name="Preview").tap()
        expect(page.get_by_role("dialog").locator(".bubble--from-us .bubble__text")).to_have_text(
            ["two", "three", "one"]
        )
        page.get_by_role("button", name="Back to the texts").tap()
        save(page)
        assert saved(story) == ["two", "three", "one"]


def drag_by_finger(page, grip, to) -> None:
    touch = page.context.new_cdp_session(page)
    start, end = grip.bounding_box(), to.bounding_box()
    x, y = start["x"] + start["width"] / 2, start["y"] + start["height"] / 2
    way = [(x, y + (end["y"] + end["height"] * 0.8 - y) * step / 12) for step in range(1, 13)]
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for x, y in way:
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_what_has_the_focus_is_never_behind_the_bar_that_saves(open_desk):
    with open_desk(390, height=844) as page:
        page.get_by_label("Summary").focus()
        bar = page.locator(".desk-bar")
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


def test_the_first_text_of_a_new_story_is_open_on_a_phone_and_the_address_follows_its_title(
    browser, live_server, client
):
    with desk(browser, live_server, client, None, 390) as page:
        page.get_by_label("Title").press_sequentially("The Mill on the Hill")
        body(page, 1).fill("Once")
        save(page)
        assert Story.objects.filter(slug="the-mill-on-the-hill").exists()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_long_title_is_covered_by_nothing(browser, live_server, client, width):
    story = make_story(title="What the river remembers, told by those who stayed")
    with desk(browser, live_server, client, story, width) as page:
        title = page.get_by_role("heading", name=story.title).bounding_box()
        share = page.get_by_role("link", name="Share").bounding_box()
        assert title["y"] + title["height"] <= share["y"]
