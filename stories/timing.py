"""When a text is due. Pure computation: no model, no clock of its own."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .waits import Wait


def due_at(after: datetime, wait: Wait, zone: ZoneInfo) -> datetime:
    """Return the moment, in UTC, of a text that comes so long after the aware moment `after`.

    A time of day is that of a clock in `zone`: on the day that the wait counts from the one of `after`, or, where it
    counts none, at the first moment after the delay that such a clock shows it.
    """
    moment = (after + wait.delay).astimezone(UTC)
    if wait.at is None:
        return moment
    day = moment.astimezone(zone).date() + timedelta(days=wait.days or 0)
    due = clock_moment(day, wait.at, zone)
    if due < moment and not wait.days:
        due = clock_moment(day + timedelta(days=1), wait.at, zone)
    # Where a clock is put back over midnight, the next day had once begun already.
    return max(due, moment)


def clock_moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the moment, in UTC, when a clock in `zone` shows `at` on `day`.

    Where that time comes twice, the first one; where the clock leaps over it, as long after the leap as the
    time lies after the leap's start.
    """
    return datetime.combine(day, at, tzinfo=zone).replace(fold=0).astimezone(UTC)
