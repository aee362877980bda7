"""How a story is told faster than its own time."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from stories.models import StoryText
from stories.pacing import LEAST_GAP, gaps, lead_of, pace_of, shortened
from stories.timeline import timeline
from stories.waits import Wait

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def seconds(*numbers: float) -> list[timedelta]:
    return [timedelta(seconds=number) for number in numbers]


def moments_of(*waits: Wait):
    texts = []
    for wait in waits:
        text = StoryText(body="…")
        text.wait = wait
        texts.append(text)
    return timeline(texts, NOW, ZoneInfo("Europe/Berlin"), None)


def told(true: list[timedelta], total: timedelta) -> list[timedelta]:
    pace = pace_of(true, total)
    return [shortened(gap, pace) for gap in true]


def test_waits_keep_their_proportion():
    assert told(seconds(0, 1000, 3000), timedelta(seconds=40)) == seconds(0, 10, 30)


def test_a_week_takes_five_minutes():
    true = [timedelta(0), *[timedelta(days=1)] * 7]
    assert sum(told(true, timedelta(minutes=5)), timedelta(0)) == pytest.approx(
        timedelta(minutes=5), abs=timedelta(milliseconds=1)
    )


@pytest.mark.parametrize("total", [3600, 1_000_000])
def test_a_story_that_is_shorter_than_that_keeps_its_true_speed(total):
    true = seconds(0, 600, 3000)
    assert pace_of(true, timedelta(seconds=total)) == 1
    assert told(true, timedelta(seconds=total)) == true


def test_a_short_wait_keeps_the_least_gap_and_the_longer_ones_make_room_for_it():
    result = told([timedelta(seconds=5), timedelta(hours=1), timedelta(hours=2)], timedelta(seconds=32))
    assert result[0] == LEAST_GAP
    assert [round(gap.total_seconds(), 3) for gap in result] == [2, 10, 20]


def test_what_comes_right_away_still_does():
    assert told(seconds(0, 0, 86400, 0), timedelta(seconds=10)) == seconds(0, 0, 10, 0)


def test_a_wait_shorter_than_the_least_gap_is_not_made_longer():
    assert told(seconds(1, 86400), timedelta(seconds=11)) == seconds(1, 10)


def test_where_there_is_no_room_every_wait_takes_the_least():
    assert pace_of(seconds(60, 600, 6000), timedelta(seconds=1)) == 0
    assert told(seconds(60, 600, 6000), timedelta(seconds=1)) == [LEAST_GAP] * 3


def test_a_longer_wait_never_becomes_the_shorter_one():
    true = seconds(0.5, 1, 2, 3, 5, 60, 61, 3600, 86400)
    for total in (1, 5, 12, 20, 60, 600, 90000, 91000):
        result = told(true, timedelta(seconds=total))
        assert all(earlier <= later for earlier, later in pairwise(result))
        assert all(gap <= before for gap, before in zip(result, true, strict=True))


@pytest.mark.parametrize("true", [[], seconds(0, 0)])
def test_a_story_without_waits_has_true_speed(true):
    assert pace_of(true, timedelta(minutes=5)) == 1


def test_gaps_count_from_the_start_and_clocks_are_the_readers():
    moments = moments_of(Wait(), Wait(timedelta(minutes=2)), Wait(days=1, at=time(8)))
    # It is 11:00 in Berlin.
    assert gaps(moments, NOW) == [timedelta(0), timedelta(minutes=2), timedelta(hours=20, minutes=58)]


def test_waits_are_said_as_the_phone_beside_the_form_says_them():
    moments = moments_of(Wait(), Wait(timedelta(minutes=2)), Wait(timedelta(days=2)), Wait(days=1, at=time(8)))
    assert [lead_of(moment) for moment in moments] == [
        "",
        "[2 minutes later]",
        "[2 days later]",
        "[the next day, 8:00]",
    ]
