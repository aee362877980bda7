import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from stories.models import StoryText
from stories.timeline import starts, timeline, total_duration
from stories.waits import Wait, parse_wait

from .wall_clock import days_with_a_change, watched

BERLIN, NEW_YORK, KATHMANDU = (ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Asia/Kathmandu"))
NOON = datetime(2026, 11, 23, 12, tzinfo=BERLIN)


def unsaved(*waits: str) -> list[StoryText]:
    return [StoryText(body="Hello.", wait=parse_wait(words)) for words in waits]


def test_every_text_of_an_unsaved_story_has_its_moment():
    texts = unsaved("", "2 minutes", "next day at 8:00", "after 24 hours, at 21:07", "at 21:07", "1 day and 6 hours")
    moments = timeline(texts, NOON, BERLIN)
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
    days = {zone: timeline(texts, start, zone)[0].day.day for zone in (BERLIN, NEW_YORK, KATHMANDU)}
    assert days == {BERLIN: 26, NEW_YORK: 26, KATHMANDU: 27}
    assert timeline(texts, start, KATHMANDU)[0].gap == "3 days later, 8:00"


def test_a_story_without_texts_takes_no_time():
    assert timeline([], NOON, BERLIN) == []
    assert total_duration([], NOON) == timedelta(0)


@pytest.mark.parametrize(
    ("clock", "at_night"),
    [("0:00", True), ("7:59", True), ("8:00", False), ("20:59", False), ("21:00", True), ("23:59", True)],
)
def test_a_text_between_nine_in_the_evening_and_eight_in_the_morning_comes_at_night(clock, at_night):
    [moment] = timeline(unsaved(f"at {clock}"), NOON, KATHMANDU)
    assert moment.at_night is at_night


def test_who_starts_at_night_is_awake_for_an_hour():
    midnight = datetime(2026, 11, 24, tzinfo=BERLIN)
    texts = unsaved("", "5 minutes", "55 minutes", "1 minute", "at 8:00")
    assert [moment.at_night for moment in timeline(texts, midnight, BERLIN)] == [False, False, False, True, False]


def test_the_newsroom_says_when_it_is_night(settings):
    settings.NIGHT_BEGINS, settings.NIGHT_ENDS = time(1), time(5)
    assert [moment.at_night for moment in timeline(unsaved("at 0:30", "at 1:00", "at 5:00"), NOON, BERLIN)] == [
        False,
        True,
        False,
    ]
    settings.NIGHT_BEGINS = settings.NIGHT_ENDS = time(0)
    assert not any(moment.at_night for moment in timeline(unsaved("at 0:00", "at 3:00"), NOON, BERLIN))


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
        for moment in timeline(texts, start, zone):
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
