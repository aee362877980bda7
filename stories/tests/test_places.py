from zoneinfo import ZoneInfo

import pytest

from stories.places import one_zone, zone_of_place


@pytest.mark.parametrize(
    ("words", "zone"),
    [
        ("Adelaide", "Australia/Adelaide"),
        ("kathmandu.", "Asia/Kathmandu"),
        ("New York", "America/New_York"),
        ("São Paulo", "America/Sao_Paulo"),
        ("Berlin, Germany", "Europe/Berlin"),
        ("europe/london", "Europe/London"),
        ("America/Argentina/Salta", "America/Argentina/Salta"),
        # Two names, one clock.
        ("Istanbul", "Asia/Istanbul"),
    ],
)
def test_a_city_says_which_time_zone_it_is_in(words, zone):
    assert zone_of_place(words) == zone
    ZoneInfo(zone)


@pytest.mark.parametrize(
    "words", ["", "Springfield", "Victoria", "Eastern", "US/Eastern", "UTC", "GMT+1", "the South", "Petersburg", "😀"]
)
def test_what_is_no_city_of_a_time_zone_says_nothing(words):
    assert zone_of_place(words) == ""


def test_names_whose_clocks_differ_are_no_one_zone():
    assert one_zone(("Europe/Berlin", "Europe/Paris")) == ZoneInfo("Europe/Berlin")
    assert one_zone(("Europe/Berlin", "Europe/London")) is None
    assert one_zone(()) is None
