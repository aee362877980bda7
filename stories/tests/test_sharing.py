import xml.etree.ElementTree as ElementTree
from datetime import time, timedelta
from io import BytesIO
from itertools import groupby

import pytest
import segno
from django.contrib.auth.models import Group, User
from django.urls import reverse
from PIL import Image

from stories.models import StoryText
from stories.sharing import Invitation, Pace, length_in_words, sms_link
from stories.turns import Turn

from .factory import make_pier, make_story

DAY = 24 * 60 * 60


@pytest.mark.parametrize(
    ("keyword", "link"),
    [
        ("FERRY", "sms:+15005550006?&body=FERRY"),
        ("RIVER BANK", "sms:+15005550006?&body=RIVER%20BANK"),
        ("R&B?", "sms:+15005550006?&body=R%26B%3F"),
        ("A/B+C", "sms:+15005550006?&body=A%2FB%2BC"),
        ("ПАРОМ", "sms:+15005550006?&body=%D0%9F%D0%90%D0%A0%D0%9E%D0%9C"),
        (None, "sms:+15005550006"),
    ],
)
def test_the_link_has_one_form_for_all_phones(keyword, link):
    assert sms_link("+15005550006", keyword) == link


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "at once"),
        (29, "at once"),
        (30, "in 1 minute"),
        (293, "in 5 minutes"),
        (100 * 60, "in 2 hours"),
        (30 * 3600, "in 30 hours"),
        (50 * 3600, "over 2 days"),
        (3 * DAY, "over 3 days"),
        (17 * DAY, "over 17 days"),
        (28 * DAY, "over 4 weeks"),
        (365 * DAY, "over 52 weeks"),
    ],
)
def test_a_length_of_time_is_told_as_people_say_it(seconds, words):
    assert length_in_words(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("delays", "words", "a_day"),
    [
        ([0], "1 text", ""),
        ([0, 5, 5], "3 texts at once", ""),
        ([60] * 10, "10 texts in 10 minutes", ""),
        ([DAY / 4] * 12, "12 texts over 3 days", "up to 4 in 24 hours"),
        ([0] + [DAY] * 6, "7 texts over 6 days", "never more than 1 text in 24 hours"),
        ([0, 4 * DAY, 60, 60], "4 texts over 4 days", "up to 3 in 24 hours"),
    ],
)
def test_a_story_says_how_many_texts_come_over_how_long_and_how_often(delays, words, a_day):
    pace = Pace.of(StoryText(delay=timedelta(seconds=seconds)) for seconds in delays)
    assert str(pace) == words
    assert pace.a_day == a_day


def test_a_text_that_waits_for_a_clock_time_makes_a_story_longer():
    texts = [StoryText(), StoryText(delay=timedelta(minutes=1), at=time(8)), StoryText(at=time(11, 59))]
    assert Pace.of(texts).length == timedelta(hours=23, minutes=59)


def modules(picture: Image.Image) -> list[list[bool]]:
    """Return the dark modules of a QR code's picture, without its edge."""
    box = picture.convert("L").point(lambda grey: 255 * (grey < 128)).getbbox()
    code = picture.convert("L").crop(box)
    # The first row begins with the seven dark modules of the corner.
    size = next(len(list(run)) for _, run in groupby(code.crop((0, 0, code.width, 1)).tobytes())) // 7
    count = code.width // size
    return [[code.getpixel((x * size, y * size)) < 128 for x in range(count)] for y in range(count)]


def wanted(content: str) -> list[list[bool]]:
    return [[bool(module) for module in row] for row in segno.make_qr(content, error="q").matrix]


@pytest.fixture
def journalist(client):
    user = User.objects.create_user("jo", is_staff=True)
    user.groups.add(Group.objects.get(name="Journalists"))
    client.force_login(user)
    return client


def share_page(story, name: str = "share", *args) -> str:
    return reverse(f"admin:stories_story_{name}", args=[story.pk, *args])


@pytest.mark.django_db
def test_the_code_as_png_is_that_of_the_link_and_has_a_name(journalist):
    story = make_story(slug="river", keyword="river bank")
    response = journalist.get(share_page(story, "share_qr", "png"))
    assert response["Content-Type"] == "image/png"
    assert response["Content-Disposition"] == 'attachment; filename="river-qr.png"'
    picture = Image.open(BytesIO(response.content))
    assert picture.width == picture.height >= 1200
    assert modules(picture) == wanted("sms:+15005550006?&body=RIVER%20BANK")


@pytest.mark.django_db
def test_the_code_as_svg_draws_the_same_and_has_a_name(journalist):
    story = make_story(slug="river", keyword="river", title="A <b> & c")
    response = journalist.get(share_page(story, "share_qr", "svg"))
    assert response["Content-Type"] == "image/svg+xml"
    assert response["Content-Disposition"] == 'attachment; filename="river-qr.svg"'
    svg = ElementTree.fromstring(response.content)  # noqa: S314  our own
    assert svg.findtext("{*}title") == "A <b> & c: QR code"
    lines = svg.findall("{*}path")[-1].attrib["d"]
    assert lines == drawn_lines("sms:+15005550006?&body=RIVER")
    assert int(svg.attrib["viewBox"].split()[2]) == len(wanted("sms:+15005550006?&body=RIVER")) + 8


def drawn_lines(content: str) -> str:
    file = BytesIO()
    segno.make_qr(content, error="q").save(file, kind="svg", omitsize=True)
    return ElementTree.fromstring(file.getvalue()).findall("{*}path")[-1].attrib["d"]  # noqa: S314  segno's


