"""The reply desk as an editor uses it: one page for the whole way, and axe-core on it in all its looks."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import expect

from subscribers.models import Message, Remark
from subscribers.reply_desk import answering
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


def test_an_editor_is_told_who_answered_meanwhile_and_sends_by_a_second_press(browser, live_server, client):
    with new_page(browser, bypass_csp=True) as page:
        remark, pat = make_remark(), User.objects.create_user("pat")
        client.force_login(User.objects.create_superuser("sam"))
        share_login(page, client, live_server.url)
        page.goto(f"{live_server.url}/admin/subscribers/remark/")
        page.locator(".remark__row").click()
        opened = page.locator("[data-opened]")
        opened.get_by_role("textbox", name="To +").fill("It is true.")
        answering.answer(remark, "It is not.", pat, timezone.now(), uuid4())
        opened.get_by_role("textbox", name="Note").fill("Ask the archive.")
        opened.get_by_role("button", name="Keep the note").click()
        expect(opened.locator(".opened__note")).to_be_visible()
        opened.get_by_role("button", name="Send").click()
        expect(opened.get_by_role("alert")).to_contain_text("was answered by pat at")
        expect(opened.get_by_role("textbox", name="To +")).to_have_value("It is true.")
        assert_accessible_everywhere(page)
        opened.get_by_role("button", name="Send mine as well").click()
        expect(opened.locator(".opened__answer")).to_have_count(2)
    assert Message.objects.filter(body__in=["It is true.", "It is not."]).count() == 2
