import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from stories.timing import clock_moment, due_at
from stories.waits import Wait

from .wall_clock import days_with_a_change, watched

BERLIN, NEW_YORK, ST_JOHNS, KATHMANDU, LORD_HOWE, APIA, HAVANA = ZONES = [
    ZoneInfo(name)
    for name in (
        "Europe/Berlin",
        "America/New_York",
        "America/St_Johns",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "America/Havana",
    )
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "wait", "zone", "due"),
    [
        ("2026-11-23 10:00", Wait(delay=timedelta(hours=2)), BERLIN, "2026-11-23 12:00"),
        ("2026-11-23 10:00", Wait(), BERLIN, "2026-11-23 10:00"),
        # 10:00 UTC is 11:00 in Berlin: 21:07 is still to come, 8:00 comes tomorrow.
        ("2026-11-23 10:00", Wait(at=time(21, 7)), BERLIN, "2026-11-23 20:07"),
        ("2026-11-23 10:00", Wait(at=time(8)), BERLIN, "2026-11-24 07:00"),
        ("2026-11-23 10:00", Wait(at=time(11)), BERLIN, "2026-11-23 10:00"),
        ("2026-11-23 10:00", Wait(delay=timedelta(days=1), at=time(8)), BERLIN, "2026-11-25 07:00"),
        ("2026-11-23 10:00", Wait(at=time(16)), KATHMANDU, "2026-11-23 10:15"),
        # A delay is real time, also when the clocks change.
        ("2026-03-28 12:00", Wait(delay=timedelta(days=1)), BERLIN, "2026-03-29 12:00"),
        # 8:00 comes an hour earlier in UTC after the spring change, an hour later after the autumn change.
        ("2026-03-28 12:00", Wait(at=time(8)), BERLIN, "2026-03-29 06:00"),
        ("2026-10-24 12:00", Wait(at=time(8)), BERLIN, "2026-10-25 07:00"),
        ("2026-10-31 20:00", Wait(at=time(8)), NEW_YORK, "2026-11-01 13:00"),
        ("2028-02-28 12:00", Wait(at=time(8)), BERLIN, "2028-02-29 07:00"),
        # The next day is the one after the day that the reader's calendar shows: 23:50 and 0:10 lie on two days.
        ("2026-11-23 22:50", Wait(days=1, at=time(8)), BERLIN, "2026-11-24 07:00"),
        ("2026-11-23 23:10", Wait(days=1, at=time(8)), BERLIN, "2026-11-25 07:00"),
        ("2026-11-23 18:10", Wait(days=1, at=time(8)), KATHMANDU, "2026-11-24 02:15"),
        ("2026-11-23 18:20", Wait(days=1, at=time(8)), KATHMANDU, "2026-11-25 02:15"),
        # Also where the time is still to come, or is that very minute.
        ("2026-11-23 06:00", Wait(days=1, at=time(8)), BERLIN, "2026-11-24 07:00"),
        ("2026-11-23 07:00", Wait(days=1, at=time(8)), BERLIN, "2026-11-24 07:00"),
        ("2026-11-23 12:00", Wait(days=1, at=time(0)), BERLIN, "2026-11-23 23:00"),
        ("2026-11-23 12:00", Wait(days=10, at=time(8)), BERLIN, "2026-12-03 07:00"),
        ("2026-12-31 12:00", Wait(days=1, at=time(8)), BERLIN, "2027-01-01 07:00"),
        ("2028-02-28 12:00", Wait(days=1, at=time(8)), BERLIN, "2028-02-29 07:00"),
        ("2028-02-28 12:00", Wait(days=2, at=time(8)), BERLIN, "2028-03-01 07:00"),
        ("2027-02-28 12:00", Wait(days=1, at=time(8)), BERLIN, "2027-03-01 07:00"),
        # In spring the night is an hour shorter, in autumn an hour longer.
        ("2026-03-28 12:00", Wait(days=1, at=time(8)), BERLIN, "2026-03-29 06:00"),
        ("2026-10-24 12:00", Wait(days=1, at=time(8)), BERLIN, "2026-10-25 07:00"),
        ("2026-03-28 12:00", Wait(days=1, at=time(2, 30)), BERLIN, "2026-03-29 01:30"),
        ("2026-10-24 12:00", Wait(days=1, at=time(2, 30)), BERLIN, "2026-10-25 00:30"),
        # Newfoundland's clocks went from 0:01 back to 23:01: Sunday had begun, and Saturday came again.
        ("2010-11-07 03:00", Wait(days=1, at=time(0)), ST_JOHNS, "2010-11-07 03:00"),
        ("2010-11-07 03:00", Wait(at=time(0)), ST_JOHNS, "2010-11-07 03:00"),
        # Samoa had no 30 December: the day after the 29th was the 31st.
        ("2011-12-29 20:00", Wait(days=1, at=time(8)), APIA, "2011-12-30 18:00"),
    ],
)
def test_a_text_is_due_after_its_delay_and_when_the_readers_clock_shows_its_time(after, wait, zone, due):
    assert due_at(utc(after), wait, zone) == utc(due)


def test_a_time_that_comes_twice_means_the_first():
    assert clock_moment(date(2026, 10, 25), time(2, 30), BERLIN) == utc("2026-10-25 00:30")


def test_a_time_that_the_clock_leaps_over_comes_as_long_after_the_leap():
    assert clock_moment(date(2026, 3, 29), time(2, 30), BERLIN) == utc("2026-03-29 01:30")


def test_a_moment_in_any_zone_is_answered_in_utc():
    assert due_at(datetime(2026, 11, 23, 11, tzinfo=BERLIN), Wait(delay=timedelta(hours=1)), BERLIN).tzinfo is UTC


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_what_is_computed_is_what_a_clock_and_a_calendar_on_the_wall_would_show(zone):
    draw = random.Random(str(zone))
    changes = days_with_a_change(zone)
    for _ in range(40):
        after = draw.choice(changes) + timedelta(minutes=draw.randint(-2880, 2880))
        at = time(draw.choice([0, 0, 1, 2, 3, 8, 23, draw.randrange(24)]), draw.choice([0, 0, 15, 30, 59]))
        delay = timedelta(minutes=draw.choice([0, 90, draw.randint(0, 4000)]))
        wait = draw.choice([Wait(days=draw.randint(1, 4), at=at), Wait(delay=delay, at=at)])
        assert due_at(after, wait, zone) == watched(after, wait, zone), (after, wait)
