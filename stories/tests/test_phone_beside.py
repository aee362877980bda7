"""The phone beside a story's form in Chromium: it follows what is written, chosen and dropped, before it is saved."""

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from PIL import Image
from playwright.sync_api import expect

from stories.models import Story
from textengine.tests.processes import wait_until

from .desk import bodies, body, bubbles, card, desk, said, save, tool
from .factory import make_story

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def story() -> Story:
    return make_story([("one", 0), ("two", 120), ("three", 7200)], title="The River", keyword="RIVER")


@pytest.fixture
def open_desk(browser, live_server, client, story):
    return lambda width=1280, **options: desk(browser, live_server, client, story, width, **options)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "pier.png"
    Image.new("RGB", (40, 30), "teal").save(path)
    return path


def facts(page, place: int):
    return card(page, place).locator("[data-facts]")


def test_the_phone_follows_what_is_written_before_it_is_saved(open_desk, story):
    with open_desk() as page:
        thread = page.locator(".phone .thread")
        expect(thread).to_contain_text("2 minutes later")
        expect(page.locator(".bubble--from-reader")).to_contain_text("RIVER")
        page.get_by_label("Keyword").fill("bank")
        body(page, 1).fill("one, rewritten")
        card(page, 2).get_by_label("When").fill("3 days")
        expect(bubbles(page).first).to_contain_text("one, rewritten")
        expect(thread).to_contain_text("3 days later")
        expect(page.locator(".bubble--from-reader")).to_contain_text("bank")
        tool(page, 3, "Move up").click()
        expect(bubbles(page).nth(1)).to_contain_text("three")
        # What cannot be saved is seen with its reason, and the others as ever.
        card(page, 3).get_by_label("When").fill("soon")
        expect(bubbles(page).nth(2)).to_contain_text("“soon”")
        expect(bubbles(page).first).to_contain_text("one, rewritten")
        # The one that is written is marked; clicking another leads to its card.
        expect(page.locator(".is-current")).to_contain_text("two")
        bubbles(page).first.click()
        expect(body(page, 1)).to_be_focused()
        page.get_by_label("A reader starts").select_option("chosen day")
        page.get_by_label("Day", exact=True).fill("2030-07-04")
        page.get_by_label("in", exact=True).select_option("Asia/Tokyo")
        expect(thread).to_contain_text("Thursday, 4 July")
        expect(thread).to_contain_text("12:00")
        page.get_by_label("readers:").fill("50000")
        expect(page.locator("[data-story=bill]")).to_have_text("1,920.00 USD")


def test_the_saved_story_is_seen_on_a_page_that_can_be_passed_on_and_printed(open_desk, story):
    with open_desk() as page:
        page.get_by_role("link", name="The saved story on a page of its own").click()
        page.get_by_label("A reader starts").select_option("chosen day")
        page.get_by_label("Day", exact=True).fill("2030-07-04")
        page.get_by_label("in", exact=True).select_option("Asia/Tokyo")
        page.get_by_role("button", name="Show").click()
        expect(page.locator(".thread")).to_contain_text("Thursday, 4 July")
        page.goto(page.url)
        expect(page.locator(".thread")).to_contain_text("Thursday, 4 July")
        expect(bubbles(page)).to_have_count(3)
        page.emulate_media(media="print")
        expect(page.get_by_role("button", name="Show")).to_be_hidden()
        expect(bubbles(page).last).to_be_visible()


def test_one_click_makes_a_text_plain_and_one_takes_it_back(open_desk, story):
    typed = "“It’s in the cellar again,” she said – " + "x" * 60
    plain = typed.replace("“", '"').replace("”", '"').replace("’", "'").replace("–", "-")
    with open_desk() as page:
        body(page, 1).fill(typed)
        body(page, 2).fill("It’s “wet”…")
        expect(facts(page, 1)).to_contain_text("2 texts: “ ’ ” – are special characters and take more room")
        card(page, 1).get_by_role("button", name="Make plain").click()
        expect(body(page, 1)).to_have_value(plain)
        expect(facts(page, 1)).to_contain_text("99 plain characters · 1 text")
        page.keyboard.press("Control+z")
        expect(body(page, 1)).to_have_value(typed)
        card(page, 1).get_by_role("button", name="Make plain").click()
        undo = card(page, 1).get_by_role("button", name="Undo plain")
        expect(undo).to_be_visible()
        body(page, 2).fill("It’s “wet”… and more")
        expect(facts(page, 2)).to_contain_text("20 characters")
        expect(undo).to_have_count(1)
        body(page, 2).fill("It’s “wet”…")
        undo.click()
        expect(body(page, 1)).to_have_value(typed)
        page.get_by_role("button", name="Fold all").click()
        page.get_by_role("button", name="Make all 2 plain").click()
        expect(page.get_by_role("button", name="Open all")).to_be_focused()
        assert bodies(page) == [plain, 'It\'s "wet"...', "three"]
        expect(page.get_by_role("button", name="Make all")).to_be_hidden()


