"""Quiet hours, and by properties: whatever is computed of times is what a clock on the wall shows."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as some

from stories.models import Story
from stories.quiet import AWAKE, QuietHours, by_day, parse_quiet_hours
from stories.timing import due_at
from stories.waits import Wait

from .factory import make_story
from .wall_clock import days_with_a_change, watched

NIGHT = QuietHours(time(21), time(8))
ZONES = {
    name: ZoneInfo(name)
    for name in (
        "Asia/Kathmandu",
        "Australia/Adelaide",
        "Australia/Lord_Howe",
        "America/New_York",
        "Europe/Berlin",
        "Africa/Casablanca",
        "Pacific/Apia",
    )
}
DAY = 1440  # minutes
BERLIN, NEW_YORK = ZONES["Europe/Berlin"], ZONES["America/New_York"]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "hours"),
    [
        ("21:00 to 8:00", NIGHT),
        ("from 9 pm until 8 am", NIGHT),
        ("9 p.m. to 8 a.m.", NIGHT),
        (" 21:00–08:00 ", NIGHT),
        ("22:30 - 6:15", QuietHours(time(22, 30), time(6, 15))),
        ("midnight to 6 am", QuietHours(time(0), time(6))),
        ("OFF", None),
    ],
)
def test_quiet_hours_are_read_as_people_write_them(words, hours):
    assert parse_quiet_hours(words) == hours
    assert hours is None or parse_quiet_hours(str(hours)) == hours


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("at night", "write quiet hours as “21:00 to 8:00”"),
        ("21:00", "write quiet hours as “21:00 to 8:00”"),
        ("9 to 8", "write quiet hours as “21:00 to 8:00”"),
        ("25:00 to 8:00", "no time that a clock shows"),
        ("8:00 to 8:00", "write “off” for that"),
    ],
)
def test_what_are_no_quiet_hours_is_refused_with_what_to_write(words, sentence):
    with pytest.raises(ValidationError, match=sentence):
        parse_quiet_hours(words)


@pytest.mark.django_db
def test_a_story_keeps_its_quiet_hours_in_one_form():
    story = make_story(quiet="from 10 pm until 7 am")
    assert Story.objects.get(quiet="22:00-7:00") == story
    assert Story.objects.get().quiet == "22:00 to 7:00"


@pytest.mark.parametrize(
    ("moment", "hours", "zone", "comes"),
    [
        ("2026-11-23 19:59", NIGHT, BERLIN, "2026-11-23 19:59"),
        ("2026-11-23 20:00", NIGHT, BERLIN, "2026-11-24 07:00"),
        ("2026-11-24 06:59", NIGHT, BERLIN, "2026-11-24 07:00"),
        ("2026-11-24 07:00", NIGHT, BERLIN, "2026-11-24 07:00"),
        # Half an hour, and three quarters, beside the hours of others.
        ("2026-11-23 10:30", NIGHT, ZONES["Australia/Adelaide"], "2026-11-23 21:30"),
        ("2026-11-23 15:15", NIGHT, ZONES["Asia/Kathmandu"], "2026-11-24 02:15"),
        # The night in which the clocks go forward is an hour shorter, the one in which they go back an hour longer.
        ("2026-03-28 22:00", NIGHT, BERLIN, "2026-03-29 06:00"),
        ("2026-10-24 21:00", NIGHT, BERLIN, "2026-10-25 07:00"),
        ("2026-03-08 03:00", NIGHT, NEW_YORK, "2026-03-08 12:00"),
        ("2026-11-01 02:00", NIGHT, NEW_YORK, "2026-11-01 13:00"),
        ("2028-02-28 22:00", NIGHT, BERLIN, "2028-02-29 07:00"),
        ("2028-02-29 22:00", NIGHT, BERLIN, "2028-03-01 07:00"),
        # Half past two comes twice; whoever is in the second hour waits for the second.
        ("2026-10-25 00:10", QuietHours(time(23), time(2, 30)), BERLIN, "2026-10-25 00:30"),
        ("2026-10-25 01:10", QuietHours(time(23), time(2, 30)), BERLIN, "2026-10-25 01:30"),
        # It never comes: the clock leaps from two to three.
        ("2026-03-29 00:10", QuietHours(time(23), time(2, 30)), BERLIN, "2026-03-29 01:30"),
        # Samoa had no 30 December.
        ("2011-12-30 08:00", NIGHT, ZONES["Pacific/Apia"], "2011-12-30 18:00"),
    ],
)
def test_texts_come_again_when_the_quiet_hours_end_at_the_readers_place(moment, hours, zone, comes):
    assert by_day(utc(moment), zone, hours) == utc(comes)


def test_who_has_texted_within_a_quarter_of_an_hour_is_awake():
    heard_at = utc("2026-11-23 23:00")
    just, later = heard_at + AWAKE - timedelta(seconds=1), heard_at + AWAKE
    assert by_day(just, BERLIN, NIGHT, heard_at) == just
    assert by_day(later, BERLIN, NIGHT, heard_at) == utc("2026-11-24 07:00")
    assert by_day(later, BERLIN, None, heard_at) == later


def minute(clock: time | datetime) -> int:
    return clock.hour * 60 + clock.minute


# 29 February, and each day on which clocks change: there what is naively computed goes wrong.
CHANGES = {name: days_with_a_change(zone) for name, zone in ZONES.items()}
clocks = some.builds(time, some.integers(0, 23), some.sampled_from([0, 0, 15, 30, 45, 59]))
# They leave two hours of the day at least, or the hour that a clock leaps over could be all that there is.
hours = some.one_of(
    some.just(NIGHT),
    some.builds(QuietHours, clocks, clocks).filter(
        lambda hours: (minute(hours.begins) - minute(hours.ends)) % DAY >= 120
    ),
)
delays = some.one_of(some.just(0), some.integers(0, 3000)).map(lambda minutes: timedelta(minutes=minutes))
waits = some.one_of(
    some.builds(Wait, delay=delays),
    some.builds(Wait, delay=delays, at=clocks),
    some.builds(Wait, days=some.integers(1, 3), at=clocks),
)


@some.composite
def moments_in_a_zone(draw) -> tuple[datetime, ZoneInfo]:
    name = draw(some.sampled_from(sorted(ZONES)))
    ordinary = some.integers(0, 30 * 365).map(lambda day: datetime(2006, 1, 1, tzinfo=UTC) + timedelta(days=day))
    day = draw(some.one_of(some.sampled_from(CHANGES[name]) if CHANGES[name] else ordinary, ordinary))
    return day + timedelta(minutes=draw(some.integers(-2 * DAY, 2 * DAY))), ZONES[name]


def woken(due: datetime, zone: ZoneInfo, hours: QuietHours | None, heard_at: datetime | None) -> datetime:
    """Find out when a text comes by looking at a clock in `zone` every minute, until it may.

    Where the clock leaps over the end of the quiet hours, it is as long after the leap as the end lies after its start.
    """
    if hours is None or (heard_at and timedelta(0) <= due - heard_at < timedelta(minutes=15)):
        return due
    moment, before = due, None
    while is_quiet(shown := moment.astimezone(zone).replace(tzinfo=None), hours):
        moment, before = moment + timedelta(minutes=1), shown
    if before is None or shown.time() == hours.ends:
        return moment
    ends = datetime.combine(before.date(), hours.ends)
    ends += timedelta(days=ends <= before)
    return moment + (ends - before - timedelta(minutes=1))


def is_quiet(shown: datetime, hours: QuietHours) -> bool:
    """Count the minutes since the quiet hours last began: fewer than they have, and they go on."""
    begins = minute(hours.begins)
    return (minute(shown) - begins) % DAY < (minute(hours.ends) - begins) % DAY


@examples(derandomize=True, max_examples=250, deadline=None)
@given(
    place=moments_in_a_zone(),
    wait=waits,
    hours=some.one_of(some.none(), hours),
    heard=some.one_of(some.none(), some.integers(0, 20)),
)
def test_a_text_comes_when_a_clock_on_the_wall_says_so_and_lets_the_reader_sleep(place, wait, hours, heard):
    after, zone = place
    due = due_at(after, wait, zone)
    assert due == watched(after, wait, zone)
    heard_at = None if heard is None else due - timedelta(minutes=heard)
    comes = by_day(due, zone, hours, heard_at)
    assert comes == woken(due, zone, hours, heard_at)
    assert due <= comes <= due + timedelta(hours=25)


@examples(derandomize=True, max_examples=250, deadline=None)
@given(place=moments_in_a_zone(), hours=hours)
def test_a_text_that_was_moved_is_not_moved_again(place, hours):
    moment, zone = place
    comes = by_day(moment, zone, hours)
    assert by_day(comes, zone, hours) == comes


def test_the_computation_is_tried_where_clocks_change_and_in_leap_years():
    assert {day.month for day in CHANGES["Europe/Berlin"]} == {2, 3, 10}
    assert date(2028, 2, 28) in {day.date() for day in CHANGES["Asia/Kathmandu"]}
