import string
from datetime import timedelta

import pytest
from django.core.management import call_command
from PIL import Image

from stories.branches import Branches
from stories.keywords import RESERVED_WORDS
from stories.models import Story, StoryText
from stories.placeholders import filled
from stories.publishing import obstacles
from stories.sample import load_branching_sample, load_sample_story
from stories.scripts.drafts import draft_of
from stories.scripts.script import read_script, write_script

from .factory import make_story

pytestmark = [pytest.mark.django_db, pytest.mark.screens]

# What ASCII and the one-septet part of GSM-7 share: none of these makes a text cost more.
PLAIN = set(string.ascii_letters + string.digits + " !\"#$%&'()*+,-./:;<=>?@_\n")


@pytest.fixture(autouse=True)
def media_root(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def load_texts() -> list[StoryText]:
    return list(load_sample_story().texts.order_by("position"))


def test_it_is_published_and_readable():
    assert load_sample_story() in Story.objects.readable()


def test_it_is_valid_in_every_field():
    story = load_sample_story()
    story.full_clean()
    for text in story.texts.all():
        text.full_clean()


def test_its_keyword_is_one_short_word_that_no_carrier_acts_on():
    keyword = load_sample_story().keyword
    assert keyword.isalpha()
    assert len(keyword) <= 8
    assert keyword not in RESERVED_WORDS


def test_it_has_at_least_eight_texts_in_order():
    texts = load_texts()
    assert len(texts) >= 8
    assert [text.position for text in texts] == list(range(1, len(texts) + 1))


def test_each_text_is_plain_and_costs_two_segments_at_most():
    for text in load_texts():
        assert set(text.body) <= PLAIN
        assert len(text.body) <= 2 * 153
        assert text.body == text.body.strip()


def test_the_first_text_comes_at_once_and_says_how_to_stop():
    first = load_texts()[0]
    assert first.delay <= timedelta(seconds=3)
    assert "Reply STOP to end." in first.body


def test_no_later_text_comes_sooner_than_five_seconds_or_later_than_two_minutes():
    for text in load_texts()[1:]:
        assert timedelta(seconds=5) <= text.delay <= timedelta(minutes=2)


def test_it_takes_about_five_minutes_and_half_of_it_comes_in_the_first_ninety_seconds():
    delays = [text.delay for text in load_texts()]
    assert timedelta(minutes=4) <= sum(delays, timedelta()) <= timedelta(minutes=6)
    assert sum(delays[: len(delays) // 2], timedelta()) <= timedelta(seconds=90)


def test_its_two_pictures_are_whole_small_and_without_metadata():
    pictures = [text.media for text in load_texts() if text.media]
    assert len(pictures) == 2
    for picture in pictures:
        assert picture.size < 500_000
        with Image.open(picture.path) as image:
            image.load()
            assert image.format == "JPEG"
            assert image.width == 1080
            assert not image.getexif()


def test_its_pictures_are_told_in_words():
    words = [text.alt for text in load_texts() if text.media]
    assert all(20 < len(said) <= 120 for said in words)
    assert len(set(words)) == 2


def test_its_pictures_are_kept_at_addresses_that_cannot_be_guessed(media_root):
    names = [text.media.name for text in load_texts() if text.media]
    assert len(list((media_root / "pictures").iterdir())) == len(names)
    for name in names:
        assert name.startswith("pictures/")
        assert name.endswith(".jpg")
        assert "lamp" not in name
        assert "pier" not in name


def test_loading_it_twice_leaves_one_story_and_two_pictures(media_root):
    story = load_sample_story()
    assert load_sample_story() is None
    assert list(Story.objects.all()) == [story]
    assert len(list((media_root / "pictures").iterdir())) == 2


def test_loading_it_again_keeps_what_someone_edited():
    story = load_sample_story()
    story.title, story.keyword, story.status = "Ours now", "island", Story.Status.DRAFT
    story.save()
    story.texts.last().delete()
    count = story.texts.count()
    assert load_sample_story() is None
    story.refresh_from_db()
    assert (story.title, story.keyword, story.status) == ("Ours now", "ISLAND", Story.Status.DRAFT)
    assert story.texts.count() == count


def test_another_story_keeps_the_keyword_it_has():
    other = make_story(keyword="Ferry")
    assert load_sample_story() is None
    assert list(Story.objects.all()) == [other]


def test_the_one_that_asks_can_be_published_and_is_plain_and_short_whatever_readers_answer():
    story = load_branching_sample()
    assert story in Story.objects.readable()
    texts = list(story.texts.order_by("position"))
    assert obstacles(story, texts) == []
    for text in texts:
        text.full_clean()
        for name in ("", "x" * 40):
            body = filled(text.body, {"name": name})
            assert set(body) <= PLAIN
            assert len(body) <= 2 * 153
    assert "Reply STOP to end." in texts[0].body


def test_the_one_that_asks_has_two_endings_a_loop_and_words_of_the_readers_own():
    texts = list(load_branching_sample().texts.order_by("position"))
    ways = Branches(texts)
    endings = [text for text in texts if text.follows == "end"]
    assert len(endings) == 2
    assert all("{name|" in text.body for text in endings)
    assert len(ways.loops()) == 1
    assert len(ways.way(lambda place: 1)) == len(ways.way(lambda place: 1, most=True)) == 7


def test_the_one_that_asks_is_the_script_that_ships_and_is_loaded_once():
    story = load_branching_sample()
    assert load_branching_sample() is None
    assert read_script(write_script(draft_of(story))) == draft_of(story)
    assert Story.objects.count() == 1


def test_the_command_says_in_one_sentence_what_it_did(capsys):
    call_command("loadsample")
    assert capsys.readouterr().out == (
        "Published “Three Minutes at Halmey”: whoever texts FERRY reads it.\n"
        "Published “The Last Keeper of Skarrey”: whoever texts KEEPER reads it.\n"
    )
    call_command("loadsample")
    assert capsys.readouterr().out.count("it was left out") == 2
    assert Story.objects.count() == 2
