from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from stories.forms import DELAY_SUGGESTIONS, DelayField, delay_in_words


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("", 0),
        (None, 0),
        ("0", 0),
        ("right away", 0),
        (" Right  Away ", 0),
        ("at once", 0),
        ("0 minutes", 0),
        ("90 s", 90),
        ("90 seconds", 90),
        ("2 hours", 7200),
        ("2 Hours", 7200),
        ("2\u00a0hours", 7200),
        ("1.5 hours", 5400),
        ("1h30m", 5400),
        ("1 h 30 min", 5400),
        ("2 hours and 30 minutes", 9000),
        ("1 day 6 hours", 108_000),
        ("1 day and 6 hours", 108_000),
        ("1 day, 6 hours and 5 seconds", 108_005),
        ("2 weeks", 1_209_600),
    ],
)
def test_a_delay_is_read_as_people_say_it(words, seconds):
    assert DelayField().clean(words) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("2", "2 of what? Add a unit"),
        ("1.5", "1.5 of what? Add a unit"),
        ("-2", "without a minus"),
        ("-2 hours", "without a minus"),
        ("−2 hours", "without a minus"),
        ("1:30", "rather than 1:30"),
        ("2 hours 1:30", "rather than 1:30"),
        ("soon", "“soon” is not understood"),
        ("and", "“and” is not understood"),
        ("two hours", "“two hours” is not understood"),
        ("2 months", "“2 months” is not understood"),
        ("1 hour 30", "“1 hour 30” is not understood"),
        ("30 minutes 2 hours", "is not understood"),
        ("1.2.3 hours", "is not understood"),
        ("9999 weeks", "more than ten years"),
        ("9" * 400 + " weeks", "more than ten years"),
        ("nan", "of what?"),
    ],
)
def test_a_delay_that_is_not_one_is_refused_with_a_sentence_that_helps(words, sentence):
    with pytest.raises(ValidationError) as error:
        DelayField().clean(words)
    assert sentence in error.value.messages[0]


@pytest.mark.parametrize(
    "seconds",
    [0, 1, 59, 60, 61, 90, 3599, 3600, 86_399, 86_400, 108_005, 34_560_061, 1.5, 0.001, 59.999, 315_359_999.999],
)
def test_a_delay_is_read_back_as_it_was_written(seconds):
    delay, field = timedelta(seconds=seconds), DelayField()
    assert field.clean(field.prepare_value(delay)) == delay


def test_the_suggestions_are_worded_as_delays_are_shown():
    field = DelayField()
    odd = [words for words in DELAY_SUGGESTIONS if delay_in_words(field.clean(words)) != words]
    assert odd == ["1 week"]


def test_an_unchanged_delay_counts_as_unchanged_however_it_is_typed():
    field = DelayField(required=False)
    assert not field.has_changed(timedelta(0), "")
    assert not field.has_changed(timedelta(hours=2), "120 min")
    assert field.has_changed(timedelta(hours=2), "3 hours")
