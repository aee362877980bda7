"""The desk chief's pages in a browser: a number shown, readers added, an export that is made meanwhile."""

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse
from playwright.sync_api import expect

from stories.tests.factory import make_story
from subscribers import tasks
from subscribers.exporting import making
from textengine.tests.accessibility import assert_accessible_everywhere
from textengine.tests.chromium import new_page, share_login

from .factory import make_enrollment, make_inbound, make_subscriber

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_a_desk_chief_does_what_only_desk_chiefs_may(browser, live_server, client, settings, tmp_path, monkeypatch):
    folder = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "exports"}}
    settings.STORAGES = settings.STORAGES | {"exports": folder}
    user = User.objects.create_user("chief", is_staff=True)
    user.groups.add(Group.objects.get(name="Desk chiefs"))
    client.force_login(user)
    make_story(title="The River")
    reader = make_enrollment(make_subscriber("+12125550142"), sent=1).subscriber
    make_inbound(reader, "Thanks")
    with new_page(browser, bypass_csp=True) as page:
        share_login(page, client, live_server.url)
        page.goto(live_server.url + reverse("admin:subscribers_subscriber_change", args=[reader.pk]))
        page.get_by_role("button", name="Show the whole number").click()
        expect(page.get_by_text("Whole number:")).to_contain_text("+1 212-555-0142")
        assert_accessible_everywhere(page)

        page.goto(live_server.url + reverse("admin:subscribers_subscriber_adding"))
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_text("Say how they consented")).to_be_visible()
        page.get_by_label("Numbers:").fill("(415) 555-0123\nAnna")
        page.get_by_label("They begin").select_option(label="The River")
        page.get_by_label("How they consented").fill("form")
        page.get_by_label("On which day").fill("2026-01-02")
        assert_accessible_everywhere(page)
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("row", name="Anna")).to_contain_text("Is no phone number")
        assert_accessible_everywhere(page)
        page.get_by_role("button", name="Add 1 reader").click()
        expect(page.locator(".messagelist")).to_contain_text("1 reader begins “The River”.")

        monkeypatch.setattr(making, "SMALL", 0)
        page.goto(live_server.url + reverse("admin:subscribers_export_add"))
        assert_accessible_everywhere(page)
        page.get_by_role("button", name="Export").click()
        expect(page.get_by_text("It waits for its turn.")).to_be_visible()
        tasks.make_export()
        expect(page.get_by_text("It has 2 rows.")).to_be_visible()
        assert_accessible_everywhere(page)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").click()
        assert download.value.suggested_filename.endswith(".csv")

        for address in (reverse("admin:subscribers_access_changelist"), reverse("kept")):
            page.goto(live_server.url + address)
            assert_accessible_everywhere(page)
