"""The first page and the brake as a desk chief uses them, in Chromium."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from stories.tests.factory import make_story
from subscribers.admin import today
from subscribers.models import Heartbeat, Hold, Message
from textengine.tests.accessibility import assert_accessible_everywhere
from textengine.tests.chromium import new_page, share_login

from .factory import make_account, make_enrollment, make_message

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def chief(browser, live_server, client):
    client.force_login(make_account("Desk chiefs", "chief"))
    with new_page(browser, bypass_csp=True) as page:
        share_login(page, client, live_server.url)
        yield page


def test_a_desk_chief_watches_the_day_holds_a_text_and_releases_it(chief, live_server, monkeypatch):
    monkeypatch.setattr(today, "AGAIN", 0.2)
    now = timezone.now()
    Heartbeat.objects.create(cluster="here", started_at=now - timedelta(hours=2), seen_at=now + timedelta(hours=1))
    story = make_story([("One", 0), ("Two", 60)], title="The River")
    enrollment = make_enrollment(story=story, sent=1)
    chief.goto(live_server.url + reverse("admin:index"))
    expect(chief.locator(".today-state")).to_contain_text("All is well.")
    # It goes on without a reload, and what has the focus keeps it.
    joined = chief.get_by_role("row", name="Joined").get_by_role("cell").nth(1)
    expect(joined).to_have_text("1")
    link = chief.locator(".today-stories").get_by_role("link", name="The River")
    link.focus()
    for _ in range(6):
        make_message(make_enrollment(story=story), status="undelivered", error_code=30003, sent_at=timezone.now())
    expect(joined).to_have_text("7")
    expect(chief.locator(".today-problem")).to_contain_text("6 texts did not arrive in the last hour.")
    expect(link).to_be_focused()
    assert_accessible_everywhere(chief)
    # By keyboard: to the story, and its brake.
    chief.set_viewport_size({"width": 1280, "height": 900})
    chief.keyboard.press("Enter")
    brake = chief.get_by_role("button", name="Hold …")
    brake.wait_for()
    chief.wait_for_load_state()
    brake.press("Enter")
    reason = chief.get_by_role("textbox", name="Why")
    expect(reason).to_be_focused()
    # What stands there can be written over at once.
    chief.keyboard.type("A wrong name")
    expect(reason).to_have_value("A wrong name")
    # The box is looked at by itself: it half covers buttons, which can be pressed again when it is closed.
    chief.evaluate(
        "for (const each of document.querySelectorAll('main fieldset, main .inline-group')) each.inert = true"
    )
    assert_accessible_everywhere(chief)
    chief.get_by_role("combobox", name="What").select_option(label="Text 2: Two")
    reason.press("Enter")
    expect(chief.locator(".hold-banner")).to_contain_text("Text 2 of “The River” is on hold")
    Message.objects.filter(enrollment=enrollment, status="scheduled").update(status="held", due_at=timezone.now())
    chief.get_by_role("link", name="Release …").click()
    expect(chief.get_by_text("For 1 reader the text that waits comes later")).to_be_visible()
    assert_accessible_everywhere(chief)
    chief.get_by_role("radio", name="Send what is due now").check()
    chief.get_by_role("button", name="Release").click()
    expect(chief.locator(".messagelist")).to_contain_text("Released: 1 text that was held back goes out now.")
    expect(chief.get_by_text("1 of 1 texts that were held back have had their turn.")).to_be_visible()
    expect(chief.locator(".hold-banner")).to_have_count(0)
    assert Hold.objects.get().way == "now"
