"""The editors' screens in Chromium: what is long, what scrolls."""

from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from stories.tests.factory import make_story
from subscribers.models import Hold
from textengine.tests.chromium import new_page, share_login
from textengine.tests.processes import wait_until

from .factory import make_enrollment, make_inbound, make_message

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def open_page(browser, live_server, client):
    """Return a way to open a page of the newsroom, logged in, in a window of some width."""
    client.force_login(User.objects.create_superuser("root"))

    def open_page(name: str, *ids: int, width: int = 1280):
        page = pages.enter_context(new_page(browser, width))
        share_login(page, client, live_server.url)
        page.goto(live_server.url + reverse(f"admin:subscribers_{name}", args=ids))
        return page

    with ExitStack() as pages:
        yield open_page


@pytest.mark.parametrize("word", [pytest.param("x" * 1600, marks=pytest.mark.slow), "😀" * 800])
def test_a_word_of_any_length_cuts_nothing_off(open_page, word):
    enrollment = make_enrollment(story=make_story(title=word[:120]))
    message = make_inbound(enrollment.subscriber, word)
    make_message(enrollment, status="failed", reason=word[:300])
    hold = Hold.objects.create(reason=word[:300])
    places = [("message_changelist",), ("hold_changelist",), ("enrollment_changelist",), ("subscriber_changelist",)]
    places += [("message_change", message.pk), ("hold_change", hold.pk), ("enrollment_change", enrollment.pk)]
    for width in (1280, 390):
        page = open_page("hold_changelist", width=width)
        for name, *ids in places:
            page.goto(page.url.split("/admin/")[0] + reverse(f"admin:subscribers_{name}", args=ids))
            cut_off = page.evaluate(
                "[document.documentElement, ...document.querySelectorAll('.results')]"
                ".some((box) => box.scrollWidth > box.clientWidth)"
            )
            assert not cut_off, (name, width)


def test_a_thread_with_pictures_opens_at_its_end_and_stays_where_a_person_scrolls(open_page, settings, tmp_path):
    Image.new("RGB", (400, 600)).save(tmp_path / "picture.png")
    settings.MEDIA_ROOT = tmp_path
    enrollment = make_enrollment(story=make_story([("a", 0)]))
    for number in range(12):
        sent_at = timezone.now() - timedelta(hours=12 - number)
        picture = [f"{settings.PUBLIC_URL}/media/picture.png"]
        make_message(enrollment, body=f"Text {number}", media_urls=picture, sent_at=sent_at)
    page = open_page("subscriber_change", enrollment.subscriber.pk)

    def away_from_the_end() -> float:
        return page.locator(".thread").evaluate("(box) => box.scrollHeight - box.scrollTop - box.clientHeight")

    last = page.locator(".thread img").nth(11)
    wait_until(lambda: last.evaluate("(image) => image.complete"))
    page.wait_for_timeout(200)
    assert away_from_the_end() < 2

    def scrolls_back() -> bool:
        # A wheel that turns while the page is still being laid out moves nothing: a person turns it again.
        page.locator(".thread").hover()
        page.mouse.wheel(0, -600)
        page.wait_for_timeout(200)
        return away_from_the_end() > 500

    wait_until(scrolls_back)
    page.wait_for_timeout(300)
    assert away_from_the_end() > 500
