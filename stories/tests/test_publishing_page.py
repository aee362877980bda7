"""Publishing, the history and two journalists on one story, in Chromium as a journalist does it."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from stories import history
from stories.models import Story
from textengine.tests.chromium import new_page, share_login

from .desk import body, card
from .factory import make_story

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def draft() -> Story:
    story = make_story([("It begins.", 0), ("It ends.", 60)], title="The River", keyword="river", status="draft")
    history.keep(story, timezone.now())
    return story


@pytest.fixture
def open_page(browser, live_server):
    """Return a way to open an admin page as a journalist of some name, in a window of some width."""
    pages = []

    def open_page(address: str, name: str = "jo", width: int = 1280, **options):
        client = Client()
        client.force_login(User.objects.filter(username=name).first() or User.objects.create_superuser(name))
        pages.append(new_page(browser, width, **options))
        page = pages[-1].__enter__()
        share_login(page, client, live_server.url)
        page.goto(live_server.url + address)
        return page

    yield open_page
    for page in pages:
        page.__exit__(None, None, None)


def page_of(story: Story) -> str:
    return reverse("admin:stories_story_change", args=[story.pk])


def press(page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()


def status_of(story: Story) -> str:
    return Story.objects.get(pk=story.pk).status


def test_a_story_is_published_once_nothing_stands_in_the_way(open_page, draft):
    page = open_page(page_of(draft))
    body(page, 2).fill("It ends well.")
    press(page, "Publish")
    expect(page.get_by_text("The first text does not say how to stop.")).to_be_in_viewport()
    expect(body(page, 2)).to_have_value("It ends well.")
    body(page, 1).fill("It begins. Reply STOP to end.")
    press(page, "Publish")
    expect(page.locator(".messagelist")).to_contain_text("Published. Readers can text RIVER to +1 500-555-0006.")
    page.get_by_role("link", name="Archive").click()
    press(page, "Archive")
    expect(page.locator(".messagelist")).to_contain_text("Archived: nobody can start it now.")
    assert status_of(draft) == "archived"


def test_enter_in_a_field_saves_the_draft_and_does_not_publish_it(open_page, draft):
    draft.texts.filter(position=1).update(body="It begins. Reply STOP to end.")
    history.keep(draft, timezone.now())
    page = open_page(page_of(draft))
    page.get_by_label("Title").press("Enter")
    expect(page.locator(".messagelist .success")).to_be_visible()
    assert status_of(draft) == "draft"


def test_the_second_to_save_keeps_what_was_typed_and_saves_over_it_knowingly(open_page, draft):
    ada, bo = (open_page(page_of(draft), name) for name in ("ada", "bo"))
    body(ada, 1).fill("By Ada.")
    press(ada, "Save draft")
    expect(ada.locator(".messagelist .success")).to_be_visible()
    body(bo, 2).fill("By Bo.")
    press(bo, "Save draft")
    expect(bo.get_by_role("region", name="Saved by somebody else meanwhile")).to_contain_text("By Ada.")
    expect(body(bo, 2)).to_have_value("By Bo.")
    expect(card(bo, 1)).to_contain_text("It begins.")
    bo.get_by_label("Title").press("Enter")
    expect(bo.get_by_label("Save mine over it.")).not_to_be_checked()
    assert list(draft.texts.order_by("position").values_list("body", flat=True)) == ["By Ada.", "It ends."]
    bo.get_by_label("Save mine over it.").check()
    press(bo, "Save draft")
    expect(bo.locator(".messagelist")).to_contain_text("Saved over what ada had changed.")
    assert list(draft.texts.order_by("position").values_list("body", flat=True)) == ["It begins.", "By Bo."]


def test_a_story_is_put_back_from_its_history(open_page, draft):
    page = open_page(page_of(draft))
    body(page, 1).fill("A slip of the pen.")
    press(page, "Save and continue editing")
    page.get_by_role("link", name="History").click()
    page.get_by_role("link", name="Put it back as it was then").click()
    press(page, "Put it back")
    expect(body(page, 1)).to_have_value("It begins.")


@pytest.mark.parametrize("color_scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_the_pages_fit_a_phone(open_page, draft, color_scheme):
    first = draft.history.first()
    draft.texts.filter(position=1).update(body="x" * 300)
    history.keep(draft, timezone.now())
    for name, arguments in [("change", []), ("history", []), ("archive", []), ("put_back", [first.pk])]:
        address = reverse(f"admin:stories_story_{name}", args=[draft.pk, *arguments])
        page = open_page(address, width=390, color_scheme=color_scheme, is_mobile=True)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
