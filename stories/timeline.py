"""When a reader would get the texts of a story, saved or not. Pure computation, by what sending itself goes by."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from .models import StoryText
from .quiet import QuietHours, by_day, is_awake
from .timing import clock_moment, due_at
from .waits import AT_ONCE, Wait, clock_in_words, delay_in_words

EVENING = time(19)
MIDDAY = time(12)
DAYS_IN_WORDS = {0: "the same day", 1: "the next day"}


@dataclass(frozen=True, slots=True)
class Moment:
    """When a text comes; `due` is in UTC, `local` the same moment at the reader's place."""

    text: StoryText
    due: datetime
    local: datetime
    gap: str  # since the text before: "2 minutes later", "the next day, 8:00"
    moved_from: datetime | None = None  # the reader's local time at which it would have come, but for quiet hours
    at_night: bool = False  # in the newsroom's quiet hours, which the story does not keep

    @property
    def day(self) -> date:
        return self.local.date()

    @property
    def clock(self) -> str:
        return f"{self.local:%H:%M}"

    @property
    def night_in_words(self) -> str:
        """Say whether quiet hours move it, or it comes in the night; empty if neither."""
        if self.moved_from is None:
            return f"{self.clock}, at night" if self.at_night else ""
        day = "that" if self.moved_from.date() == self.day else "the next"
        part = "morning" if self.local.time() < MIDDAY else "day"
        return (
            f"would come at {clock_in_words(self.moved_from.time())}: "
            f"moved to {clock_in_words(self.local.time())} {day} {part}"
        )


def timeline(texts: Iterable[StoryText], start: datetime, zone: ZoneInfo, quiet: QuietHours | None) -> list[Moment]:
    """Return when each of these texts, in their order, comes to a reader in `zone` who texts at the aware `start`.

    `quiet` are the quiet hours of their story.
    """
    moments, since = [], start
    for text in texts:
        moments.append(moment_of(text, since, zone, start, quiet))
        since = moments[-1].due
    return moments


def moment_of(
    text: StoryText, since: datetime, zone: ZoneInfo, texted_at: datetime, quiet: QuietHours | None
) -> Moment:
    """Return when this text comes to a reader in `zone`, its wait counted from `since`, who last texted us then."""
    planned = due_at(since, text.wait, zone)
    due = by_day(planned, zone, quiet, texted_at)
    local = due.astimezone(zone)
    moved_from = planned.astimezone(zone) if due != planned else None
    gap = gap_in_words(text.wait, since.astimezone(zone).date(), local, to_a_clock=bool(moved_from))
    return Moment(text, due, local, gap, moved_from, is_night(local.time()) and not is_awake(due, texted_at))


def total_duration(moments: list[Moment], start: datetime) -> timedelta:
    """Return how long a reader who texts at `start` reads, up to the last of these moments."""
    return moments[-1].due - start if moments else timedelta(0)


def gap_in_words(wait: Wait, day: date, local: datetime, to_a_clock: bool) -> str:
    """Say how long after `day`, the one of the text before, a text comes at the time `local`.

    One without a time of day may wait `to_a_clock`, too.
    """
    if wait.at is None and not to_a_clock:
        return f"{delay_in_words(wait.delay)} later" if wait.delay else AT_ONCE
    days = (local.date() - day).days
    return f"{DAYS_IN_WORDS.get(days) or f'{days} days later'}, {clock_in_words(local.time())}"


def is_night(clock: time) -> bool:
    """Tell whether the newsroom lets readers sleep at this time of their day."""
    return settings.QUIET_HOURS is not None and settings.QUIET_HOURS.cover(clock)


def starts(now: datetime, zone: ZoneInfo, day: date | None = None) -> dict[str, datetime]:
    """Return when a reader in `zone` may text us, by what that is called: "now", "this evening", "chosen day".

    An evening that has begun is tomorrow's; the chosen `day` is taken at midday.
    """
    moments = {"now": now, "this evening": due_at(now, Wait(at=EVENING), zone)}
    return moments | ({"chosen day": clock_moment(day, MIDDAY, zone)} if day else {})
