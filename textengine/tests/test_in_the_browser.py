"""The whole way as people do it: a journalist and an editor in the newsroom, a reader at a phone, all in Chromium."""

import os
import re

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from playwright.sync_api import expect

from stories.models import Story
from stories.sample import load_branching_sample, load_sample_story
from subscribers.models import Enrollment, Question

from .chromium import new_page
from .processes import wait_until
from .test_whole_way import OTHER_READER, RANDOM_CHARACTERS, READER, assert_in_time, assert_rhythm, read_story

PASSWORD = "a-password-for-tests"
# The story says 90 seconds; shortened so that a test run stays short.
FIRST_DELAY = int(os.environ.get("FIRST_DELAY_SECONDS", "6"))
STORY = [
    ("First text test! Reply STOP to end.", f"{FIRST_DELAY} seconds", FIRST_DELAY),
    ("Second text test?", "2 seconds", 2),
    ("Third text test.", "4 s", 4),
    (RANDOM_CHARACTERS, "3 seconds", 3),
]


def log_in(page, processes, name: str, group: str | None) -> None:
    """Make an account of this group and log in with it, in the page."""
    password = make_password(PASSWORD, hasher="pbkdf2_sha256")
    user = User.objects.create(username=name, password=password, is_staff=True, is_superuser=group is None)
    if group:
        user.groups.add(Group.objects.get(name=group))
    page.goto(f"{processes.url}/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def write_story(page, processes) -> None:
    """Enter the story of four texts as a journalist does."""
    page.goto(f"{processes.url}/admin/stories/story/add/")
    page.get_by_label("Title").fill("A test story")
    page.get_by_label("Keyword").fill("test")
    for place, (body, delay, _) in enumerate(STORY, start=1):
        if place > 1:
            page.get_by_role("group", name=f"Text {place - 1}", exact=True).get_by_role(
                "button", name="Insert below"
            ).click()
        card = page.get_by_role("group", name=f"Text {place}", exact=True)
        card.get_by_role("textbox", name="Text", exact=False).first.fill(body)
        card.get_by_label("When").fill(delay)
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator(".messagelist .success")).to_contain_text("Published. Readers can text TEST")


def phone(page, number: str = READER):
    return page.get_by_role("article", name=f"Phone {number}")


def open_phones(page, processes, *numbers: str) -> None:
    query = "&".join(f"phone=%2B{number[1:]}" for number in numbers)
    page.goto(f"{processes.sandbox.url}/?{query}")


def text_from(page, body: str, number: str = READER) -> None:
    field = phone(page, number).get_by_label("Text message from")
    field.fill(body)
    field.press("Enter")


@pytest.mark.in_time
def test_a_story_that_a_journalist_enters_arrives_on_a_phone_with_its_delays_and_characters(processes, browser):
    with new_page(browser) as page:
        log_in(page, processes, "journalist", "Journalists")
        write_story(page, processes)
        assert list(Story.objects.get().texts.values_list("body", flat=True)) == [body for body, _, _ in STORY]
        open_phones(page, processes, READER)
        text_from(page, "Test")
        bubbles = phone(page).locator(".bubble--from-us")
        expect(bubbles).to_have_count(4, timeout=(FIRST_DELAY + 40) * 1000)
        for place, (body, _, _) in enumerate(STORY):
            expect(bubbles.nth(place)).to_contain_text(body)
    assert read_story(processes, READER, 4, 5) == [body for body, _, _ in STORY]
    assert_rhythm([seconds for _, _, seconds in STORY])


