"""Waits in the words that people use. Pure computation: no model, no clock of its own.

A wait says when a text comes, seen from the moment when the text before was really sent (for the first text: from
the reader's own). Clocks and days are those of the reader's place. Case, spaces and a full stop or exclamation mark at
the end do not matter; numbers up to twelve may be words.

    what is written                               what it means
    --------------------------------------------  --------------------------------------------------------------
    nothing; right away; at once; immediately;    no wait
        now; 0
    45 minutes; 90 s; 1 day 6 hours;              that long, from weeks down to seconds, the larger unit first;
        1 day and 6 hours; 1.5 hours; an hour;    a day is 24 hours, also when the clocks change
        two hours; half an hour; an hour and a
        half; after 2 hours; in 2 hours;
        2 hours later
    next day; tomorrow; 2 days later              without a time: 24 hours, 48 hours
    at 21:07; 21:07; 9 pm; at 9:30 am; at 8;      until a clock shows that time, today or else tomorrow; without
        8 o'clock; noon; midnight                 am or pm, hours go from 0 to 23
    next day at 8:00; tomorrow at 8; the          that time on the next day of the calendar, be it an hour away
        following day, 8:00; at 8:00 the next day (sent at 23:50) or almost two days (sent at 0:10)
    2 days later at 8:00; in 2 days at 8:00; a    that time on the second, seventh day of the calendar after
        week later at 8:00; the day after
        tomorrow at 8:00
    after 2 hours, at 8:00; 2 hours, then at      first that long, then on until a clock shows that time
        8:00

What could mean two things is refused with what to write instead: "1:30" (a time, or a length?), "8", "2 days at 8:00"
and "after 2 days, at 8:00" (the second day, or 48 hours and then 8:00?), "the same day at 18:00" (and when it is 19:00
already?), "12 am", "tomorrow at midnight" (when tomorrow begins, or ends?).
"""

import re
from dataclasses import dataclass
from datetime import time, timedelta
from functools import lru_cache

from django.core.exceptions import ValidationError
from humanize import precisedelta
from pytimeparse import parse

AT_ONCE = "right away"
AT_ONCE_WORDS = {"", "0", AT_ONCE, "at once", "immediately", "now"}
WAIT_SUGGESTIONS = [
    AT_ONCE,
    "30 seconds",
    "5 minutes",
    "45 minutes",
    "2 hours",
    "1 day and 6 hours",
    "at 21:07",
    "next day at 8:00",
    "2 days later at 18:30",
    "after 2 hours, at 8:00",
]
DAY = timedelta(days=1)
WAIT_MAX = 3650 * DAY
WORDS_MAX_LENGTH = 100
# After a word: a full stop alone says nothing.
SENTENCE_END = re.compile(r"(?<=\w) ?[.!]$")


@dataclass(frozen=True, slots=True)
class Wait:
    """When a text comes: after `delay`, or at `at` on the `days`-th day after, or after `delay` and then at `at`."""

    delay: timedelta = timedelta(0)
    days: int | None = None  # only together with `at`, and without `delay`
    at: time | None = None


def wait_in_words(wait: Wait) -> str:
    """Say a wait as parse_wait reads it: "right away", "2 hours and 30 minutes", "next day at 8:00"."""
    if wait.at is None:
        return delay_in_words(wait.delay)
    clock = f"at {clock_in_words(wait.at)}"
    if wait.days:
        return f"{days_in_words(wait.days)} {clock}"
    return f"after {hours_in_words(wait.delay)}, {clock}" if wait.delay else clock


# humanize takes its time, and a story is looked at again and again while its delays stay.
@lru_cache(maxsize=1000)
def delay_in_words(delay: timedelta) -> str:
    return precisedelta(delay, suppress=["months", "years"], format="%.10g") if delay else AT_ONCE


def hours_in_words(delay: timedelta) -> str:
    """Say a delay before a time of day: whole days in hours, or they would be taken for days of the calendar."""
    return delay_in_words(delay) if delay % DAY else f"{delay // timedelta(hours=1)} hours"


def days_in_words(days: int) -> str:
    return "next day" if days == 1 else f"{days} days later"


def clock_in_words(at: time) -> str:
    return f"{at.hour}:{at:%M:%S}" if at.second else f"{at.hour}:{at:%M}"


def parse_wait(words: str) -> Wait:
    """Return the wait that these words mean; the table above says which do.

    Raises ValidationError with a sentence that says what to write instead.
    """
    said = SENTENCE_END.sub("", " ".join(words.lower().split()))
    if said in AT_ONCE_WORDS:
        return Wait()
    if len(said) > WORDS_MAX_LENGTH:
        raise refusal("words", words)
    said = in_digits(said)
    for reading in (as_clock, as_day, as_delay, as_delay_and_clock):
        wait = reading(said)
        if wait is not None:
            return wait
    raise refusal_of(said, words)


NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
DIGITS = {word: str(number) for number, word in enumerate(NUMBERS, start=1)}
NUMBER_WORD = re.compile(rf"\b(?:{'|'.join(NUMBERS)})\b")


def in_digits(words: str) -> str:
    """Write numbers in digits: "two hours" becomes "2 hours", "an hour and a half" "1.5 hour"."""
    words = re.sub(r"\b([ap])\.? ?m\b\.?", r"\1m", words)
    words = NUMBER_WORD.sub(lambda word: DIGITS[word[0]], words)
    words = re.sub(r" and (?:a|1) half\b", " ½", words)
    words = re.sub(r"\bhalf (?:an? )?(?=[a-z])", "0.5 ", words)
    words = re.sub(r"\ban? (?=[a-z])", "1 ", words)
    words = re.sub(r"(\d) ([a-z]+) ½", r"\1 ½ \2", words)
    return re.sub(r"(?:(\d+) ?)?½ ?(?=[a-z])", lambda half: f"{half[1] or 0}.5 ", words)


CLOCK = re.compile(
    r"(?P<at>at )?(?:(?P<name>noon|midnight)"
    r"|(?P<hour>\d{1,2})(?:(?P<mark>[:.])(?P<minute>\d\d)(?::(?P<second>\d\d))?)?"
    r"(?: ?(?P<half>am|pm)|(?P<clock> o.?clock))?)"
)
CLOCK_NAMES = {"noon": time(12), "midnight": time(0)}


def clock_of(words: str, colon_is_enough: bool = False) -> time | None:
    """Return the time of day that these words say; None if it is none, or could be something else."""
    said = CLOCK.fullmatch(words)
    if not said:
        return None
    if said["name"]:
        return CLOCK_NAMES[said["name"]]
    if not (said["at"] or said["half"] or said["clock"]):
        written_as_a_clock = said["mark"] == ":" and (colon_is_enough or len(said["hour"]) == 2)
        if not written_as_a_clock:
            return None
    hour, minute, second = (int(said[part] or 0) for part in ("hour", "minute", "second"))
    if said["half"]:
        hour = hour_of_day(hour, minute, said["half"], words)
    try:
        return time(hour, minute, second)
    except ValueError as error:
        raise refusal("clock", words) from error


def hour_of_day(hour: int, minute: int, half: str, words: str) -> int:
    """Turn the hour of a 12-hour clock into that of the day."""
    if not 1 <= hour <= 12:
        raise refusal("clock", words)
    if hour == 12 and minute == 0:
        raise refusal("twelve", words)
    return hour % 12 + (12 if half == "pm" else 0)


def as_clock(words: str) -> Wait | None:
    at = clock_of(words)
    return None if at is None else Wait(at=at)


DAYS = (
    r"(?P<next>(?:the )?(?:next|following) day|tomorrow)|(?P<second>(?:the )?day after tomorrow)"
    r"|(?P<count>\d{1,5}) (?P<unit>days?|weeks?) later|in (?P<count_in>\d{1,5}) (?P<unit_in>days?|weeks?)"
)
DAY_THEN_CLOCK = re.compile(rf"(?:{DAYS})(?:,? (?P<clock>.+))?")
CLOCK_THEN_DAY = re.compile(rf"(?P<clock>.+?),? (?:{DAYS})")


def as_day(words: str) -> Wait | None:
    said = DAY_THEN_CLOCK.fullmatch(words) or CLOCK_THEN_DAY.fullmatch(words)
    if not said:
        return None
    days = days_of(said)
    if days * DAY > WAIT_MAX:
        raise refusal("long", words)
    if not said["clock"]:
        return Wait(delay=days * DAY)
    at = clock_of(said["clock"], colon_is_enough=True)
    if at is None:
        return None
    if "midnight" in said["clock"]:
        raise refusal("midnight", words, next=days_in_words(days), after=days_in_words(days + 1))
    if days == 0:
        raise refusal("same_day", words)
    return Wait(days=days, at=at)


def days_of(said: re.Match) -> int:
    if said["next"] or said["second"]:
        return 1 if said["next"] else 2
    unit = said["unit"] or said["unit_in"]
    return int(said["count"] or said["count_in"]) * (7 if unit.startswith("week") else 1)


NUMBER = re.compile(r"[\d.]+")


def delay_of(words: str) -> timedelta | None:
    """Return the length of time that these words say; None if it is none."""
    # pytimeparse would take "1:30" for 90 seconds, "30" for nothing wrong and a minus for a sign.
    if ":" in words or not words[:1].isdecimal() or NUMBER.fullmatch(words):
        return None
    # humanize writes "and", which pytimeparse does not read.
    seconds = parse(re.sub(r",? and (?=\d)|, ?(?=\d)", " ", words))
    if seconds is None:
        return None
    if seconds > WAIT_MAX.total_seconds():
        raise refusal("long", words)
    return timedelta(seconds=round(seconds, 3))