@pytest.mark.django_db
def test_a_code_that_is_another_link_is_noticed(journalist):
    response = journalist.get(share_page(make_story(keyword="ice"), "share_qr", "png"))
    assert modules(Image.open(BytesIO(response.content))) != wanted("sms:+15005550006?&body=ICY")


@pytest.mark.django_db
def test_without_a_number_the_code_leads_to_the_page(journalist, settings):
    settings.TWILIO_NUMBER = ""
    story = make_story(slug="river", keyword="river")
    assert Invitation.to(story).sms_link == ""
    response = journalist.get(share_page(story, "share_qr", "png"))
    assert modules(Image.open(BytesIO(response.content))) == wanted("http://localhost:8000/s/river/")
    page = journalist.get(share_page(story)).content.decode()
    assert "TWILIO_NUMBER" in page
    assert "sms:" not in page


@pytest.mark.django_db
def test_a_published_story_is_shared_with_all_that_it_takes(journalist, settings):
    settings.PUBLIC_URL = "https://texts.example.org"
    story = make_story(slug="river", keyword="river bank", title="The River")
    page = journalist.get(share_page(story)).content.decode()
    assert "Text <b>RIVER BANK</b> to" in page
    assert "+1 500-555-0006" in page
    assert "sms:+15005550006?&amp;body=RIVER%20BANK" in page
    assert "https://texts.example.org/s/river/" in page
    assert '<svg viewBox="0 0 ' in page
    assert "&lt;aside" in page
    assert ' style="' not in page
    assert "<script>" not in page


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": "draft"}, "This story is a draft. Publish it"),
        ({"status": "archived"}, "This story is archived: nobody can start it any more."),
        ({"texts": []}, "This story has no texts yet."),
    ],
)
def test_a_story_that_nobody_can_start_says_what_to_do_instead(journalist, fields, words):
    story = make_story(keyword="river", **fields)
    page = journalist.get(share_page(story)).content.decode()
    assert words in page
    assert "sms:" not in page
    assert journalist.get(share_page(story, "share_qr", "svg")).status_code == 404
    assert journalist.get(share_page(story, "share_snippet", "light")).status_code == 404


@pytest.mark.django_db
def test_a_story_without_a_keyword_warns_that_chance_decides(journalist):
    page = journalist.get(share_page(make_story())).content.decode()
    assert "This story has no keyword" in page
    assert "sms:+15005550006<" in page


@pytest.mark.django_db
def test_a_story_is_shared_from_its_page_and_from_the_list(journalist):
    story = make_story(keyword="river")
    assert f'href="{share_page(story)}"' in journalist.get(reverse("admin:stories_story_changelist")).content.decode()
    page = journalist.get(reverse("admin:stories_story_change", args=[story.pk])).content.decode()
    assert f'href="{share_page(story)}"' in page


@pytest.mark.django_db
def test_only_who_may_see_stories_shares_them(client):
    story = make_story(keyword="river")
    addresses = [share_page(story), share_page(story, "share_qr", "png"), share_page(story, "share_snippet", "dark")]
    assert [client.get(address).status_code for address in addresses] == [302] * 3
    nobody = User.objects.create_user("nobody", is_staff=True)
    story.authors.add(nobody)
    client.force_login(nobody)
    assert [client.get(address).status_code for address in addresses] == [403] * 3


@pytest.mark.django_db
def test_what_is_not_there_is_not_found(journalist):
    story = make_story(keyword="river")
    for address in (share_page(story, "share_qr", "gif"), share_page(story, "share_snippet", "blue")):
        assert journalist.get(address).status_code == 404
    assert journalist.get(reverse("admin:stories_story_share", args=[story.pk + 1])).status_code == 404


@pytest.mark.django_db
def test_the_snippet_stands_alone_on_any_website(settings):
    settings.PUBLIC_URL = "https://texts.example.org"
    snippet = Invitation.to(make_story(slug="river", keyword="river", title="A <b> & “c”")).snippet
    assert snippet.startswith("<aside style=")
    assert snippet.endswith("</aside>\n")
    assert 'href="sms:+15005550006?&amp;body=RIVER"' in snippet
    assert 'href="https://texts.example.org/s/river/"' in snippet
    assert "A &lt;b&gt; &amp; “c”" in snippet
    assert "Message and data rates may apply" in snippet
    assert "STOP" in snippet
    for foreign in ("<script", "<style", "<link", "class=", "src=", "url("):
        assert foreign not in snippet


@pytest.mark.django_db
def test_how_the_snippet_looks_is_shown_with_its_own_styles_and_nothing_else(journalist):
    response = journalist.get(share_page(make_story(keyword="river"), "share_snippet", "dark"))
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "frame-ancestors 'self'" in policy
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert "<aside style=" in response.content.decode()
    assert "'unsafe-inline'" not in journalist.get(reverse("admin:index"))["Content-Security-Policy"]


@pytest.mark.django_db
def test_a_story_that_is_bound_to_a_number_is_shared_with_that_one():
    invitation = Invitation.to(make_story(keyword="ferry", number="54321"))
    assert (invitation.number, invitation.sms_link) == ("54321", "sms:54321?&body=FERRY")


@pytest.mark.django_db
def test_the_pace_of_a_story_that_asks_is_that_of_its_longest_way():
    texts = list(make_pier().texts.order_by("position"))
    assert str(Pace.of(texts)) == "up to 4 texts in 3 minutes"
    texts[2].turn = Turn("lead", leads_to="ship")
    assert Pace.of(texts).approximately == "about"