@pytest.mark.in_time
def test_the_sample_story_arrives_in_order_with_its_pictures_while_the_admin_shows_it_happening(
    processes, browser, settings, tmp_path
):
    settings.MEDIA_ROOT = tmp_path
    story = load_sample_story()
    texts = list(story.texts.order_by("position"))
    assert len(texts) >= 8
    with new_page(browser) as desk, new_page(browser) as phones:
        log_in(desk, processes, "editor", "Editors")
        open_phones(phones, processes, READER)
        text_from(phones, story.keyword.lower())
        bubbles = phone(phones).locator(".bubble--from-us")
        for place in range(1, len(texts) + 1):
            expect(bubbles).to_have_count(place)
            wait_until(lambda place=place: Enrollment.objects.get().step == place)
            desk.goto(f"{processes.url}/admin/subscribers/enrollment/")
            row = desk.get_by_role("row").filter(has_text=masked(READER))
            expect(row).to_contain_text(f"{place} of {len(texts)}")
            if place in (1, len(texts)):
                expect(row).to_contain_text("Active" if place == 1 else "Completed")
            if 1 < place < len(texts):
                skip_the_wait(desk)
        expect(phone(phones).locator(".bubble--from-us img")).to_have_count(2)
        assert phones.evaluate(
            "[...document.querySelectorAll('.bubble--from-us img')].every(i => i.naturalWidth > 500)"
        )
        for bubble, text in zip(bubbles.all(), texts, strict=True):
            expect(bubble).to_contain_text(text.body)
    # An editor's "now" is a due time too.
    assert_in_time()


def masked(number: str) -> str:
    """Return a number as the newsroom shows it."""
    return f"{number[:2]} … {number[-2:]}"


def skip_the_wait(desk, number: str = READER) -> None:
    """Make the next text due now, as an editor does who is trying a story out."""
    desk.get_by_role("row").filter(has_text=masked(number)).get_by_role("checkbox").check()
    desk.get_by_role("combobox", name="Action").select_option("send_next_now")
    desk.get_by_role("button", name=re.compile("^(Run|Go)")).click()
    desk.get_by_role("button", name="Send the next text now: 1 reader").click()
    expect(desk.locator(".messagelist .success")).to_be_visible()


ENDINGS = {
    READER: (["Marta", "c) look", "Perhaps?", "stop the beam!"], "By order of Marta.", 9),
    OTHER_READER: (["The Fog Horn", "B"], "Witness: The Fog Horn.", 7),
}


@pytest.mark.parametrize("number", [READER, pytest.param(OTHER_READER, marks=pytest.mark.slow)])
def test_the_sample_story_that_asks_is_played_to_both_its_endings(processes, browser, number):
    story = load_branching_sample()
    answers, ending, count = ENDINGS[number]
    with new_page(browser) as desk, new_page(browser) as phones:
        log_in(desk, processes, "editor", "Editors")
        open_phones(phones, processes, number)
        text_from(phones, "keeper", number)
        for answer in answers:
            wait_for_question(desk, processes, number)
            answered = Question.objects.exclude(answered_at=None).count()
            text_from(phones, answer, number)
            if answer == "Perhaps?":
                expect(phone(phones, number)).to_contain_text("Answer A for the beam, B for the bell")
            else:
                wait_until(lambda answered=answered: Question.objects.exclude(answered_at=None).count() > answered)
        send_the_rest(desk, processes, number)
        expect(phone(phones, number).locator(".bubble--from-us").last).to_contain_text(ending)
        row = desk.get_by_role("row").filter(has_text=masked(number))
        expect(row).to_contain_text("Completed")
        expect(row).to_contain_text(f"{count} of {count}")
    assert Enrollment.objects.get(story=story).step == count


def wait_for_question(desk, processes, number: str) -> None:
    """Send this reader what is to come until the story waits for an answer."""
    while not Question.objects.waiting().exists():
        send_next(desk, processes, number)


def send_the_rest(desk, processes, number: str) -> None:
    while Enrollment.objects.get().status == Enrollment.Status.ACTIVE:
        send_next(desk, processes, number)
    desk.goto(f"{processes.url}/admin/subscribers/enrollment/")


def send_next(desk, processes, number: str) -> None:
    wait_until(lambda: Enrollment.objects.exists())
    step = Enrollment.objects.get().step
    desk.goto(f"{processes.url}/admin/subscribers/enrollment/")
    skip_the_wait(desk, number)
    wait_until(lambda: Enrollment.objects.get().step > step)


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_an_editor_sees_the_thread_as_on_a_phone(processes, browser, width):
    with new_page(browser, width=width) as page:
        log_in(page, processes, "admin", None)
        write_story(page, processes)
        processes.sandbox.text(READER, "test")
        wait_until(lambda: Enrollment.objects.exists())
        page.goto(f"{processes.url}/admin/subscribers/subscriber/")
        page.get_by_role("link", name=masked(READER)).click()
        expect(page.locator(".bubble--from-reader")).to_contain_text("test")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
