"""Questions on the page of a story in Chromium: written on the cards, seen on the map, answered on the phone."""

import pytest
from playwright.sync_api import expect

from stories.models import Story
from stories.sample import load_branching_sample
from stories.turns import Choice, Turn
from textengine.tests.accessibility import assert_accessible_light_and_dark

from .desk import body, bubbles, card, desk, save, tool
from .factory import make_pier, make_story

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def open_desk(browser, live_server, client):
    return lambda story, width=1280, **options: desk(browser, live_server, client, story, width, **options)


def then(page, place: int, words: str) -> None:
    card(page, place).get_by_label("Then").select_option(label=words)


def rows(page) -> list[str]:
    return [" ".join(row.split()) for row in page.locator(".ways__rows li").all_inner_texts()]


def test_a_straight_story_shows_nothing_of_questions_until_somebody_wants_them(open_desk):
    with open_desk(make_story([("one", 0), ("two", 60)])) as page:
        expect(bubbles(page)).to_have_count(2)
        expect(card(page, 1).get_by_label("Then")).to_be_hidden()
        expect(page.locator(".ways__map")).to_have_count(0)
        page.get_by_role("button", name="Questions and ways").click()
        expect(card(page, 1).get_by_label("Then")).to_be_visible()
        expect(card(page, 1).locator(".turn")).not_to_contain_text("{#")
        then(page, 1, "what the reader answers")
        card(page, 1).get_by_label("Answers").fill("anything")
        expect(page.locator(".phone").get_by_label("Any answer")).to_be_visible()


def test_a_question_is_written_saved_and_written_on_in_the_words_of_the_page(open_desk):
    story = make_story([("Stay? Reply STOP to end.", 0), ("You stay.", 60), ("You go.", 60)], status="draft")
    with open_desk(story, height=1500) as page:
        page.get_by_role("button", name="Questions and ways").click()
        then(page, 1, "what the reader answers")
        card(page, 1).get_by_label("Answers").fill("yes\nno -> gone")
        expect(card(page, 1)).to_contain_text("The answer “no” leads to “gone”, and no text is named so.")
        card(page, 3).get_by_label("Name").fill("gone")
        then(page, 2, "nothing: it ends here")
        card(page, 1).get_by_label("Hint").fill("Yes or\nno?")
        card(page, 1).get_by_label("Keep as").fill("choice")
        card(page, 1).get_by_label("No answer after").fill("2 days")
        card(page, 1).get_by_label("takes").fill("no")
        expect(card(page, 1).locator(".facts__problem")).to_have_count(0)
        assert rows(page) == [
            "1 Stay? Reply STOP to end. yes → 2 no → 3",
            "2 You stay. the end",
            "3 gone You go. the end",
        ]
        save(page)
        asks, stays, gone = story.texts.order_by("position")
        assert asks.choices == (Choice(("yes",)), Choice(("no",), "gone"))
        assert (asks.hint, asks.keeps, asks.answer_within.days, asks.default_answer) == (
            "Yes or no?",
            "choice",
            2,
            "no",
        )
        assert (stays.follows, gone.label) == ("end", "gone")
        # It is there again, and a copy of it is not called the same.
        expect(card(page, 1).get_by_label("Answers")).to_have_value("yes\nno -> gone")
        expect(card(page, 1).get_by_label("No answer after")).to_have_value("2 days")
        tool(page, 3, "Duplicate").click()
        expect(card(page, 4).get_by_label("Name")).to_have_value("")
        tool(page, 1, "Duplicate").click()
        expect(card(page, 2).get_by_label("Answers")).to_have_value("yes\nno -> gone")
        expect(card(page, 2).get_by_label("Then")).to_have_value("answer")
        # What no longer asks forgets it.
        then(page, 1, "the next text")
        save(page)
        assert story.texts.get(position=1).turn == Turn()


