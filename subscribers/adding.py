"""Adding readers who consented elsewhere: what a list of numbers would do, line by line, and doing it.

Who opted out is never added. Whoever is added has a consent on record, and begins a story by the way that all take.
"""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum
from hashlib import sha256

import phonenumbers
from django.conf import settings
from django.contrib.auth.models import User

from stories.models import Story
from textengine.database import retried_at_once

from .erasing import digest
from .inbound import is_allowed
from .models import Consent, Enrollment, StoppedNumber, Subscriber
from .models.readers import on_screen
from .own_phones import locked_phone
from .starting import Reader, begin_story

logger = logging.getLogger(__name__)

LINES_MAX = 2000
SEPARATORS = ",;\t"
# A date as spreadsheets and forms write it, also with a time behind it. Some are phone numbers by their digits.
DATE = re.compile(r"([12]\d{3}([./-])[01]?\d\2[0-3]?\d|[0-3]?\d([./-])[0-3]?\d\3(\d\d){1,2})([ T].*)?")


class Outcome(Enum):
    """What becomes of a line: its words, and whether its number begins the story."""

    NEW = "New: begins the story", True
    KNOWN = "A reader already: begins this story too", True
    READING = "Reads this story already", False
    HAD = "Has had this story: it is not begun again", False
    REPEATED = "Stands further up already", False
    OPTED_OUT = "Has opted out, and may not be texted. They can text START themselves", False
    FORGOTTEN = "Has asked to be forgotten", False
    NOT_ALLOWED = "Lies in a country that is not texted (ALLOWED_COUNTRIES)", False
    OURS = "Is our own number", False
    NO_NUMBER = "Is no phone number", False
    TWO_NUMBERS = "May begin with the code of its country, or not. Write it with a +", False
    NO_DATE = "Has a date of consent that is none, or is yet to come. Write it as 2026-11-30", False

    def __init__(self, words: str, begins: bool):
        self.words, self.begins = words, begins


