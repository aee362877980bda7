import re
from datetime import timedelta
from io import BytesIO

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from stories import cards
from stories.cards import Card, balanced, drawable, font

from .factory import make_story

pytestmark = [pytest.mark.django_db, pytest.mark.screens]


def page_of(client, story) -> str:
    return client.get(story.get_absolute_url()).content.decode()


def meta(page: str, name: str) -> str:
    return re.search(rf'<meta (?:property|name)="{name}" content="([^"]*)">', page).group(1)


def test_the_page_says_what_the_story_is_and_what_to_expect(client, settings):
    settings.MESSAGE_RETENTION = timedelta(days=90)
    settings.NEWSROOM_NAME, settings.NEWSROOM_CONTACT = "The Example Post", "mailto:texts@example.org"
    settings.PRIVACY_URL = "https://example.org/privacy"
    texts = [("text", 6 * 60 * 60)] * 12
    page = page_of(client, make_story(texts, title="The River", keyword="river", summary="Why it floods."))
    for words in (
        "The River",
        "Why it floods.",
        "12 texts over 3 days",
        "up to 4 in 24 hours",
        "<b>STOP</b>",
        "<b>START</b>",
        "<b>HELP</b>",
        "Message and data rates may apply.",
        "The Example Post",
        "We keep your phone number",
        "deleted 90 days after you have read it to its end",
        '<a href="mailto:texts@example.org">texts@example.org</a>',
        '<a href="https://example.org/privacy">Privacy policy</a>',
    ):
        assert words in page


def test_a_newsroom_that_says_nothing_of_itself_has_a_page_too(client):
    page = page_of(client, make_story(keyword="river"))
    assert "Privacy policy" not in page
    assert "Ask <a" not in page
    assert "are deleted" not in page
    assert "og:site_name" not in page


def test_without_a_number_the_page_has_neither_a_link_nor_a_code(client, settings):
    settings.TWILIO_NUMBER = ""
    page = page_of(client, make_story(keyword="river"))
    assert "our number" in page
    assert "sms:" not in page
    assert "<svg" not in page


def test_the_card_names_absolute_addresses_of_the_public_url(client, settings):
    settings.PUBLIC_URL = "https://texts.example.org"
    story = make_story(title='The "River" & more', slug="river", keyword="river", summary="Why it floods. " * 40)
    page = page_of(client, story)
    assert '<link rel="canonical" href="https://texts.example.org/s/river/">' in page
    assert meta(page, "og:url") == "https://texts.example.org/s/river/"
    assert meta(page, "og:title") == "The &quot;River&quot; &amp; more"
    assert meta(page, "twitter:card") == "summary_large_image"
    assert len(meta(page, "og:description")) == len(meta(page, "description")) == 200
    image = meta(page, "og:image")
    assert image.startswith("https://texts.example.org/s/river/card.png?v=")
    assert client.get(image.removeprefix("https://texts.example.org"))["Content-Type"] == "image/png"


def test_the_address_of_the_cards_picture_follows_what_it_says(client):
    story = make_story(keyword="river")
    first = meta(page_of(client, story), "og:image")
    assert meta(page_of(client, story), "og:image") == first
    story.title = "Another"
    story.save()
    assert meta(page_of(client, story), "og:image") != first


def test_the_page_is_cached_for_a_while_and_told_apart_by_its_words(client):
    story = make_story(keyword="river")
    response = client.get(story.get_absolute_url())
    assert set(response["Cache-Control"].split(", ")) == {"public", "max-age=300"}
    assert "Cookie" not in response.get("Vary", "")
    assert not response.cookies
    for ask in (client.get, client.head):
        again = ask(story.get_absolute_url(), headers={"if-none-match": response["ETag"]})
        assert again.status_code == 304
        assert again.content == b""
        assert again["ETag"] == response["ETag"]
    story.summary = "Now with words."
    story.save()
    assert client.get(story.get_absolute_url(), headers={"if-none-match": response["ETag"]}).status_code == 200


def test_the_page_answers_head_as_get_and_nothing_else(client):
    url = make_story(keyword="river").get_absolute_url()
    got, headed = client.get(url), client.head(url)
    assert headed.status_code == 200
    assert headed.content == b""
    assert headed["ETag"] == got["ETag"]
    assert client.post(url).status_code == 405
    assert client.post(f"{url}card.png").status_code == 405


def test_the_page_asks_the_database_twice_however_long_the_story_is(client):
    for story in (make_story(keyword="short"), make_story([("text", 60)] * 200, keyword="long")):
        with CaptureQueriesContext(connection) as captured:
            page = client.get(story.get_absolute_url()).content
        assert len(captured) == 2
        assert len(page) < 16_000


