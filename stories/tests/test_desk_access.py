"""The desk for everybody: what axe-core finds on it, wide and narrow, light and dark, in all its states."""

from datetime import time, timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from PIL import Image
from playwright.sync_api import expect

from stories import history
from stories.quiet import QuietHours
from textengine.tests.accessibility import assert_accessible_everywhere, assert_accessible_light_and_dark

from .desk import body, bubbles, card, desk, tool
from .factory import make_story

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_axe_finds_nothing_on_the_desk(browser, live_server, client, settings, tmp_path):
    settings.QUIET_HOURS = QuietHours(time(21), time(8))
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "pier.png")
    story = make_story([("one", 0), ("“two” – and more", 120), ("three", 7200), ("four", 0)], keyword="RIVER")
    # axe-core looks into style sheets by copying them into the page, which the page's own policy refuses.
    with desk(browser, live_server, client, story, bypass_csp=True) as page:
        card(page, 3).get_by_label("Picture", exact=True).set_input_files(tmp_path / "pier.png")
        tool(page, 4, "Delete").click()
        card(page, 1).get_by_label("When").fill("at 23:00")
        expect(bubbles(page).first).to_contain_text("moved from 23:00")
        page.get_by_text("Moving texts, and when they come").click()
        assert_accessible_light_and_dark(page)
        card(page, 1).get_by_label("When").fill("soon")
        page.get_by_role("button", name="Save and continue editing").click()
        expect(bubbles(page).first).to_contain_text("“soon”")
        assert_accessible_light_and_dark(page)
        page.get_by_role("button", name="Fold all").click()
        assert_accessible_light_and_dark(page)
    with desk(browser, live_server, client, story, 390, is_mobile=True, bypass_csp=True) as page:
        card(page, 2).get_by_role("button", name="“two”").click()
        expect(card(page, 2).get_by_role("button", name="Make plain")).to_be_visible()
        # At the end of the page: a card of which the bar leaves but a strip in sight is taken for a small target.
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        assert_accessible_light_and_dark(page)
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("dialog", name="Preview")).to_be_visible()
        assert_accessible_light_and_dark(page)
        page.keyboard.press("Escape")
        expect(body(page, 2)).to_be_visible()


@pytest.mark.slow
def test_axe_finds_nothing_on_the_pages_around_the_desk(browser, live_server, client):
    story = make_story([("one", 0), ("two", 120)], title="The River", slug="the-river", status="draft")
    entry = history.keep(story, timezone.now())
    story.texts.filter(position=2).update(body="two, rewritten", delay=timedelta(hours=2))
    history.keep(story, timezone.now())
    with desk(browser, live_server, client, story, bypass_csp=True) as page:
        for name, arguments in {
            "preview": [story.pk],
            "history": [story.pk],
            "put_back": [story.pk, entry.pk],
            "archive": [story.pk],
        }.items():
            page.goto(live_server.url + reverse(f"admin:stories_story_{name}", args=arguments))
            assert_accessible_everywhere(page)
        other = make_story(title="The Bus")
        history.keep_deletion(other, timezone.now(), User.objects.get())
        page.goto(live_server.url + reverse("admin:stories_story_deleted"))
        page.get_by_text("2 texts").click()
        assert_accessible_everywhere(page)


@pytest.mark.slow
def test_axe_finds_nothing_on_importing(browser, live_server, client):
    story = make_story([("one", 0), ("two", 120), ("four", 0)], title="The River", slug="the-river")
    script = "---\ntitle: The River\n---\none. Reply STOP to end.\n=== soon ===\nthree\n=== 1 hour ===\ntwo"
    with desk(browser, live_server, client, story, bypass_csp=True) as page:
        page.goto(live_server.url + reverse("admin:stories_story_import"))
        page.get_by_text("How to write it").click()
        assert_accessible_everywhere(page)
        page.get_by_label("or paste it here").fill(script)
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("alert")).to_contain_text("1 thing to mend")
        assert_accessible_everywhere(page)
        page.get_by_label("or paste it here").fill(script.replace("soon", "2 hours"))
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
        assert_accessible_everywhere(page)
