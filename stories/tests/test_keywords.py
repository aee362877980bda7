import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from stories.keywords import RESERVED_WORDS, normalize
from stories.models import Story

from .factory import make_story

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("river", "RIVER"),
        (" River! ", "RIVER"),
        ("«Río»", "RIO"),
        ("Ünder  the\nriver?", "UNDER THE RIVER"),
        ("STOP.", "STOP"),
        ("please don't stop", "PLEASE DON'T STOP"),
        ("straße", "STRASSE"),
        ("…", ""),
        ("", ""),
        ("🌊", ""),
        ("é", "E"),
        ("7", "7"),
        ("fer\u200bry", "FERRY"),
        ("\ufefffer\u00adry\u202e", "FERRY"),
    ],
)
def test_a_word_is_the_same_in_any_case_with_any_accents_and_punctuation(text, word):
    assert normalize(text) == word


def test_a_story_is_found_by_its_keyword_however_it_is_typed():
    story = make_story(keyword="Río ")
    assert story.keyword == "RIO"
    assert Story.objects.get(keyword="rio!") == story


def test_stories_without_a_keyword_do_not_collide():
    make_story(keyword="")
    make_story(keyword=None)
    assert Story.objects.filter(keyword=None).count() == 2


@pytest.mark.parametrize("word", ["\U0001f642", "?!", "\u200b"])
def test_what_has_no_letter_and_no_digit_is_no_keyword(word):
    with pytest.raises(ValidationError, match="at least one letter or digit"):
        Story(title="A", slug="a", keyword=word).full_clean()


def test_two_stories_cannot_share_a_keyword():
    make_story(keyword="river")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_story(keyword="RIVER")


@pytest.mark.parametrize("word", [*sorted(RESERVED_WORDS), "opt-out", "stop all"])
def test_a_word_that_phone_networks_act_on_is_no_keyword(word):
    with pytest.raises(ValidationError, match="meaning of its own"):
        Story(title="A", slug="a", keyword=word.lower()).full_clean()


def test_a_command_is_no_keyword(settings):
    settings.COMMAND_WORDS = {"PAUSE": ("Pause", "Warte!"), "AGAIN": ()}
    for word, reason in (("pause", "PAUSE is a command by which"), ("WARTE", "WARTE is the command PAUSE by which")):
        with pytest.raises(ValidationError, match=reason):
            Story(title="A", slug="a", keyword=word).full_clean()
    Story(title="A", slug="a", keyword="again").full_clean()
