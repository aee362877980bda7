"""A reader's page in Chromium, as an editor uses it."""

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse
from playwright.sync_api import expect

from stories.tests.factory import make_story
from textengine.tests.accessibility import assert_accessible, assert_accessible_everywhere
from textengine.tests.chromium import new_page

from .factory import make_enrollment, make_inbound, make_message, make_subscriber

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def editor(client):
    user = User.objects.create_user("eddie", is_staff=True)
    user.groups.add(Group.objects.get(name="Editors"))
    client.force_login(user)
    return client


def test_an_editor_watches_a_reader_steers_and_answers(browser, live_server, editor):
    story = make_story([(f"Text number {place}, which says a little more.", 3600) for place in range(1, 7)])
    enrollment = make_enrollment(make_subscriber("+12125550123"), story, sent=3)
    make_enrollment(enrollment.subscriber, status="completed", sent=2)
    make_message(enrollment, body="This one was lost.", status="undelivered", error_code=30003)
    with new_page(browser, bypass_csp=True) as page:
        cookie = {"name": "sessionid", "value": editor.cookies["sessionid"].value, "url": live_server.url}
        page.context.add_cookies([cookie])
        address = reverse("admin:subscribers_subscriber_change", args=[enrollment.subscriber_id])
        page.goto(live_server.url + address)
        assert_accessible_everywhere(page)
        page.set_viewport_size({"width": 1280, "height": 900})
        page.locator(".bubble__facts summary").first.click()
        make_inbound(enrollment.subscriber, "Is it true?")
        expect(page.locator(".bubble--from-reader")).to_contain_text("Is it true?")
        expect(page.locator("details[open] dl")).to_be_visible()
        page.get_by_label("Write to this reader").fill("It is – all of it.")
        expect(page.locator("[data-counted]")).to_contain_text("makes it Unicode")
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
