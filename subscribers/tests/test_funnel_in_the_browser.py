"""Readers' places and the list of passages as an editor uses them, in Chromium."""

import pytest
from django.core.management import call_command
from django.urls import reverse
from playwright.sync_api import expect

from stories.models import Story
from subscribers.admin import funnel
from subscribers.models import Enrollment
from textengine.tests.accessibility import assert_accessible_everywhere
from textengine.tests.chromium import new_page, share_login

from .factory import make_account, make_enrollment

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def editor(browser, live_server, client, tmp_path):
    client.force_login(make_account("Editors", "eddie"))
    with (tmp_path / "said").open("w") as said:
        call_command("makereaders", 60, stdout=said)
    with new_page(browser, bypass_csp=True) as page:
        share_login(page, client, live_server.url)
        yield page


def test_an_editor_watches_a_story_compares_it_and_goes_to_its_readers(editor, live_server, monkeypatch):
    monkeypatch.setattr(funnel, "LIVE", 0.2)
    story = Story.objects.get(slug="trial-straight")
    editor.goto(live_server.url + reverse("admin:stories_story_change", args=[story.pk]))
    editor.get_by_role("link", name="Readers", exact=True).click()
    table = editor.get_by_role("table", name="Readers at each text")
    expect(table.get_by_role("row")).not_to_have_count(0)
    joined = editor.locator(".funnel-facts div").first
    expect(joined).to_contain_text("30")
    editor.get_by_text("In numbers").click()
    # Somebody joins; what is open stays open, and what has the focus keeps it.
    make_enrollment(story=story)
    expect(joined).to_contain_text("31")
    days = editor.get_by_role("table").filter(has_text="Joined").last
    expect(days).to_be_visible()
    assert editor.evaluate("document.activeElement.tagName") == "SUMMARY"
    editor.get_by_label("Compare").select_option(label="Trial: two questions, three endings")
    editor.get_by_role("button", name="Show").click()
    expect(editor.get_by_role("table", name="Readers at each text")).to_have_count(2)
    assert_accessible_everywhere(editor)
    editor.get_by_role("definition").filter(has_text="%").get_by_role("link").first.click()
    expect(editor.get_by_role("heading", name="Enrollments")).to_be_visible()


def test_an_editor_pauses_chosen_readers_after_a_look_at_how_many(editor, live_server):
    editor.goto(live_server.url + reverse("admin:subscribers_enrollment_changelist") + "?status__exact=active")
    active = Enrollment.objects.filter(status="active").count()
    assert_accessible_everywhere(editor)
    editor.set_viewport_size({"width": 1280, "height": 900})
    editor.locator("#action-toggle").check()
    editor.get_by_role("combobox", name="Action").select_option("pause")
    editor.get_by_role("button", name="Go").click()
    expect(editor.get_by_role("heading", name=f"Pause: {active} readers?")).to_be_visible()
    assert_accessible_everywhere(editor)
    editor.get_by_role("button", name=f"Pause: {active} readers").click()
    expect(editor.locator(".messagelist")).to_contain_text(f"Paused: {active} readers.")
    assert not Enrollment.objects.filter(status="active").exists()
