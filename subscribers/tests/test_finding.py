"""Finding readers by number, however it is written or by its end alone, and passages by how far they are."""

import re
from copy import copy

import pytest
from django.db import connection

from stories.models import Story
from stories.tests.factory import make_story
from subscribers.admin.enrollments import EnrollmentAdmin, FarFilter
from subscribers.finding import is_number, with_number
from subscribers.models import Enrollment, Subscriber
from textengine.database import planned_anew

from .factory import make_subscriber

pytestmark = pytest.mark.django_db

NEW_YORK, OTHER, BERLIN = "+12125550142", "+12125559142", "+493090182042"


@pytest.fixture(autouse=True)
def readers():
    for number in (NEW_YORK, OTHER, BERLIN):
        make_subscriber(number)


def found(words: str) -> set[str]:
    return {str(number) for number in with_number(words).values_list("phone_number", flat=True)}


@pytest.mark.parametrize(
    "words",
    ["+12125550142", "12125550142", "(212) 555-0142", "212.555.0142", "212/5550142", "+1 212\u00a0555\u00a00142"],
)
def test_a_whole_number_is_found_however_it_is_written(words):
    assert is_number(words)
    assert found(words) == {NEW_YORK}


@pytest.mark.parametrize("words", ["+49 30 90182042", "0049 30 90182042", "030 / 90 18 20 42", "030-90182042"])
def test_a_number_without_a_country_is_one_of_our_own_numbers_country(settings, words):
    settings.TWILIO_NUMBER = "+4915735980000"
    assert is_number(words)
    assert found(words) == {BERLIN}


@pytest.mark.parametrize("number", ["", "12345"])
def test_where_our_number_has_no_country_a_number_has_to_say_its_own(settings, number):
    settings.TWILIO_NUMBER = number
    assert found("+1 212 555 0142") == {NEW_YORK}
    assert found("212 555 0142") == set()


@pytest.mark.parametrize(
    ("words", "numbers"), [("0142", {NEW_YORK}), ("…0142", set()), ("9142", {OTHER}), ("20-42", {BERLIN}), ("0", set())]
)
def test_four_digits_are_the_last_ones(words, numbers):
    assert (found(words) if is_number(words) else set()) == numbers


@pytest.mark.parametrize("words", ["142", "50142", "550142", "2125550", "+1212", "1212555", "+121255501420", "9", "+"])
def test_no_other_part_finds_anybody(words):
    assert not is_number(words) or found(words) == set()


@pytest.mark.parametrize("words", ["", "hello", "at 5", "1911?", "%0142", "SM0142"])
def test_words_are_no_number(words):
    assert not is_number(words)


@pytest.mark.parametrize("words", ["0142", "+1 212 555 0142"])
def test_an_index_finds_them(words):
    Subscriber.objects.bulk_create(Subscriber(phone_number=f"+1646{number:07}") for number in range(3000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with planned_anew():
        plan = with_number(words).order_by().explain().lower()
    assert "seq scan" not in plan
    assert "scan subscribers_subscriber" not in plan


def passages(step: int, count: int) -> Story:
    """Make this many, all so far, in a story of their own."""
    story, subscriber = make_story([("One", 0)]), make_subscriber()
    passage = Enrollment(subscriber=subscriber, story=story, status="completed", step=step)
    Enrollment.objects.bulk_create([copy(passage) for _ in range(count)])
    return story


def found_far(far: str):
    """Return who is found by this choice, after the database has looked at what it has."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    choice = FarFilter(None, {"far": [far]}, Enrollment, EnrollmentAdmin)
    return choice.queryset(None, Enrollment.objects.order_by("-created_at", "-pk"))


def test_an_index_finds_the_few_who_are_far():
    passages(step=3, count=3000)
    passages(step=17, count=1)
    with planned_anew():
        found = found_far("11")
        assert [passage.step for passage in found] == [17]
        assert "enrollment_newest_by_far" in found.explain()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps no such statistics.")
def test_it_is_known_that_no_reader_of_a_short_story_is_far():
    short, long = passages(step=3, count=1500), passages(step=17, count=1500)
    with planned_anew():
        expected = [
            int(re.search(r"rows=(\d+)", found_far("11").filter(story=story).explain())[1]) for story in (short, long)
        ]
    assert expected[0] < 10 < 1000 < expected[1]
