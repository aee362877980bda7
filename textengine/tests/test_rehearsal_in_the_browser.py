"""Rehearsing as a journalist does it, in Chromium: the newsroom on one page, the sandbox's phone on another."""

import re

import pytest
from playwright.sync_api import expect

from stories.tests.factory import make_story
from subscribers.models import Enrollment, Message

from .accessibility import assert_accessible, assert_accessible_light_and_dark
from .chromium import new_page
from .test_in_the_browser import log_in, open_phones, phone
from .test_whole_way import READER

DAY = 86_400
WIDE, NARROW = 1280, 390


def page_of(processes, story) -> str:
    return f"{processes.url}/admin/stories/story/{story.pk}/change/"


def press(page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()


def code_on(phones) -> str:
    bubble = phone(phones).locator(".bubble--from-us").last
    expect(bubble).to_contain_text("Your code is")
    return re.search(r"\d{6}", bubble.inner_text())[0]


def test_a_journalist_rehearses_a_draft_from_entering_the_number_to_the_last_text(processes, browser):
    texts = [("First. Reply STOP to end.", 0), ("Second.", 2 * DAY), ("Third.", 0), ("Fourth.", DAY)]
    with new_page(browser) as desk, new_page(browser) as phones:
        log_in(desk, processes, "journalist", "Journalists")
        story = make_story(texts, status="draft")
        open_phones(phones, processes, READER)
        desk.goto(page_of(processes, story))
        # What is not saved is not texted, and that is said.
        desk.get_by_label("Title").fill("The Ferry")
        desk.get_by_role("link", name="Text me this story").click()
        question = desk.get_by_role("dialog", name="Some of this is not saved yet")
        question.get_by_role("button", name="Save, then rehearse").click()
        expect(desk.get_by_role("heading", name="Text me this story")).to_be_visible()
        expect(desk.locator(".messagelist")).to_contain_text("Saved.")
        desk.get_by_label("Your phone’s number").fill("(415) 555-0101")
        press(desk, "Text me a code")
        code = code_on(phones)
        desk.get_by_label("The code that was texted to it").fill("12")
        press(desk, "Confirm")
        expect(desk.locator(".errorlist")).to_have_text("A code has six digits.")
        desk.get_by_label("The code that was texted to it").fill(code)
        press(desk, "Confirm")
        expect(desk.get_by_text("Your phone is confirmed.")).to_be_visible()
        desk.get_by_label("All of it in about").fill("6 seconds")
        press(desk, "Text me this story")
        progress = desk.get_by_role("region", name="On its way")
        expect(progress).to_contain_text("1 of 4 texts were sent.")
        bubbles = phone(phones).locator(".bubble--from-us")
        expect(bubbles).to_have_count(5)
        words = ["First. Reply STOP to end.", "[2 days later]\nSecond.", "Third.", "[1 day later]\nFourth."]
        for place, text in enumerate(words, start=1):
            expect(bubbles.nth(place)).to_contain_text(text)
        # Without loading the page again.
        expect(desk.get_by_role("region", name="Last rehearsal")).to_contain_text("The end: all 4 texts were sent.")
        expect(desk.get_by_role("button", name="Stop this rehearsal")).to_have_count(0)
    rehearsal = Enrollment.objects.get()
    assert rehearsal.is_compressed
    first, *_, last = Message.objects.story_texts().order_by("step").values_list("sent_at", flat=True)
    assert (last - first).total_seconds() == pytest.approx(6, abs=1.5)


@pytest.mark.slow
def test_a_rehearsal_is_stopped_by_keyboard_and_axe_finds_nothing_on_its_page(processes, browser):
    with new_page(browser, bypass_csp=True) as desk, new_page(browser) as phones:
        log_in(desk, processes, "journalist", "Journalists")
        story = make_story([("First.", 0), ("Second.", DAY)], status="draft")
        open_phones(phones, processes, READER)
        desk.goto(page_of(processes, story))
        desk.get_by_label("Title").fill("Changed")
        desk.get_by_role("link", name="Text me this story").focus()
        desk.keyboard.press("Enter")
        assert_accessible(desk)
        desk.keyboard.press("Escape")
        expect(desk.get_by_role("dialog")).to_have_count(0)
        press(desk, "Save draft")
        desk.goto(page_of(processes, story).replace("/change/", "/rehearse/"))
        assert_accessible_light_and_dark(desk)
        desk.get_by_label("Your phone’s number").fill("12")
        desk.keyboard.press("Enter")
        expect(desk.locator(".errorlist")).to_contain_text("This is no phone number.")
        assert_accessible(desk)
        desk.get_by_label("Your phone’s number").fill(READER)
        desk.keyboard.press("Enter")
        desk.get_by_label("The code that was texted to it").fill(code_on(phones))
        assert_accessible(desk)
        desk.keyboard.press("Enter")
        desk.get_by_label("All of it in about").fill("1 hour")
        desk.keyboard.press("Enter")
        expect(desk.get_by_role("status")).to_contain_text(["1 of 2 texts were sent."])
        for width in (NARROW, WIDE):
            desk.set_viewport_size({"width": width, "height": 800})
            assert_accessible_light_and_dark(desk)
            assert desk.evaluate("document.documentElement.scrollWidth") <= width
        stop = desk.get_by_role("button", name="Stop this rehearsal")
        stop.focus()
        # The button keeps the focus while the page goes on looking.
        with desk.expect_response(lambda response: "/progress/" in response.url):
            pass
        expect(stop).to_be_focused()
        desk.keyboard.press("Enter")
        expect(desk.get_by_role("region", name="Last rehearsal")).to_contain_text("Stopped after 1 of 2 texts")
    assert Message.objects.story_texts().get(step=2).status == Message.Status.CANCELED