REFUSED = (
    Outcome.OPTED_OUT,
    Outcome.FORGOTTEN,
    Outcome.NOT_ALLOWED,
    Outcome.OURS,
    Outcome.NO_NUMBER,
    Outcome.TWO_NUMBERS,
    Outcome.NO_DATE,
)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How, when and to whom these readers said that they may be texted; `day` holds where a line names no other."""

    how: str
    day: date
    taken_by: str
    recorded_by: User


@dataclass(frozen=True, slots=True)
class Line:
    place: int
    words: str
    number: str  # in E.164; empty where it is none
    day: date | None
    outcome: Outcome
    # That no country is written with the number, so that the chosen one was taken.
    is_assumed: bool = False

    @property
    def country(self) -> str:
        """The country of the number, by its two letters; empty where it has none."""
        return phonenumbers.region_code_for_number(phonenumbers.parse(self.number)) or "" if self.number else ""

    @property
    def masked(self) -> str:
        return on_screen(phonenumbers.parse(self.number)) if self.number else ""

    @property
    def is_refused(self) -> bool:
        return self.outcome in REFUSED


@dataclass(frozen=True, slots=True)
class Plan:
    """What a list would do."""

    lines: list[Line]

    @property
    def beginning(self) -> list[Line]:
        return [line for line in self.lines if line.outcome.begins]

    @property
    def refused(self) -> list[Line]:
        return [line for line in self.lines if line.is_refused]

    @property
    def left_alone(self) -> list[Line]:
        return [line for line in self.lines if not (line.outcome.begins or line.is_refused)]

    @property
    def assumed(self) -> list[Line]:
        """Those that begin by a number whose country is only the chosen one."""
        return [line for line in self.beginning if line.is_assumed]

    @property
    def in_order(self) -> list[list[Line]]:
        """All lines, those first that somebody has to look at."""
        return [self.refused, self.left_alone, self.beginning]

    @property
    def seen(self) -> str:
        """What stands for this very plan, so that nothing is done that nobody saw."""
        return sha256(repr([(line.number, line.day, line.outcome.name) for line in self.lines]).encode()).hexdigest()


def plan(source: str, region: str | None, story: Story, today: date) -> Plan:
    """Return what these lines would do: a number each, behind it the day of the consent where it is another.

    Numbers without a country are read as those of `region`. A first line without any digit is a heading.
    """
    rows = list(enumerate(source.splitlines(), start=1))
    rows = [(place, line.strip()) for place, line in rows if line.strip()]
    if rows and not any(character.isdigit() for character in rows[0][1]):
        del rows[0]
    read = [read_line(place, words, region, today) for place, words in rows]
    known = states_of([line.number for line in read if line.number], story)
    lines, before = [], set()
    for line in read:
        outcome = line.outcome
        if line.number and not line.is_refused:
            outcome = Outcome.REPEATED if line.number in before else known.get(line.number, outcome)
            before.add(line.number)
        lines.append(replace(line, outcome=outcome))
    return Plan(lines)


def read_line(place: int, words: str, region: str | None, today: date) -> Line:
    """Read a line as if nobody were known. Of what stands behind the number, only a day counts: a date that is written
    in another way is refused, since the day of the consent would be on record wrong."""
    cells = words
    for separator in SEPARATORS:
        cells = cells.replace(separator, "\n")
    first, *more = [cell.strip().strip("\"'") for cell in cells.split("\n")]
    number, is_assumed = ("", False) if DATE.fullmatch(first) else number_of(first, region)
    days = [cell for cell in more if DATE.fullmatch(cell)]
    try:
        day = date.fromisoformat(days[0]) if days else None
        outcome = Outcome.NO_DATE if day and day > today else outcome_of(number)
        outcome = Outcome.TWO_NUMBERS if is_assumed and may_be_another(first, number) else outcome
    except ValueError:
        day, outcome = None, Outcome.NO_DATE
    return Line(place, words[:80], number, day, outcome if number else Outcome.NO_NUMBER, is_assumed)


def number_of(words: str, region: str | None) -> tuple[str, bool]:
    """Return the number in E.164, empty where it is none, and whether its country is only that of `region`."""
    try:
        number = phonenumbers.parse(words, region, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return "", False
    if not phonenumbers.is_valid_number(number):
        return "", False
    return phonenumbers.format_number(
        number, phonenumbers.PhoneNumberFormat.E164
    ), number.country_code_source not in SAID


# By what somebody who writes a number says of which country it is.
SAID = (
    phonenumbers.CountryCodeSource.FROM_NUMBER_WITH_PLUS_SIGN,
    phonenumbers.CountryCodeSource.FROM_NUMBER_WITH_IDD,
)


def may_be_another(words: str, number: str) -> bool:
    """Tell whether these words with a + before them are another valid number of the same country.

    Spreadsheets take the + away, and what is left may be a number of that country, too.
    """
    code = phonenumbers.parse(number).country_code
    other, _ = number_of(f"+{words}", None)
    return other not in ("", number) and phonenumbers.parse(other).country_code == code


def outcome_of(number: str) -> Outcome:
    if number == settings.TWILIO_NUMBER:
        return Outcome.OURS
    return Outcome.NEW if not number or is_allowed(number) else Outcome.NOT_ALLOWED


def states_of(numbers: list[str], story: Story) -> dict[str, Outcome]:
    """Return what those of these numbers are that we know, with three questions for all of them."""
    stopped = set(StoppedNumber.objects.values_list("digest", flat=True).filter(digest__in=map(digest, numbers)))
    states = {number: Outcome.OPTED_OUT for number in numbers if digest(number) in stopped}
    readers = {str(reader.phone_number): reader for reader in Subscriber.objects.filter(phone_number__in=numbers)}
    passages = Enrollment.objects.readers().filter(story=story, subscriber__in=[row.pk for row in readers.values()])
    reading = dict(passages.order_by("pk").values_list("subscriber", "status"))
    for number, reader in readers.items():
        states[number] = state_of(reader, reading.get(reader.pk))
    return states


def state_of(reader: Subscriber, status: str | None) -> Outcome:
    if reader.opted_out_at:
        return Outcome.OPTED_OUT
    if reader.forgotten_at:
        return Outcome.FORGOTTEN
    if status:
        return Outcome.READING if status in Enrollment.LIVE else Outcome.HAD
    return Outcome.KNOWN


def add(lines: Iterable[Line], story: Story, agreement: Agreement, now: datetime) -> int:
    """Add the readers of these lines and let them begin the story; return for how many that was so.

    Each is a transaction: who opts out meanwhile is left alone, and nobody waits for all of them.
    """
    count = sum(add_reader(line, story, agreement, now) for line in lines)
    logger.info("readers.added story=%s count=%s by=%s", story.pk, count, agreement.recorded_by.pk)
    return count


@retried_at_once
def add_reader(line: Line, story: Story, agreement: Agreement, now: datetime) -> bool:
    phone = locked_phone(line.number)
    passages = Enrollment.objects.readers().filter(subscriber=phone)
    if phone.opted_out_at or phone.forgotten_at or passages.filter(story=story).exists():
        return False
    Consent.objects.create(
        subscriber=phone,
        how=agreement.how,
        given_on=line.day or agreement.day,
        taken_by=agreement.taken_by,
        recorded_by=agreement.recorded_by,
        recorded_at=now,
    )
    reader = Reader(phone.pk, False, phone.time_zone, line.number, is_new=not passages.exists(), by_editor=True)
    begin_story(reader, story.pk, [], story.number or settings.TWILIO_NUMBER, now)
    return passages.filter(story=story).exists()
