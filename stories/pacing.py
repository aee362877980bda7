"""A story told faster than its own time: what a rehearsal makes of the waits. Pure computation, on timeline()."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise

from .timeline import Moment
from .waits import Wait

# Texts that come sooner one after the other may change places on their way to the phone.
LEAST_GAP = timedelta(seconds=2)


def gaps(moments: Iterable[Moment], start: datetime) -> list[timedelta]:
    """Return how long after the one before each of these texts comes; the first one, after `start`."""
    return [later - earlier for earlier, later in pairwise([start, *(moment.due for moment in moments)])]


def pace_of(gaps: Iterable[timedelta], total: timedelta) -> float:
    """Return which part of its true length each gap keeps so that all of them take `total`: 1 at most.

    The shortest gaps stop at LEAST_GAP, and the longer ones make room for them; where not even that is enough, it is
    0, and all take the least.
    """
    longer, room = sorted(gap for gap in gaps if gap), total
    if sum(longer, timedelta(0)) <= total:
        return 1.0
    while longer:
        pace = room / sum(longer, timedelta(0))
        if longer[0] * pace >= LEAST_GAP:
            return pace
        room -= shortened(longer.pop(0), 0)
    return 0.0


def shortened(gap: timedelta, pace: float) -> timedelta:
    """Return this gap at this pace: LEAST_GAP at least, but never more than its true length."""
    return min(gap, max(gap * pace, LEAST_GAP))


def lead_of(moment: Moment) -> str:
    """Return what is said before a text whose wait is shortened: "[2 days later]"; nothing where it has no wait."""
    return f"[{moment.gap}]" if moment.text.wait != Wait() else ""
