"""Quiet hours: when a text would wake its reader, and when it comes instead. Pure computation, no clock of its own.

They begin and end by the clock at the reader's place. The newsroom's are a setting; a story follows them, has its own,
or has none. They are written in words:

    21:00 to 8:00; from 9 pm until 8 am; 21:00-8:00     from the one time of day to the other
    off                                                 none: texts come at any hour
    nothing                                             of a story: those of the newsroom
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from .waits import clock_in_words, clock_of

OFF = "off"
# Whoever has texted us is awake for so long.
AWAKE = timedelta(minutes=15)
FROM_TO = re.compile(r"(?:from )?(?P<begins>.+?)(?: (?:to|until|till) | ?[-‒–—] ?)(?P<ends>.+)")
# As they are kept, other than OFF.
QUIET_PATTERN = r"^[0-9]{1,2}:[0-9]{2}(:[0-9]{2})? to [0-9]{1,2}:[0-9]{2}(:[0-9]{2})?$"
NOT_UNDERSTOOD = "“%(words)s” is not understood; write quiet hours as “21:00 to 8:00”, or “off” for none."
NO_LENGTH = "Quiet hours that end when they begin are none; write “off” for that."


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of day to another, mostly over midnight; the moment at which they end is none of them."""

    begins: time
    ends: time

    def __str__(self):
        return f"{clock_in_words(self.begins)} to {clock_in_words(self.ends)}"

    def cover(self, clock: time) -> bool:
        over_midnight = self.begins > self.ends
        return clock >= self.begins or clock < self.ends if over_midnight else self.begins <= clock < self.ends

    def over(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """Return `moment`, or when the quiet hours end in `zone` in which it lies; in UTC.

        Where the clock leaps over their end, as long after the leap as the end lies after the leap's start.
        """
        local = moment.astimezone(zone)
        if not self.cover(local.time()):
            return moment.astimezone(UTC)
        day = local.date() + timedelta(days=local.time() >= self.ends)
        # Where an hour comes twice, it is the one that `moment` lies in, or before.
        return datetime.combine(day, self.ends, tzinfo=zone).replace(fold=local.fold).astimezone(UTC)


def by_day(due: datetime, zone: ZoneInfo, hours: QuietHours | None, heard_at: datetime | None = None) -> datetime:
    """Return when a text comes to a reader in `zone` that is due at `due`: then, or at the end of these quiet hours.

    It comes then if the reader, heard last at `heard_at`, is still awake, or there are no quiet hours.
    """
    return due if hours is None or is_awake(due, heard_at) else hours.over(due, zone)


def is_awake(moment: datetime, heard_at: datetime | None) -> bool:
    """Tell whether a reader is surely awake at `moment` who texted us last at `heard_at`, be it since then."""
    return heard_at is not None and moment < heard_at + AWAKE


@lru_cache
def parse_quiet_hours(words: str) -> QuietHours | None:
    """Return the quiet hours that these words say, None where they say that there are none.

    Raises ValidationError with a sentence that says what to write instead.
    """
    said = re.sub(r"\b([ap])\.? ?m\b\.?", r"\1m", " ".join(words.lower().split()))
    if said == OFF:
        return None
    clocks = FROM_TO.fullmatch(said)
    begins, ends = (clock_of(clocks[end], colon_is_enough=True) if clocks else None for end in ("begins", "ends"))
    if begins is None or ends is None:
        raise ValidationError(NOT_UNDERSTOOD, params={"words": words})
    if begins == ends:
        raise ValidationError(NO_LENGTH)
    return QuietHours(begins, ends)


def quiet_hours_of(words: str) -> QuietHours | None:
    """Return the quiet hours of a story that says them in these words: the newsroom's where it says none."""
    return parse_quiet_hours(words) if words else settings.QUIET_HOURS


def in_one_form(words: str) -> str:
    """Return these words as they are kept; nothing stays nothing."""
    words = words.strip()
    return str(parse_quiet_hours(words) or OFF) if words else ""


class QuietHoursField(models.CharField):
    """The words that say a story's quiet hours, kept in one form."""

    def to_python(self, value):
        return in_one_form(super().to_python(value) or "")

    def get_prep_value(self, value):
        return super().get_prep_value(self.to_python(value))
