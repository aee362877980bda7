import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from stories.models import StoryText
from stories.quiet import QuietHours
from stories.timeline import starts, timeline, total_duration
from stories.waits import Wait, parse_wait

from .wall_clock import days_with_a_change, watched

BERLIN, NEW_YORK, KATHMANDU = (ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Asia/Kathmandu"))
NOON = datetime(2026, 11, 23, 12, tzinfo=BERLIN)
NIGHT = QuietHours(time(21), time(8))


def unsaved(*waits: str) -> list[StoryText]:
    return [StoryText(body="Hello.", wait=parse_wait(words)) for words in waits]


def test_every_text_of_an_unsaved_story_has_its_moment():
    texts = unsaved("", "2 minutes", "next day at 8:00", "after 24 hours, at 21:07", "at 21:07", "1 day and 6 hours")
    moments = timeline(texts, NOON, BERLIN, None)
    assert [moment.text for moment in moments] == texts
    assert [(f"{moment.day:%a %d}", moment.clock, moment.gap) for moment in moments] == [
        ("Mon 23", "12:00", "right away"),
        ("Mon 23", "12:02", "2 minutes later"),
        ("Tue 24", "08:00", "the next day, 8:00"),
        ("Wed 25", "21:07", "the next day, 21:07"),
        ("Wed 25", "21:07", "the same day, 21:07"),
        ("Fri 27", "03:07", "1 day and 6 hours later"),
    ]
    assert all(moment.due.tzinfo is UTC and moment.local == moment.due for moment in moments)
    assert total_duration(moments, NOON) == timedelta(days=3, hours=15, minutes=7)


def test_days_are_those_of_the_readers_calendar():
    texts = unsaved("3 days later at 8:00")
    start = datetime(2026, 11, 23, 20, tzinfo=UTC)
    days = {zone: timeline(texts, start, zone, None)[0].day.day for zone in (BERLIN, NEW_YORK, KATHMANDU)}
    assert days == {BERLIN: 26, NEW_YORK: 26, KATHMANDU: 27}
    assert timeline(texts, start, KATHMANDU, None)[0].gap == "3 days later, 8:00"


def test_a_story_without_texts_takes_no_time():
    assert timeline([], NOON, BERLIN, NIGHT) == []
    assert total_duration([], NOON) == timedelta(0)


def seen(moments) -> list[str]:
    return [moment.night_in_words or moment.clock for moment in moments]


@pytest.mark.parametrize(
    ("clock", "flag"),
    [
        ("0:00", "would come at 0:00: moved to 8:00 that morning"),
        ("7:59", "would come at 7:59: moved to 8:00 that morning"),
        ("8:00", "08:00"),
        ("20:59", "20:59"),
        ("21:00", "would come at 21:00: moved to 8:00 the next morning"),
        ("23:59", "would come at 23:59: moved to 8:00 the next morning"),
    ],
)
def test_a_text_that_would_come_in_quiet_hours_comes_when_they_end(settings, clock, flag):
    settings.QUIET_HOURS = NIGHT
    moments = timeline(unsaved(f"at {clock}"), NOON, KATHMANDU, NIGHT)
    assert seen(moments) == [flag]
    assert not moments[0].at_night


def test_who_has_just_texted_is_awake_for_a_quarter_of_an_hour():
    midnight = datetime(2026, 11, 24, tzinfo=BERLIN)
    texts = unsaved("", "5 minutes", "599 seconds", "1 second", "at 8:00")
    assert [moment.local.strftime("%d %H:%M:%S") for moment in timeline(texts, midnight, BERLIN, NIGHT)] == [
        "24 00:00:00",
        "24 00:05:00",
        "24 00:14:59",
        "24 08:00:00",
        "24 08:00:00",
    ]


def test_the_next_wait_counts_from_when_a_moved_text_comes():
    texts = unsaved("at 23:30", "2 hours", "next day at 8:00")
    moments = timeline(texts, NOON, BERLIN, NIGHT)
    assert [(moment.day.day, moment.clock, moment.gap) for moment in moments] == [
        (24, "08:00", "the next day, 8:00"),
        (24, "10:00", "2 hours later"),
        (25, "08:00", "the next day, 8:00"),
    ]


def test_a_moved_delay_is_told_by_the_clock():
    [moment] = timeline(unsaved("10 hours"), NOON, BERLIN, NIGHT)
    assert (moment.clock, moment.gap) == ("08:00", "the next day, 8:00")


def test_a_story_that_needs_the_night_says_which_texts_come_in_it(settings):
    settings.QUIET_HOURS = NIGHT
    texts = unsaved("at 20:00", "at 21:30", "at 8:00")
    assert seen(timeline(texts, NOON, BERLIN, None)) == ["20:00", "21:30, at night", "08:00"]


def test_a_story_with_hours_of_its_own_says_which_texts_the_newsroom_would_move(settings):
    settings.QUIET_HOURS = NIGHT
    later = QuietHours(time(23), time(7))
    texts = unsaved("at 22:00", "at 23:00")
    moments = timeline(texts, NOON, BERLIN, later)
    assert seen(moments) == ["22:00, at night", "would come at 23:00: moved to 7:00 the next morning"]


def test_without_quiet_hours_there_is_no_night():
    assert seen(timeline(unsaved("at 0:00", "at 3:00"), NOON, BERLIN, None)) == ["00:00", "03:00"]


def test_quiet_hours_may_be_those_of_midday():
    [moment] = timeline(unsaved("at 12:30"), NOON, BERLIN, QuietHours(time(12, 15), time(14)))
    assert moment.night_in_words == "would come at 12:30: moved to 14:00 that day"


def some_wait(draw: random.Random) -> Wait:
    at = time(draw.randrange(24), draw.choice([0, 7, 30]))
    delay = timedelta(minutes=draw.choice([0, draw.randrange(120), draw.randrange(6000)]))
    return draw.choice([Wait(delay=delay), Wait(at=at), Wait(delay=delay, at=at), Wait(days=draw.randint(1, 3), at=at)])


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, KATHMANDU, ZoneInfo("Australia/Lord_Howe")], ids=str)
def test_a_whole_story_comes_as_a_clock_and_a_calendar_on_the_wall_would_show(zone):
    draw = random.Random(str(zone))
    changes = days_with_a_change(zone)
    for _ in range(10):
        texts = [StoryText(wait=some_wait(draw)) for _ in range(8)]
        after = start = draw.choice(changes) + timedelta(minutes=draw.randint(-2880, 1440))
        for moment in timeline(texts, start, zone, None):
            due = watched(after, moment.text.wait, zone)
            assert moment.due == due
            if moment.text.wait.at:
                days = (due.astimezone(zone).date() - after.astimezone(zone).date()).days
                assert moment.gap.startswith(["the same day,", "the next day,"][days] if days < 2 else f"{days} days")
            after = due


@pytest.mark.parametrize(
    ("now", "evening"),
    [
        ("2026-11-23 18:59", "2026-11-23 19:00"),
        ("2026-11-23 19:00", "2026-11-23 19:00"),
        ("2026-11-23 19:01", "2026-11-24 19:00"),
        ("2026-11-24 00:30", "2026-11-24 19:00"),
    ],
)
def test_a_reader_may_start_now_this_evening_or_on_a_chosen_day(now, evening):
    now, evening = (datetime.fromisoformat(moment).replace(tzinfo=BERLIN) for moment in (now, evening))
    assert starts(now, BERLIN) == {"now": now, "this evening": evening}
    chosen = starts(now, BERLIN, date(2027, 3, 28))["chosen day"]
    assert chosen == datetime(2027, 3, 28, 12, tzinfo=BERLIN)


def test_this_evening_is_that_of_the_readers_place():
    now = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
    assert starts(now, BERLIN)["this evening"] == datetime(2026, 11, 24, 19, tzinfo=BERLIN)
    assert starts(now, NEW_YORK)["this evening"] == datetime(2026, 11, 23, 19, tzinfo=NEW_YORK)
