"""What everybody can read about what is kept, and that it is true."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from stories.tests.factory import make_story

pytestmark = [pytest.mark.django_db, pytest.mark.screens]


def statement(client) -> str:
    return re.sub(r"\s+", " ", strip_tags(client.get(reverse("kept")).content.decode()))


def test_a_storys_page_leads_to_what_is_kept(client):
    page = client.get(make_story().get_absolute_url()).content.decode()
    assert f'href="{reverse("kept")}"' in page


@pytest.mark.parametrize(
    ("days", "said", "unsaid"),
    [
        (30, "deleted 30 days after your story has come to its end, here and at our carrier.", "They stay until"),
        (1, "deleted 1 day after your story", "They stay until"),
        (None, "They stay until you ask us to forget you.", "after your story has come to its end"),
    ],
)
def test_it_says_how_long_texts_are_kept(client, settings, days, said, unsaid):
    settings.MESSAGE_RETENTION = days and timedelta(days=days)
    text = statement(client)
    assert said in text
    assert unsaid not in text


@pytest.mark.parametrize(
    ("words", "contact", "said"),
    [
        (("LÖSCHEN", "FORGET"), "", "Text LÖSCHEN to our number, and everything"),
        (("FORGET",), "mailto:desk@example.org", "Text FORGET to our number, or ask us, and everything"),
        ((), "mailto:desk@example.org", "Ask us, and everything"),
        ((), "", "Ask the newsroom, and everything"),
    ],
)
def test_it_says_how_one_is_forgotten(client, settings, words, contact, said):
    settings.COMMAND_WORDS = settings.COMMAND_WORDS | {"FORGET": words}
    settings.NEWSROOM_CONTACT = contact
    text = statement(client)
    assert said in text
    assert ("desk@example.org" in text) == bool(contact)


@pytest.mark.parametrize(
    "ways", [{}, {"DIGEST_EMAILS": ["desk@example.org"]}, {"DIGEST_WEBHOOK": "https://example.org"}]
)
def test_it_says_where_digests_go(client, settings, ways):
    for name, way in ways.items():
        setattr(settings, name, way)
    assert ("sent to our people by e-mail or in a chat" in statement(client)) == bool(ways)


def test_it_names_the_carrier(client, settings):
    settings.TWILIO_API_URL = "https://api.twilio.com"
    assert "Texts go through Twilio" in statement(client)


def test_it_is_there_for_everybody_and_changes_nothing(client):
    assert client.head(reverse("kept")).status_code == 200
    assert client.post(reverse("kept")).status_code == 405
