import random
from contextlib import suppress
from datetime import time, timedelta

import pytest
from django.core.exceptions import ValidationError

from stories.waits import AT_ONCE, WAIT_SUGGESTIONS, Wait, parse_wait, wait_in_words

SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
WEEK = 7 * DAY


@pytest.mark.parametrize(
    ("words", "delay"),
    [
        ("", 0 * DAY),
        ("  ", 0 * DAY),
        ("0", 0 * DAY),
        ("right away", 0 * DAY),
        (" Right  Away ", 0 * DAY),
        ("at once", 0 * DAY),
        ("Right away!", 0 * DAY),
        ("2 hours.", 2 * HOUR),
        ("1.5 hours !", 90 * MINUTE),
        ("immediately", 0 * DAY),
        ("0 minutes", 0 * DAY),
        ("90 s", 90 * SECOND),
        ("90 seconds", 90 * SECOND),
        ("2 hours", 2 * HOUR),
        ("2 Hours", 2 * HOUR),
        ("2\u00a0hours", 2 * HOUR),
        ("20h", 20 * HOUR),
        ("1.5 hours", 90 * MINUTE),
        ("0.5 seconds", SECOND / 2),
        ("1h30m", 90 * MINUTE),
        ("1 h 30 min", 90 * MINUTE),
        ("2 hours and 30 minutes", 150 * MINUTE),
        ("1 day 6 hours", 30 * HOUR),
        ("1 day and 6 hours", 30 * HOUR),
        ("1 day, and 6 hours", 30 * HOUR),
        ("1 day, 6 hours and 5 seconds", 30 * HOUR + 5 * SECOND),
        ("2 weeks", 14 * DAY),
        ("an hour", HOUR),
        ("a week", WEEK),
        ("two hours", 2 * HOUR),
        ("Twelve minutes", 12 * MINUTE),
        ("one day and six hours", 30 * HOUR),
        ("half an hour", 30 * MINUTE),
        ("half a day", 12 * HOUR),
        ("an hour and a half", 90 * MINUTE),
        ("two and a half days", 60 * HOUR),
        ("1 day and half an hour", 24 * HOUR + 30 * MINUTE),
        ("1½ hours", 90 * MINUTE),
        ("½ hour", 30 * MINUTE),
        ("after 2 hours", 2 * HOUR),
        ("in 2 hours", 2 * HOUR),
        ("2 hours later", 2 * HOUR),
        ("next day", DAY),
        ("tomorrow", DAY),
        ("2 days later", 2 * DAY),
        ("the day after tomorrow", 2 * DAY),
        ("3650 days", 3650 * DAY),
    ],
)
def test_a_length_of_time_is_read_as_people_say_it(words, delay):
    assert parse_wait(words) == Wait(delay=delay)


@pytest.mark.parametrize(
    ("words", "at"),
    [
        ("at 21:07", time(21, 7)),
        ("21:07", time(21, 7)),
        ("08:00", time(8)),
        ("00:30", time(0, 30)),
        ("At 1:30", time(1, 30)),
        ("at 8", time(8)),
        ("at eight", time(8)),
        ("at 20", time(20)),
        ("at 8.30", time(8, 30)),
        ("at 8:00:30", time(8, 0, 30)),
        ("8 o'clock", time(8)),
        ("8 o’clock", time(8)),
        ("9 pm", time(21)),
        ("9PM", time(21)),
        ("9 p.m.", time(21)),
        ("9.30 p.m.", time(21, 30)),
        ("at 9:30 am", time(9, 30)),
        ("12:30 am", time(0, 30)),
        ("12:30 pm", time(12, 30)),
        ("noon", time(12)),
        ("at noon", time(12)),
        ("midnight", time(0)),
    ],
)
def test_a_time_of_day_is_read_as_people_say_it(words, at):
    assert parse_wait(words) == Wait(at=at)


