"""The editors' screens in Chromium: what is long, what scrolls."""

from contextlib import ExitStack

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from stories.tests.factory import make_story
from subscribers.models import Hold
from textengine.tests.chromium import new_page

from .factory import make_enrollment, make_inbound, make_message

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def open_page(browser, live_server, client):
    """Return a way to open a page of the newsroom, logged in, in a window of some width."""
    client.force_login(User.objects.create_superuser("root"))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}

    def open_page(name: str, *ids: int, width: int = 1280):
        page = pages.enter_context(new_page(browser, width))
        page.context.add_cookies([cookie])
        page.goto(live_server.url + reverse(f"admin:subscribers_{name}", args=ids))
        return page

    with ExitStack() as pages:
        yield open_page


@pytest.mark.parametrize("word", ["x" * 1600, "😀" * 800])
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