def drop(page, place: int, name: str, kind: str, content: bytes) -> None:
    """Drop a file on a card, as from another window."""
    files = page.evaluate_handle(
        """([name, type, bytes]) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], name, {type}));
          return data;
        }""",
        [name, kind, list(content)],
    )
    for event in ("dragover", "drop"):
        card(page, place).dispatch_event(event, {"dataTransfer": files})


def shown(page) -> list[bool]:
    """Tell for each picture on the phone whether it is seen."""
    return page.evaluate("[...document.querySelectorAll('.phone img')].map((image) => image.naturalWidth > 0)")


def test_a_picture_is_seen_as_soon_as_it_is_chosen_or_dropped(open_desk, story, picture):
    with open_desk(lacking=reverse("admin:stories_story_linked")) as page:
        card(page, 1).get_by_label("Picture", exact=True).set_input_files(picture)
        expect(said(page)).to_have_text("Text 1 has a picture: pier.png.")
        expect(card(page, 1).locator("img")).to_have_attribute("src", re.compile("^blob:"))
        drop(page, 2, "dropped.png", "image/png", picture.read_bytes())
        expect(page.locator(".phone img")).to_have_count(2)
        wait_until(lambda: shown(page) == [True, True])
        expect(facts(page, 2)).to_contain_text("a picture message")
        drop(page, 3, "notes.txt", "text/plain", b"notes")
        expect(said(page)).to_have_text("That is not a JPEG, PNG or GIF picture.")
        card(page, 2).get_by_role("button", name="Remove").click()
        expect(page.locator(".phone img")).to_have_count(1)
        tool(page, 1, "Duplicate").click()
        expect(page.locator(".phone img")).to_have_count(2)
        card(page, 1).get_by_label("Picture in words").fill("A pier in the fog")
        save(page)
        first, copy, *others = story.texts.order_by("position")
        assert first.media
        assert copy.media
        assert first.media != copy.media
        assert first.alt == "A pier in the fog"
        assert not any(text.media for text in others)
        # Saved pictures stay while other things are changed; a link that leads nowhere is named.
        body(page, 1).fill("one, with a picture")
        card(page, 4).get_by_text("Link to a picture").first.click()
        card(page, 4).get_by_label("Link to a picture").fill("https://127.0.0.1/a.png")
        expect(bubbles(page).nth(3)).to_contain_text("Picture: 127.0.0.1")
        wait_until(lambda: shown(page) == [True, True])
        card(page, 1).get_by_role("button", name="Remove").click()
        expect(page.locator(".phone img")).to_have_count(1)
        card(page, 1).get_by_role("button", name="Put back").click()
        expect(page.locator(".phone img")).to_have_count(2)


def test_a_text_is_set_in_the_direction_in_which_it_is_written(open_desk, story):
    with open_desk() as page:
        body(page, 1).fill("\u0645\u0631\u062d\u0628\u0627! ok.")
        expect(bubbles(page).first.locator(".bubble__text")).to_have_css("direction", "rtl")
        expect(body(page, 1)).to_have_css("direction", "rtl")
        expect(body(page, 2)).to_have_css("direction", "ltr")


def test_the_latest_wins_and_a_preview_that_fails_loses_nothing(open_desk, story):
    with open_desk() as page:
        expect(bubbles(page)).to_have_count(3)
        asked = []
        page.on("request", lambda request: asked.append(request.url) if "preview" in request.url else None)
        body(page, 1).press_sequentially("abcdefghijklmnopqrst", delay=15)
        expect(bubbles(page).first).to_contain_text("abcdefghijklmnopqrst")
        assert len(asked) < 8
        page.context.clear_cookies(name="sessionid")
        body(page, 1).press_sequentially("!")
        expect(page.locator("[data-said]")).to_contain_text("still logged in")
        expect(body(page, 1)).to_have_value("abcdefghijklmnopqrst!one")


def test_one_who_may_only_look_sees_the_texts_and_the_phone(open_desk, story):
    looker = User.objects.create_user("root", is_staff=True)
    permissions = Permission.objects.filter(codename__in=["view_story", "view_storytext", "all_stories"])
    looker.user_permissions.set(permissions)
    with open_desk() as page:
        expect(bubbles(page)).to_have_count(3)
        expect(card(page, 3)).to_contain_text("2 hours")
        expect(facts(page, 3)).to_contain_text("5 plain characters · 1 text")
        expect(page.locator("[data-said]")).to_be_empty()
        expect(page.locator(".texts textarea, .texts button:visible")).to_have_count(0)