@pytest.mark.parametrize(
    ("words", "days", "at"),
    [
        ("next day at 8:00", 1, time(8)),
        ("tomorrow at 8", 1, time(8)),
        ("Tomorrow 9 pm", 1, time(21)),
        ("tomorrow at noon", 1, time(12)),
        ("the next day, 8:00", 1, time(8)),
        ("the following day at 8:00", 1, time(8)),
        ("at 8:00 the next day", 1, time(8)),
        ("a day later at 8:00", 1, time(8)),
        ("2 days later at 8:00", 2, time(8)),
        ("two days later, 8:00", 2, time(8)),
        ("8 pm, two days later", 2, time(20)),
        ("in 2 days at 8:00", 2, time(8)),
        ("the day after tomorrow at 8:00", 2, time(8)),
        ("a week later at 8:00", 7, time(8)),
        ("next day at 0:00", 1, time(0)),
    ],
)
def test_a_time_on_a_later_day_is_read_as_people_say_it(words, days, at):
    assert parse_wait(words) == Wait(days=days, at=at)


@pytest.mark.parametrize(
    ("words", "delay"),
    [
        ("after 2 hours, at 8:00", 2 * HOUR),
        ("after two hours at 8", 2 * HOUR),
        ("2 hours, then at 8:00", 2 * HOUR),
        ("2 hours and then at 8:00", 2 * HOUR),
        ("after 24 hours, at 8:00", DAY),
        ("after 1 day and 6 hours, at 8:00", 30 * HOUR),
        ("after half a day, at 8:00", 12 * HOUR),
    ],
)
def test_a_length_of_time_and_then_a_time_of_day_are_read_together(words, delay):
    assert parse_wait(words) == Wait(delay=delay, at=time(8))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("1:30", "Is 1:30 a time or a wait? Write “at 1:30” for the time, or “1 hour and 30 minutes” for the wait."),
        ("8:00", "Write “at 8:00” for the time, or “8 hours” for the wait."),
        ("8", "8 of what? Write “8 minutes” or “8 hours”, or “at 8:00” for the time."),
        ("tomorrow 8", "or “at 8:00” for the time."),
        ("two", "2 of what?"),
        ("30", "30 of what? Write “30 minutes” or “30 hours”."),
        ("1.5", "1.5 of what? Write “1.5 minutes” or “1.5 hours”."),
        ("8.30", "or “at 8:30” for the time."),
        ("1 hour 30", "30 of what?"),
        ("at 25:00", "“at 25:00” is no time that a clock shows"),
        ("at 24:00", "is no time that a clock shows"),
        ("at 8:75", "is no time that a clock shows"),
        ("13 pm", "is no time that a clock shows"),
        ("0 am", "is no time that a clock shows"),
        ("12 am", "“noon” or “midnight”"),
        ("12:00 pm", "“noon” or “midnight”"),
        (
            "tomorrow at midnight",
            "“next day at 0:00” for when that day begins, or “2 days later at 0:00” for when it ends",
        ),
        ("2 days at 8:00", "“2 days later at 8:00” for that day of the calendar, or “after 48 hours, at 8:00”"),
        ("after 1 day, at 8:00", "“next day at 8:00” for that day of the calendar, or “after 24 hours, at 8:00”"),
        ("1 week, then at 8", "“7 days later at 8:00”"),
        ("2 hours at 8:00", "Write “after 2 hours, at 8:00”"),
        ("1 day and 6 hours later at 8:00", "Write “after 1 day and 6 hours, at 8:00”"),
        ("the same day at 18:00", "Write “at 18:00”: on the same day, or on the next"),
        ("today", "on the same day, or on the next"),
        ("0 days later at 8:00", "on the same day, or on the next"),
        ("-2", "without a minus"),
        ("-2 hours", "without a minus"),
        ("−2 hours", "without a minus"),
        ("minus 2 hours", "without a minus"),
        ("2 hours ago", "without a minus"),
        ("2 hours -1 minute", "is not understood"),
        ("soon", "“soon” is not understood; write a wait such as"),
        ("Soon  enough", "“Soon enough” is not understood"),
        ("and", "“and” is not understood"),
        ("at", "“at” is not understood"),
        ("nan", "“nan” is not understood"),
        ("2 months", "not all equally long"),
        ("next month", "not all equally long"),
        ("Monday at 8:00", "“3 days later at 8:00”"),
        ("on Sundays", "“3 days later at 8:00”"),
        ("next morning", "“next day at 8:00”"),
        ("tonight", "“at 19:00”"),
        ("30 minutes 2 hours", "is not understood"),
        ("two half hours", "is not understood"),
        ("2-3 hours", "is not understood"),
        ("1,5 hours", "is not understood"),
        ("1.2.3 hours", "is not understood"),
        ("1:75", "is not understood"),
        ("1:30 hours", "is not understood"),
        ("at 2 hours", "is not understood"),
        ("after lunch, at 8:00", "is not understood"),
        ("9999 weeks", "more than ten years"),
        ("9999 weeks later at 8:00", "more than ten years"),
        ("after 9999 weeks, at 8:00", "more than ten years"),
        ("9" * 90 + " weeks", "more than ten years"),
        ("9" * 5000 + " weeks", "“" + "9" * 40 + "…” is not understood"),
        ("%(value)s of 100 %", "“%(value)s of 100 %” is not understood"),
    ],
)
def test_what_is_ambiguous_negative_or_unreadable_is_refused_with_a_sentence_that_helps(words, sentence):
    with pytest.raises(ValidationError) as error:
        parse_wait(words)
    assert sentence in error.value.messages[0]


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        (Wait(), AT_ONCE),
        (Wait(delay=30 * HOUR), "1 day and 6 hours"),
        (Wait(delay=34_560_061 * SECOND), "400 days, 1 minute and 1 second"),
        (Wait(at=time(21, 7)), "at 21:07"),
        (Wait(at=time(0)), "at 0:00"),
        (Wait(at=time(8, 0, 5)), "at 8:00:05"),
        (Wait(days=1, at=time(8)), "next day at 8:00"),
        (Wait(days=7, at=time(18, 30)), "7 days later at 18:30"),
        (Wait(delay=2 * HOUR, at=time(8)), "after 2 hours, at 8:00"),
        (Wait(delay=2 * DAY, at=time(8)), "after 48 hours, at 8:00"),
    ],
)
def test_a_wait_is_said_in_words(wait, words):
    assert wait_in_words(wait) == words


