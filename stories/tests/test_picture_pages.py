"""Pictures as they are handed out, and as our pages show them."""

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from stories.addresses import carrier_address, page_address, stored_name
from stories.media import phone_picture
from stories.models import StoryText
from stories.phone import Picture

from .factory import make_story
from .pictures import make_moving, make_noise, make_picture

IN_MEMORY = {
    "default": {
        "BACKEND": "django.core.files.storage.InMemoryStorage",
        "OPTIONS": {"base_url": "https://pictures.example.org/bucket/"},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


@pytest.fixture
def elsewhere(settings):
    """A storage that is no folder and has addresses of its own."""
    settings.STORAGES = IN_MEMORY


def make_text(content: bytes, **fields) -> StoryText:
    text = make_story([("Look.", 0)]).texts.get()
    text.media = phone_picture(ContentFile(content, "upload"))
    for name, value in fields.items():
        setattr(text, name, value)
    text.save()
    return text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "content_type"),
    [(make_noise("JPEG"), "image/jpeg"), (make_picture("PNG"), "image/png"), (make_moving(), "image/gif")],
    ids=["JPEG", "PNG", "GIF"],
)
@pytest.mark.parametrize("storage", ["folder", "elsewhere"])
def test_a_picture_is_served_as_what_it_is_to_head_and_to_get(client, request, storage, content, content_type):
    if storage == "elsewhere":
        request.getfixturevalue("elsewhere")
    text = make_text(content)
    address = page_address(text.media.name)
    got = client.get(address)
    assert got.status_code == 200
    assert got.content == default_storage.open(text.media.name).read()
    assert got["Content-Type"] == content_type
    assert got["Content-Length"] == str(len(got.content))
    assert got["X-Content-Type-Options"] == "nosniff"
    assert got["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Vary" not in got
    name = text.media.name.removeprefix("pictures/")
    assert len(name) <= 20
    assert got["Content-Disposition"] == f'inline; filename="{name}"'
    head = client.head(address)
    assert (head.status_code, head.content, dict(head.items())) == (200, b"", dict(got.items()))


@pytest.mark.django_db
def test_a_picture_that_a_browser_already_has_is_not_sent_again(client):
    address = page_address(make_text(make_picture()).media.name)
    tag = client.get(address)["ETag"]
    again = client.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "pictures/gone.jpg",
        "pictures/page.html",
        "pictures/drawing.svg",
        "pictures/picture.jpg.html",
        "pictures/picture",
        "../secret.jpg",
        "..%2Fsecret.jpg",
        "pictures/%00.jpg",
        "pictures/",
        "/etc/passwd",
        "a" * 300 + ".jpg",
    ],
)
def test_nothing_but_pictures_is_served(client, tmp_path, settings, path):
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    folder = tmp_path / "media" / "pictures"
    folder.mkdir(parents=True)
    for name in ("page.html", "drawing.svg", "picture.jpg.html", "picture"):
        (folder / name).write_text("<script>alert(1)</script>")
    assert client.get(f"/media/{path}").status_code == 404


def test_a_picture_is_only_to_be_looked_at(client):
    assert client.post("/media/pictures/picture.jpg").status_code == 405


@pytest.mark.django_db
def test_the_carrier_gets_the_address_under_which_it_reaches_us(settings):
    settings.PUBLIC_URL = "https://texts.example.org/stories"
    text = make_text(make_picture())
    assert text.picture_url == f"https://texts.example.org/stories/media/{text.media.name}"
    assert StoryText(media_url="https://example.com/a.png").picture_url == "https://example.com/a.png"
    assert StoryText(body="None").picture_url == ""


@pytest.mark.django_db
def test_the_carrier_gets_a_storages_own_address_and_our_pages_ask_no_other_host(elsewhere):
    text = make_text(make_picture(), alt="A red field")
    assert text.picture_url == f"https://pictures.example.org/bucket/{text.media.name}"
    assert text.picture == Picture(f"/media/{text.media.name}", alt="A red field")


def test_a_stored_picture_is_known_by_its_address_also_when_that_is_signed_anew(elsewhere):
    name = "pictures/AbC_-123.png"
    assert stored_name(carrier_address(name) + "?signature=1") == name
    assert stored_name(f"https://example.com/bucket/{name}") is None
    assert stored_name("https://pictures.example.org/bucket/logo.png") is None


@pytest.mark.django_db
def test_a_picture_is_kept_when_no_text_names_it_any_more():
    text = make_text(make_picture())
    name = text.media.name
    text.delete()
    assert default_storage.exists(name)


@pytest.mark.parametrize(
    ("picture", "html"),
    [
        (Picture("/media/a.png", alt='A "red" field'), 'alt="A &quot;red&quot; field"'),
        (Picture("/media/a.png"), 'alt="Picture"'),
        (Picture("https://e.org/a.png", "e.org", "A field"), ">Picture: A field (e.org)</a>"),
        (Picture("https://e.org/a.png", "e.org"), ">Picture: e.org</a>"),
    ],
)
def test_a_phone_says_in_words_what_a_picture_shows(picture, html):
    from django.template.loader import render_to_string

    from stories.phone import Bubble, Phone

    assert html in render_to_string("phone.html", {"phone": Phone("A", "", [Bubble("", pictures=[picture])])})
