"""Linked pictures on the desk's phone: shown by our own server, to whoever may see stories."""

import re
from html import unescape
from io import BytesIO

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import caches
from django.core.signing import Signer
from django.urls import reverse
from PIL import Image
from playwright.sync_api import expect

from stories.linked import shown_address
from stories.models import Story
from textengine.tests.processes import wait_until

from .desk import bubbles, card, desk
from .factory import make_story
from .picture_server import Answer, PictureServer
from .pictures import make_moving, make_noise, make_picture
from .test_preview import address, seen

LINKED = reverse("admin:stories_story_linked")


@pytest.fixture
def journalist(db, client):
    user = User.objects.create_user("jo", is_staff=True)
    user.groups.add(Group.objects.get(name="Journalists"))
    client.force_login(user)
    return client


@pytest.fixture(autouse=True)
def nothing_remembered():
    caches["pictures"].clear()


@pytest.fixture
def server(settings):
    """A server of pictures on this machine, the one place on it that links may lead to."""
    with PictureServer() as server:
        settings.LINKS_MAY_ALSO_REACH = frozenset({("127.0.0.1", server.port)})
        yield server


def make_linked(url: str) -> Story:
    story = make_story([("first", 0)])
    story.texts.update(media_url=url, alt="A pier")
    return story


def shown_in(html: str) -> list[str]:
    return [unescape(found) for found in re.findall(r'data-linked src="([^"]+)"', html)]


@pytest.mark.parametrize(
    ("content", "content_type", "kind"),
    [
        (make_noise("JPEG", (1200, 900)), "image/jpeg", "JPEG"),
        (make_picture("PNG", (1200, 900)), "image/png", "PNG"),
        (make_moving(), "image/gif", "PNG"),
    ],
    ids=["JPEG", "PNG", "moving GIF"],
)
def test_a_saved_link_is_shown_small_and_fetched_once(journalist, server, content, content_type, kind):
    story = make_linked(server.link("/a", Answer(content, content_type)))
    (shown,) = shown_in(seen(journalist, story)["phone"])
    assert shown_in(journalist.get(address(story)).content.decode()) == [shown]
    assert server.asked == []
    answer = journalist.get(shown)
    picture = Image.open(BytesIO(answer.content))
    assert picture.format == kind
    assert max(picture.size) <= 600
    assert answer["Content-Type"] == f"image/{kind.lower()}"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, max-age=600"
    assert journalist.get(shown).content == answer.content
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [Answer(status=404), Answer(b"<svg/>", "image/svg+xml"), Answer(b"<html>", "image/png"), Answer(make_noise()[:99])],
    ids=["not there", "drawing", "page", "cut off"],
)
def test_what_is_no_picture_is_not_there_and_not_asked_for_again_at_once(journalist, server, answer):
    shown = shown_address(server.link("/a", answer))
    for _ in range(2):
        got = journalist.get(shown)
        assert (got.status_code, got.content) == (404, b"")
    assert len(server.asked) == 1


def test_a_server_that_keeps_silent_is_not_waited_for_long(journalist, server, monkeypatch):
    monkeypatch.setattr("stories.fetching.SHOW_SECONDS", 0.2)
    url = server.link("/a", Answer(make_picture(), seconds=1))
    assert journalist.get(shown_address(url)).status_code == 404


def test_only_links_that_this_server_signed_are_fetched(journalist, server):
    url = server.link("/a", Answer(make_picture()))
    for link in ("", url, f"{url}:forged", Signer().sign(url), Signer(salt="other").sign(url)):
        assert journalist.get(LINKED, {"link": link}).status_code == 404
    assert server.asked == []


def test_an_address_inside_is_refused_also_behind_a_redirect(journalist, server, settings):
    inner = server.link("/inner", Answer(make_picture()))
    outer = server.link("/outer", Answer(status=302, location="http://127.0.0.1:80/inner"))
    assert journalist.get(shown_address(outer)).status_code == 404
    settings.LINKS_MAY_ALSO_REACH = frozenset()
    assert journalist.get(shown_address(inner)).status_code == 404
    assert journalist.get(shown_address("file:///etc/passwd")).status_code == 404
    assert [path for _, _, path in server.asked] == ["/outer"]


@pytest.mark.django_db
def test_nobody_else_is_shown_it(client, server):
    shown = shown_address(server.link("/a", Answer(make_picture())))
    assert client.get(shown).status_code == 302
    client.force_login(User.objects.create_user("guest", is_staff=True))
    assert client.get(shown).status_code == 403
    client.force_login(User.objects.create_user("reader"))
    assert client.get(shown).status_code == 302
    assert server.asked == []


def test_a_link_is_shown_once_it_is_written_and_not_while_it_is_typed(journalist):
    story = make_linked("https://pictures.example.org/a.png")
    typed = [{"media_url": "https://pictures.example.org/b.pn"}]
    assert shown_in(seen(journalist, story, typed, typing="texts-0-media_url")["phone"]) == []
    assert len(shown_in(seen(journalist, story, typed, typing="texts-0-body")["phone"])) == 1
    # The saved one stays while only the cursor is there.
    assert len(shown_in(seen(journalist, story, typing="texts-0-media_url")["phone"])) == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_phone_shows_links_saved_and_typed_and_names_those_that_fail(browser, live_server, client, server):
    story = make_linked(server.link("/a.png", Answer(make_picture(size=(900, 600)))))
    new = server.link("/b.png", Answer(make_picture(size=(300, 200))))
    with desk(browser, live_server, client, story, lacking=LINKED) as page:
        image = bubbles(page).first.locator("img")
        expect(image).to_have_attribute("alt", "Picture: A pier (127.0.0.1)")
        wait_until(lambda: image.evaluate("image => image.naturalWidth") == 600)
        link = card(page, 1).get_by_label("Link to a picture")
        link.fill(new)
        expect(image).to_have_count(0)
        assert len(server.asked) == 1
        link.blur()
        wait_until(lambda: image.count() and image.evaluate("image => image.naturalWidth") == 300)
        link.fill(f"{server.url}/gone.png")
        link.blur()
        expect(bubbles(page).first.get_by_role("link", name="Picture: A pier (127.0.0.1)")).to_be_visible()
        expect(image).to_have_count(0)
        wait_until(lambda: server.asked[-1][2] == "/gone.png")
        page.goto(live_server.url + address(story))
        image = page.locator(".phone img")
        wait_until(lambda: image.evaluate("image => image.naturalWidth") == 600)
        server.answers.clear()
        caches["pictures"].clear()
        story.texts.update(media_url=f"{server.url}/gone.png")
        page.reload()
        expect(page.locator(".phone").get_by_role("link", name="Picture: A pier (127.0.0.1)")).to_be_visible()
        expect(image).to_have_count(0)
