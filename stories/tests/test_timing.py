from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from stories.timing import clock_moment, due_at

BERLIN, NEW_YORK, KATHMANDU = (ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Asia/Kathmandu"))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "delay", "at", "zone", "due"),
    [
        ("2026-11-23 10:00", timedelta(hours=2), None, BERLIN, "2026-11-23 12:00"),
        ("2026-11-23 10:00", timedelta(0), None, BERLIN, "2026-11-23 10:00"),
        # 10:00 UTC is 11:00 in Berlin: 21:07 is still to come, 8:00 comes tomorrow.
        ("2026-11-23 10:00", timedelta(0), time(21, 7), BERLIN, "2026-11-23 20:07"),
        ("2026-11-23 10:00", timedelta(0), time(8), BERLIN, "2026-11-24 07:00"),
        ("2026-11-23 10:00", timedelta(0), time(11), BERLIN, "2026-11-23 10:00"),
        ("2026-11-23 10:00", timedelta(days=1), time(8), BERLIN, "2026-11-25 07:00"),
        ("2026-11-23 10:00", timedelta(0), time(16), KATHMANDU, "2026-11-23 10:15"),
        # A delay is real time, also when the clocks change.
        ("2026-03-28 12:00", timedelta(days=1), None, BERLIN, "2026-03-29 12:00"),
        # 8:00 comes an hour earlier in UTC after the spring change, an hour later after the autumn change.
        ("2026-03-28 12:00", timedelta(0), time(8), BERLIN, "2026-03-29 06:00"),
        ("2026-10-24 12:00", timedelta(0), time(8), BERLIN, "2026-10-25 07:00"),
        ("2026-10-31 20:00", timedelta(0), time(8), NEW_YORK, "2026-11-01 13:00"),
        ("2028-02-28 12:00", timedelta(0), time(8), BERLIN, "2028-02-29 07:00"),
    ],
)
def test_a_text_is_due_after_its_delay_and_when_the_readers_clock_shows_its_time(after, delay, at, zone, due):
    assert due_at(utc(after), delay, at, zone) == utc(due)


def test_a_time_that_comes_twice_means_the_first():
    assert clock_moment(date(2026, 10, 25), time(2, 30), BERLIN) == utc("2026-10-25 00:30")


def test_a_time_that_the_clock_leaps_over_comes_as_long_after_the_leap():
    assert clock_moment(date(2026, 3, 29), time(2, 30), BERLIN) == utc("2026-03-29 01:30")


def test_a_moment_in_any_zone_is_answered_in_utc():
    assert due_at(datetime(2026, 11, 23, 11, tzinfo=BERLIN), timedelta(hours=1), None, BERLIN).tzinfo is UTC
