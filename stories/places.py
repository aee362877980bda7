"""Which time zone people mean who name a place. Pure computation, on the names that IANA gives to time zones."""

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from .keywords import normalize

# An answer that is kept under this name says where its reader is.
TIME_ZONE = "timezone"
# Names in other areas, such as US/Eastern, are no cities.
AREAS = frozenset(
    ["Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"],
)
# Parts of Australia by the names of which people mean other places, or none.
NO_CITIES = frozenset(["ACT", "LHI", "NSW", "NORTH", "QUEENSLAND", "SOUTH", "TASMANIA", "VICTORIA", "WEST"])


def zone_of_place(words: str) -> str:
    """Return the name of the time zone whose city this is, or which itself is named; empty where there is none.

    Where a country or more stands behind a comma, only what is before it counts.
    """
    return places().get(normalize(words.partition(",")[0]), "")


@lru_cache
def places() -> dict[str, str]:
    """Return the names of time zones by what may be said for them: the city, or the whole name."""
    found: dict[str, list[str]] = {}
    for name in sorted(available_timezones()):
        area, _, city = name.partition("/")
        if area in AREAS:
            found[normalize(name)] = [name]
        # What lies deeper, as America/Indiana/Petersburg does, has a name that larger places have too.
        if area in AREAS and "/" not in city and normalize(city) not in NO_CITIES:
            found.setdefault(normalize(city.replace("_", " ")), []).append(name)
    return {said: names[0] for said, names in found.items() if one_zone(tuple(names))}


@lru_cache(maxsize=1000)
def one_zone(names: tuple[str, ...]) -> ZoneInfo | None:
    """Return the zone that these are all names of, this year; None where their clocks differ, or there is none."""
    year = datetime.now(UTC).year
    months = [datetime(year, month, 1, tzinfo=UTC) for month in range(1, 13)]
    zones = [ZoneInfo(name) for name in names]
    clocks = {tuple(month.astimezone(zone).utcoffset() for month in months) for zone in zones}
    return zones[0] if len(clocks) == 1 else None
