"""When a reader would get the texts of a story, saved or not. Pure computation, by what sending itself goes by."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from .models import StoryText
from .timing import clock_moment, due_at
from .waits import AT_ONCE, Wait, clock_in_words, delay_in_words

EVENING = time(19)
MIDDAY = time(12)
# Whoever has just texted us is awake: what comes so soon after disturbs nobody.
AWAKE = timedelta(hours=1)
DAYS_IN_WORDS = {0: "the same day", 1: "the next day"}


@dataclass(frozen=True, slots=True)
class Moment:
    """When a text comes; `due` is in UTC, `local` the same moment at the reader's place."""

    text: StoryText
    due: datetime
    local: datetime
    gap: str  # since the text before: "2 minutes later", "the next day, 8:00"
    at_night: bool  # when the reader, who is awake for a while after starting the story, may be asleep

    @property
    def day(self) -> date:
        return self.local.date()

    @property
    def clock(self) -> str:
        return f"{self.local:%H:%M}"


def timeline(texts: Iterable[StoryText], start: datetime, zone: ZoneInfo) -> list[Moment]:
    """Return when each of these texts, in their order, comes to a reader in `zone` who texts at the aware `start`."""
    moments, since = [], start
    for text in texts:
        moments.append(moment_of(text, since, zone, start))
        since = moments[-1].due
    return moments


def moment_of(text: StoryText, since: datetime, zone: ZoneInfo, texted_at: datetime) -> Moment:
    """Return when this text comes to a reader in `zone`, its wait counted from `since`, who last texted us then."""
    due = due_at(since, text.wait, zone)
    local = due.astimezone(zone)
    gap = gap_in_words(text.wait, since.astimezone(zone).date(), local)
    return Moment(text, due, local, gap, is_night(local.time()) and due > texted_at + AWAKE)


def total_duration(moments: list[Moment], start: datetime) -> timedelta:
    """Return how long a reader who texts at `start` reads, up to the last of these moments."""
    return moments[-1].due - start if moments else timedelta(0)


def gap_in_words(wait: Wait, day: date, local: datetime) -> str:
    """Say how long after `day`, the one of the text before, a text comes at the time `local`."""
    if wait.at is None:
        return f"{delay_in_words(wait.delay)} later" if wait.delay else AT_ONCE
    days = (local.date() - day).days
    return f"{DAYS_IN_WORDS.get(days) or f'{days} days later'}, {clock_in_words(local.time())}"


def is_night(clock: time) -> bool:
    """Tell whether texts disturb at this time of a reader's day; a night that ends when it begins is none."""
    begins, ends = settings.NIGHT_BEGINS, settings.NIGHT_ENDS
    return begins <= clock < ends if begins <= ends else clock >= begins or clock < ends


def starts(now: datetime, zone: ZoneInfo, day: date | None = None) -> dict[str, datetime]:
    """Return when a reader in `zone` may text us, by what that is called: "now", "this evening", "chosen day".

    An evening that has begun is tomorrow's; the chosen `day` is taken at midday.
    """
    moments = {"now": now, "this evening": due_at(now, Wait(at=EVENING), zone)}
    return moments | ({"chosen day": clock_moment(day, MIDDAY, zone)} if day else {})