def test_answers_are_given_on_the_phone_by_mouse_and_by_keys_and_nothing_is_saved_or_lost(open_desk):
    story = load_branching_sample()
    with open_desk(story) as page:
        expect(bubbles(page)).to_have_count(2)
        body(page, 3).fill("{name|No name}, rewritten.")
        page.locator(".phone").get_by_label("Any answer").fill("Marta")
        page.keyboard.press("Enter")
        expect(bubbles(page).nth(2)).to_contain_text("Marta, rewritten.")
        expect(page.locator("[data-heard]")).to_contain_text("Marta, rewritten.")
        options = page.locator(".phone").get_by_role("group", name="Answer as a reader")
        look = options.nth(1).get_by_role("button", name="C, look")
        look.press("Enter")
        expect(options).to_have_count(3)
        expect(look).to_be_focused()
        expect(look).to_have_attribute("aria-pressed", "true")
        options.nth(2).get_by_role("button", name="B, bell, ring").click()
        expect(bubbles(page).last).to_contain_text("Witness: Marta.")
        assert page.locator(".bubble--from-reader .bubble__text").all_inner_texts() == ["KEEPER", "Marta", "C", "B"]
        # Another answer to an earlier question: what was answered after it is open again.
        options.nth(1).get_by_role("button", name="A, beam").click()
        expect(bubbles(page).last).to_contain_text("By order of Marta.")
        options.first.get_by_role("button", name="no answer").click()
        expect(bubbles(page).nth(2)).to_contain_text("No name, rewritten.")
        expect(page.locator(".phone")).to_contain_text("Are you there? She is closer.")
        expect(body(page, 3)).to_have_value("{name|No name}, rewritten.")
    assert "rewritten" not in story.texts.get(position=3).body


def test_what_stands_in_the_way_of_publishing_is_said_at_the_text(open_desk):
    story = make_pier()
    Story.objects.filter(pk=story.pk).update(keyword="PIER", status="draft")
    with open_desk(story) as page:
        card(page, 5).get_by_label("Name").fill("quay")
        page.get_by_role("button", name="Publish", exact=True).click()
        expect(page.locator(".status-panel")).to_contain_text("Text 2: The answer “B” leads to “pier”")
        expect(card(page, 2).locator(".errorlist")).to_contain_text("no text is named so")
        expect(card(page, 5).locator(".errorlist")).to_contain_text("Nothing leads here")
        card(page, 5).get_by_label("Name").fill("pier")
        page.get_by_role("button", name="Publish", exact=True).click()
        expect(page.locator(".messagelist .success")).to_contain_text("Published.")


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_on_a_phone_nothing_is_cut_off_and_answers_are_large_enough(open_desk, scheme):
    with open_desk(load_branching_sample(), 390, is_mobile=True, has_touch=True, color_scheme=scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        card(page, 4).get_by_role("button", name="A boat").tap()
        for label in ("Then", "Name", "Answers", "Hint", "Keep as", "No answer after", "takes", "or reminds"):
            box = card(page, 4).get_by_label(label, exact=True).bounding_box()
            assert box["x"] + box["width"] <= 390
            assert box["height"] >= 40
        page.get_by_role("button", name="Preview").tap()
        page.locator(".phone").get_by_role("button", name="no answer").tap()
        expect(bubbles(page)).to_have_count(4)
        box = page.locator(".phone").get_by_role("button", name="C, look").bounding_box()
        assert box["height"] >= 44


@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.slow), 390])
def test_axe_finds_nothing_on_questions_the_map_and_answers(open_desk, width):
    # axe-core looks into style sheets by copying them into the page, which the page's own policy refuses.
    with open_desk(load_branching_sample(), width, bypass_csp=True, is_mobile=width == 390) as page:
        expect(page.locator(".ways__rows li")).to_have_count(6)
        if width == 390:
            page.get_by_role("button", name="Open all").click()
        card(page, 4).get_by_label("Answers").fill("A -> nowhere")
        expect(card(page, 4)).to_contain_text("no text is named so")
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        assert_accessible_light_and_dark(page)
        if width == 390:
            page.get_by_role("button", name="Preview").click()
        page.locator(".phone").get_by_role("button", name="no answer").click()
        expect(bubbles(page)).to_have_count(4)
        assert_accessible_light_and_dark(page)
