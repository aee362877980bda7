"""The reply desk as an editor uses it: one page for the whole way, and axe-core on it in all its looks."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from subscribers.models import Message, Remark
from textengine.tests.accessibility import assert_accessible_everywhere
from textengine.tests.chromium import new_page, share_login

from .desk import make_readers, make_remark

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_an_editor_reads_tags_and_answers_by_keyboard_while_more_comes_in(browser, live_server, client):
    # axe-core looks into style sheets by copying them into the page, which the page's own policy refuses.
    with new_page(browser, bypass_csp=True) as page:
        oldest, _, newest = make_readers(3)
        client.force_login(User.objects.create_superuser("sam"))
        share_login(page, client, live_server.url)
        page.clock.install()
        page.goto(f"{live_server.url}/admin/subscribers/remark/")
        rows = page.locator("[data-remark]")
        for key in ("j", "j", "k", "Enter"):
            page.keyboard.press(key)
        opened = page.locator(f"[data-remark='{newest.pk}'] [data-opened]")
        expect(opened).to_contain_text("by sam")
        expect(page.locator(".remark--unread")).to_have_count(2)
        expect(page.locator(".group__unread")).to_contain_text("2")
        opened.get_by_role("button", name="Question").click()
        expect(opened.get_by_role("button", name="Question")).to_have_attribute("aria-pressed", "true")
        page.keyboard.press("r")
        page.keyboard.type("It is “true”.")
        page.clock.run_for(1000)
        expect(opened.locator("[data-counted]")).to_contain_text("1 text")
        assert_accessible_everywhere(page)
        make_remark(oldest.subscriber.enrollments.get(), "And one more thing")
        page.clock.run_for(10_000)
        expect(rows.first).to_contain_text("And one more thing")
        expect(page.locator("[data-status]")).to_have_text("1 new reply.")
        expect(page.locator(".group__unread").first).to_contain_text("3")
        expect(opened.get_by_role("textbox", name="To +")).to_have_value("It is “true”.")
        opened.get_by_role("button", name="Send").click()
        expect(opened.locator(".opened__answer")).to_contain_text("It is “true”.")
        page.keyboard.press("Escape")
        expect(page.locator("[data-opened]")).to_have_count(0)
        assert_accessible_everywhere(page)
    assert Message.objects.get(body="It is “true”.").subscriber == newest.subscriber
    assert [tag.name for tag in Remark.objects.get(pk=newest.pk).tags.all()] == ["Question"]
