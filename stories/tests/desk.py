"""The page of a story in Chromium, and what a journalist does on it."""

from contextlib import contextmanager

from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import expect

from stories.models import Story
from textengine.tests.chromium import new_page, share_login


@contextmanager
def desk(browser, live_server, client, story: Story | None, width: int = 1280, **options):
    """The story's page (or that of a new one), logged in; whatever it asks of other hosts fails the test."""
    client.force_login(User.objects.filter(username="root").first() or User.objects.create_superuser("root"))
    with new_page(browser, width, **options) as page:
        share_login(page, client, live_server.url)
        elsewhere = []
        page.on("request", lambda request: elsewhere.append(request.url))
        ids = [story.pk] if story else []
        page.goto(live_server.url + reverse(f"admin:stories_story_{'change' if story else 'add'}", args=ids))
        yield page
        ours = (live_server.url, "blob:", "data:")
        assert [url for url in elsewhere if not url.startswith(ours)] == []


def card(page, place: int):
    return page.get_by_role("group", name=f"Text {place}", exact=True)


def body(page, place: int):
    return card(page, place).get_by_role("textbox", name="Text", exact=True)


def tool(page, place: int, name: str):
    return card(page, place).get_by_role("button", name=name, exact=True)


def bodies(page) -> list[str]:
    fields = page.locator(".text-card:not(.empty-form, .is-deleted) textarea[name$=-body]")
    return fields.evaluate_all("(fields) => fields.map((field) => field.value)")


def said(page):
    return page.locator("#texts-said")


def save(page) -> None:
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator(".messagelist .success")).to_be_visible()


def saved(story: Story) -> list[str]:
    texts = list(story.texts.order_by("position"))
    assert [text.position for text in texts] == list(range(1, len(texts) + 1))
    return [text.body for text in texts]


def bubbles(page):
    return page.locator(".phone .bubble--from-us")


def drag(page, grip, to, below: bool = True) -> None:
    """Drag by the mouse, in steps as a hand does, to the lower or upper edge of `to`."""
    start, end = grip.bounding_box(), to.bounding_box()
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(start["x"] + 20, start["y"] + 24, steps=4)
    x, y = end["x"] + 60, end["y"] + end["height"] * (0.8 if below else 0.2)
    page.mouse.move(x, y, steps=12)
    # Cards that glide out of the way are waited for, as a hand does that looks where it is.
    page.wait_for_timeout(300)
    page.mouse.move(x, y + (3 if below else -3), steps=3)
    page.mouse.up()