def some_waits(count: int):
    """Yield waits of every kind, from the smallest to the longest."""
    draw = random.Random(21_07)
    for _ in range(count):
        unit = draw.choice([SECOND / 1000, SECOND, MINUTE, HOUR, DAY, WEEK])
        delay = unit * draw.randint(0, 120) + draw.choice([0, 0, 1]) * MINUTE * draw.randint(0, 2000)
        at = time(draw.randrange(24), draw.randrange(60), draw.choice([0, 0, draw.randrange(60)]))
        days = draw.choice([1, 2, draw.randint(1, 3650)])
        yield draw.choice([Wait(delay=delay), Wait(at=at), Wait(delay=delay, at=at), Wait(days=days, at=at)])


def test_every_wait_is_read_back_as_it_was_written():
    for wait in some_waits(20_000):
        assert parse_wait(wait_in_words(wait)) == wait, wait_in_words(wait)


def test_every_wait_is_read_in_capitals_and_with_more_spaces_too():
    for wait in some_waits(500):
        assert parse_wait(f"  {wait_in_words(wait).upper().replace(' ', '  ')}\n") == wait


def test_whatever_is_typed_is_read_or_refused_and_what_is_read_can_be_written():
    draw = random.Random(8_00)
    parts = "1 2 8 30 0 1.5 8:00 21:07 a an half and , then at after in later next day days tomorrow hour hours "
    parts = (parts + "minutes week noon midnight am pm o'clock the ½ - : . two twelve").split()
    read = []
    for _ in range(20_000):
        with suppress(ValidationError):
            read.append(parse_wait(" ".join(draw.choices(parts, k=draw.randint(1, 6)))))
    assert len(read) > 500
    for wait in read:
        assert parse_wait(wait_in_words(wait)) == wait
        assert wait.delay >= timedelta(0)
        assert wait.days is None or (wait.days > 0 and wait.at and not wait.delay)


def test_the_suggestions_are_worded_as_waits_are_shown():
    assert [wait_in_words(parse_wait(words)) for words in WAIT_SUGGESTIONS] == WAIT_SUGGESTIONS
