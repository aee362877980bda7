"""Finding readers by number: by the whole of it however it is written, by its end, and by nothing else."""

import pytest
from django.db import connection

from subscribers.finding import is_number, with_number
from subscribers.models import Subscriber
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
