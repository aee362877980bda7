"""When a text is due. Pure computation: no model, no clock of its own."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def due_at(after: datetime, delay: timedelta, at: time | None, zone: ZoneInfo) -> datetime:
    """Return the moment, in UTC, of a text that comes `delay` after the aware moment `after`.

    With `at`, it is the first moment from then on when a clock in `zone` shows `at`.
    """
    moment = (after + delay).astimezone(UTC)
    if at is None:
        return moment
    day = moment.astimezone(zone).date()
    due = clock_moment(day, at, zone)
    return due if due >= moment else clock_moment(day + timedelta(days=1), at, zone)


def clock_moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the moment, in UTC, when a clock in `zone` shows `at` on `day`.

    Where that time comes twice, the first one; where the clock leaps over it, as long after the leap as the
    time lies after the leap's start.
    """
    return datetime.combine(day, at, tzinfo=zone).replace(fold=0).astimezone(UTC)