def test_the_page_asks_no_other_host_for_anything(client):
    page = page_of(client, make_story(keyword="river"))
    asked = re.findall(r'<(?:link rel="(?:icon|stylesheet)" href|script src|img src|iframe src)="([^"]*)"', page)
    assert asked == ["/static/textengine/mark.svg", "/static/stories/story.css"]
    with open(finders.find("stories/story.css")) as sheet:
        assert not re.search(r"url\(|@import|//", sheet.read())


def test_the_style_sheet_makes_a_poster_of_it():
    with open(finders.find("stories/story.css")) as sheet:
        poster = sheet.read().partition("@media print {")[2]
    assert re.search(r"\.scan \{\s+display: block", poster)
    assert re.search(r"\.open \{\s+display: none", poster)


def test_who_comes_by_an_old_poster_learns_that_the_story_is_over_and_which_others_there_are(client):
    ended = make_story(title="The Ice", status="archived", keyword="ice", summary="A secret.")
    make_story(title="The River")
    make_story(title="The Bus", status="draft")
    make_story(title="The Test", weight=0)
    make_story(title="The Void", texts=[])
    response = client.get(ended.get_absolute_url())
    assert response.status_code == 410
    page = response.content.decode()
    assert "The Ice" in page
    assert "This story has ended" in page
    assert "The River" in page
    for hidden in ("The Bus", "The Test", "The Void", "sms:", "og:", "A secret."):
        assert hidden not in page


def test_an_ended_story_names_six_others_at_most(client):
    ended = make_story(status="archived")
    for _ in range(9):
        make_story()
    with CaptureQueriesContext(connection) as captured:
        page = page_of(client, ended)
    assert page.count('<li><a href="/s/') == 6
    assert len(captured) == 2


@pytest.mark.parametrize("fields", [{"status": "draft"}, {"texts": []}, {"status": "archived"}])
def test_a_story_that_nobody_can_start_has_no_card(client, fields):
    url = make_story(keyword="river", **fields).get_absolute_url()
    assert client.get(f"{url}card.png").status_code == 404


def test_the_cards_picture_is_as_large_as_sites_ask_and_is_cached(client):
    url = f"{make_story(keyword='river').get_absolute_url()}card.png"
    response = client.get(url)
    assert Image.open(BytesIO(response.content)).size == (1200, 630)
    assert set(response["Cache-Control"].split(", ")) == {"public", "max-age=86400"}
    assert len(response.content) < 100_000
    assert client.head(url)["Content-Type"] == "image/png"
    assert client.get(url, headers={"if-none-match": response["ETag"]}).status_code == 304


def drawn(title: str, keyword: str = "RIVER", number: str = "+1 500-555-0006", newsroom: str = "") -> Image.Image:
    return Image.open(BytesIO(Card(title, keyword, number, newsroom).png())).convert("RGB")


def ink(picture: Image.Image, top: int, bottom: int) -> tuple[int, int, int, int] | None:
    """Return where something is drawn between two heights."""
    part = picture.crop((0, top, picture.width, bottom)).convert("L")
    return part.point(lambda grey: 255 * (grey < 128)).getbbox()


@pytest.mark.parametrize("title", ["Ice", "The River", "A title of many words " * 5, "W" * 120, "x y " * 30])
def test_a_title_of_any_length_stays_within_the_card(title):
    left, _, right, bottom = ink(drawn(title), 130, 470)
    assert left >= cards.MARGIN - 12
    assert right <= cards.WIDTH - cards.MARGIN + 12
    assert 130 + bottom <= 465


def test_a_long_title_is_broken_into_lines_of_similar_length():
    lines = balanced("What the river remembers: fifty years of floods at the old mill", font(80), cards.TITLE_WIDTH)
    assert " ".join(lines) == "What the river remembers: fifty years of floods at the old mill"
    assert len(lines) == 3
    widths = [font(80).getlength(line) for line in lines]
    assert max(widths) <= cards.TITLE_WIDTH
    assert min(widths) > 0.6 * max(widths)


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("The River", "The River"),
        ("Où est l’île?", "Où est l’île?"),
        ("Война и мир", "Война и мир"),
        ("Ελένη", "Ελένη"),
        ("Tiếng Việt", "Tiếng Việt"),
        ("The 🚢 Ferry ⛴️", "The Ferry"),
        ("東京物語", ""),
        ("قصة", ""),
        ("Tokyo 東京", ""),
    ],
)
def test_the_card_says_what_its_font_can_draw(title, said):
    assert drawable(title) == said


def test_a_title_that_cannot_be_drawn_leaves_a_card_without_it():
    assert drawn("東京物語").tobytes() == drawn(cards.KICKER).tobytes()
    assert ink(drawn("東京物語", keyword="東京"), 470, 600) is None
    assert ink(drawn("The River"), 470, 600)
    assert ink(drawn("The River", number=""), 470, 600) is None
