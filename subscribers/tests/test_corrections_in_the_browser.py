"""A correction in Chromium, from the story's page until it has gone out."""

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from stories import history
from stories.tests.factory import make_story
from subscribers import correcting
from subscribers.models import Correction, Message
from textengine.tests.accessibility import assert_accessible, assert_accessible_everywhere
from textengine.tests.chromium import new_page, share_login

from .factory import make_enrollment, make_subscriber

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_an_editor_corrects_a_text_and_sees_it_go_out(browser, live_server, editor):
    story = make_story(
        [("The bridge was closed on Monday.", 60), ("It opened again on Friday.", 60)], title="The bridge"
    )
    history.keep(story, timezone.now())
    for _ in range(3):
        make_enrollment(story=story, sent=2)
    make_enrollment(make_subscriber(opted_out_at=timezone.now()), story, sent=1)
    with new_page(browser, bypass_csp=True) as page:
        share_login(page, editor, live_server.url)
        page.goto(live_server.url + reverse("admin:stories_story_change", args=[story.pk]))
        page.get_by_role("link", name="Corrections").click()
        page.get_by_role("link", name="Correct text 1").click()
        page.get_by_label("What it says").fill("We were wrong: the bridge was closed on Tuesday.")
        expect(page.locator("[data-counted]")).to_contain_text("1 text")
        page.get_by_role("button", name="Preview").click()
        expect(page.locator(".phone")).to_contain_text("We were wrong")
        page.get_by_label("What it says").fill("We were wrong: it was on Wednesday.")
        expect(page.get_by_role("button", name="Send to")).to_have_count(0)
        page.get_by_role("button", name="Preview").click()
        expect(page.locator(".phone")).to_contain_text("Wednesday")
        assert_accessible_everywhere(page)
        page.get_by_role("button", name="Send to 3 readers").click()
        expect(page.locator("[data-progress]")).to_contain_text("0 of 3 sent")
        while correcting.write_batch(Correction.objects.get().pk, timezone.now()):
            pass
        Message.objects.filter(correction__isnull=False).update(status="delivered")
        expect(page.locator("[data-progress]")).to_contain_text("3 of 3 sent")
        expect(page.get_by_role("button", name="Stop it")).to_have_count(0)
        page.set_viewport_size({"width": 390, "height": 844})
        assert_accessible(page)