def as_delay(words: str) -> Wait | None:
    delay = delay_of(re.sub(r"^(?:after|in) | later$", "", words))
    return None if delay is None else Wait(delay=delay)


DELAY_THEN_CLOCK = re.compile(
    r"(?P<after>after |in )?(?P<delay>.+?)(?: later)?,?(?P<then>(?: and)? then)? (?P<clock>at .+)"
)


def as_delay_and_clock(words: str) -> Wait | None:
    said = DELAY_THEN_CLOCK.fullmatch(words)
    delay, at = (delay_of(said["delay"]), clock_of(said["clock"])) if said else (None, None)
    if delay is None or at is None:
        return None
    clock, in_hours = f"at {clock_in_words(at)}", f"after {hours_in_words(delay)}"
    if delay and not delay % DAY and counts_days_alone(said["delay"]):
        raise refusal("days", words, days=days_in_words(delay.days), after=in_hours, clock=clock)
    if said["after"] == "after " or said["then"]:
        return Wait(delay=delay, at=at)
    raise refusal("both", words, after=in_hours, clock=clock)


def counts_days_alone(words: str) -> bool:
    return not re.search(r"\d ?[hms]", words)


REFUSALS = {
    "words": "“%(value)s” is not understood; write a wait such as “2 hours” or “1 day 6 hours”, or a time such as "
    "“at 21:07” or “next day at 8:00”.",
    "unit": "%(number)s of what? Write “%(number)s minutes” or “%(number)s hours”%(clock)s.",
    "colon": "Is %(value)s a time or a wait? Write “at %(clock)s” for the time, or “%(wait)s” for the wait.",
    "clock": "“%(value)s” is no time that a clock shows; write it as “at 8:00” or “at 21:07”.",
    "twelve": "12 am and 12 pm are easily mixed up; write “noon” or “midnight”.",
    "midnight": "Which midnight? Write “%(next)s at 0:00” for when that day begins, or “%(after)s at 0:00” for when it "
    "ends.",
    "same_day": "The text before may come later than that on its day. Write “at 18:00”: on the same day, or on the "
    "next where that time has passed.",
    "days": "Days or hours? Write “%(days)s %(clock)s” for that day of the calendar, or “%(after)s, %(clock)s” to wait "
    "the hours first and then on until that time.",
    "both": "Write “%(after)s, %(clock)s” to wait that long first and then on until that time.",
    "negative": "A text cannot come before the one it follows; write a wait without a minus.",
    "long": "That is more than ten years; choose a shorter wait.",
    "months": "Months and years are not all equally long; write weeks or days.",
    "weekday": "Every reader begins on another day, so that a text cannot wait for a day of the week; write “3 days "
    "later at 8:00”.",
    "part_of_day": "“%(value)s” is no time of a clock; write “at 19:00” or “next day at 8:00”.",
}
SIGNS = (
    ("negative", r"[-−–—].*|minus .*|.* (?:ago|before|earlier)"),
    ("same_day", r".*\b(?:today|same day)\b.*"),
    ("weekday", r".*\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|weekend)\b.*"),
    ("months", r".*\d ?(?:months?|years?)\b.*|.*\bnext (?:month|year)\b.*"),
    ("part_of_day", r".*\b(?:morning|afternoon|evening|tonight|night)\b.*"),
)


def refusal(code: str, words: str, **more) -> ValidationError:
    said = " ".join(words.split())
    value = said if len(said) <= 40 else f"{said[:40]}…"
    return ValidationError(REFUSALS[code], code=code, params={"value": value} | more)


def refusal_of(said: str, words: str) -> ValidationError:
    """Say what is wrong with `words` (in digits: `said`), which are none of what is understood."""
    for code, pattern in SIGNS:
        if re.fullmatch(pattern, said):
            return refusal(code, words)
    if clock := re.fullmatch(r"(\d):([0-5]\d)", said):
        wait = timedelta(hours=int(clock[1]), minutes=int(clock[2]))
        return refusal("colon", words, clock=said, wait=delay_in_words(wait))
    if number := re.fullmatch(r"(?:.* )?(\d{1,9}(?:\.\d{1,9})?)", said):
        time_of_day = re.fullmatch(r"(1?\d|2[0-3])(?:\.([0-5]\d))?", number[1])
        clock = f", or “at {time_of_day[1]}:{time_of_day[2] or '00'}” for the time" if time_of_day else ""
        return refusal("unit", words, number=number[1], clock=clock)
    return refusal("words", words)
