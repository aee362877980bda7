"""A reader's page in Chromium, as an editor uses it."""

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from stories.tests.factory import make_story
from subscribers import erasing
from subscribers.models import Subscriber
from textengine.tests.accessibility import assert_accessible, assert_accessible_everywhere
from textengine.tests.chromium import new_page, share_login

from .factory import make_enrollment, make_inbound, make_message, make_subscriber

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_an_editor_watches_a_reader_steers_and_answers(browser, live_server, editor):
    story = make_story([(f"Text number {place}, which says a little more.", 3600) for place in range(1, 7)])
    enrollment = make_enrollment(make_subscriber("+12125550123"), story, sent=3)
    make_enrollment(enrollment.subscriber, status="completed", sent=2)
    make_message(enrollment, body="This one was lost.", status="undelivered", error_code=30003)
    live = reverse("admin:subscribers_subscriber_live", args=[enrollment.subscriber_id])
    with new_page(browser, bypass_csp=True, lacking=live) as page:
        share_login(page, editor, live_server.url)
        address = reverse("admin:subscribers_subscriber_change", args=[enrollment.subscriber_id])
        page.goto(live_server.url + address)
        assert_accessible_everywhere(page)
        page.set_viewport_size({"width": 1280, "height": 900})
        hidden = page.locator(".thread .visually-hidden").first
        assert hidden.evaluate("element => element.offsetParent.className") == "thread"
        page.locator(".bubble__facts summary").first.click()
        make_inbound(enrollment.subscriber, "Is it true?")
        expect(page.locator(".bubble--from-reader")).to_contain_text("Is it true?")
        expect(page.locator("details[open] dl")).to_be_visible()
        page.get_by_label("Write to this reader").fill("It is – all of it.")
        expect(page.locator("[data-counted]")).to_contain_text("is a special character and takes more room")
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.locator(".bubble--from-us", has_text="It is – all of it.")).to_contain_text("Reply by eddie")
        page.get_by_role("button", name="Pause").click()
        expect(page.locator(".messagelist")).to_contain_text("Paused")
        page.get_by_role("link", name="Put at another text").first.click()
        page.set_viewport_size({"width": 390, "height": 844})
        assert_accessible(page)
        page.get_by_label("2. Text number 2").check()
        page.get_by_label("come once more").check()
        page.get_by_role("button", name="Put there").click()
        expect(page.locator(".messagelist")).to_contain_text("Put at text 2")
        erasing.erase_by_hand(Subscriber.objects.filter(pk=enrollment.subscriber_id), timezone.now())
        expect(page.locator("body")).not_to_contain_text("Put at text 2")
        expect(page.locator(".thread")).to_have_count(0)
