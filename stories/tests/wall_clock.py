"""A clock and a calendar on the wall, to check by watching them what is otherwise computed."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from stories.waits import Wait


def when_shown(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Watch a clock in `zone` minute by minute until it shows `at` on `day`, or leaps over that."""
    wanted = datetime.combine(day, at)
    minute = datetime.combine(day, time(0), tzinfo=UTC) - timedelta(hours=16)
    shown = minute.astimezone(zone).replace(tzinfo=None)
    while shown < wanted:
        before, minute = shown, minute + timedelta(minutes=1)
        shown = minute.astimezone(zone).replace(tzinfo=None)
    return minute if shown == wanted else minute + (wanted - before - timedelta(minutes=1))


def watched(after: datetime, wait: Wait, zone: ZoneInfo) -> datetime:
    """Find out by a clock and a calendar on the wall when a text is due, which due_at computes."""
    if wait.at is None:
        return after + wait.delay
    if wait.days:
        return max(after, when_shown(after.astimezone(zone).date() + timedelta(days=wait.days), wait.at, zone))
    earliest = after + wait.delay
    today = earliest.astimezone(zone).date()
    moments = (when_shown(today + timedelta(days=days), wait.at, zone) for days in range(2))
    return max(earliest, next((moment for moment in moments if moment >= earliest), earliest))


def days_with_a_change(zone: ZoneInfo) -> list[datetime]:
    """Return the days of 2006 to 2036 on which the clocks of `zone` change, and 28 February of leap years."""
    days = [datetime(2006, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(31 * 365)]
    offsets = [day.astimezone(zone).utcoffset() for day in days]
    changes = [day for day, offset, then in zip(days, offsets, offsets[1:], strict=False) if offset != then]
    return changes + [datetime(year, 2, 28, tzinfo=UTC) for year in range(2008, 2037, 4)]
