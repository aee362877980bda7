"""Whether texts go out: alive, held by the newsroom, or stalled, and since when.

What is said here tells nothing about readers, not even how many there are: anybody may hear it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from django.db.models import Min

from .models import Heartbeat, Hold, Message

# What should have left so long ago, and has not, waits for something that has failed.
OVERDUE = timedelta(minutes=1)


class State(Enum):
    ALIVE = "alive"  # a worker is there, and what is due leaves
    HELD = "held"  # the brake is on for everything
    STALLED = "stalled"  # what is due does not leave, and nobody wanted that


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps texts from going out, in words, and since when (None: nobody knows)."""

    state: State
    words: str
    since: datetime | None


def sending(now: datetime) -> tuple[State, datetime | None]:
    """Return whether texts go out, and since when that is so; a stall counts more than the brake.

    A brake on a part of what is sent, such as one story, leaves the rest alive.
    """
    found = list(troubles(now))
    for state in (State.STALLED, State.HELD):
        for trouble in found:
            if trouble.state is state:
                return state, trouble.since
    return State.ALIVE, Heartbeat.objects.alive(now).aggregate(since=Min("started_at"))["since"]


def troubles(now: datetime) -> Iterator[Trouble]:
    """Find everything that keeps texts back; it is asked often, and looks at a few rows by their indexes."""
    last = Heartbeat.objects.first()
    if last is None:
        yield Trouble(State.STALLED, "No worker has run yet: start manage.py qcluster.", None)
    elif not last.is_alive(now):
        silent = "No worker has been heard of for a minute: start manage.py qcluster."
        yield Trouble(State.STALLED, silent, last.seen_at)
    if since := overdue_since(now):
        yield Trouble(State.STALLED, "Texts have been due for longer than a minute.", since)
    for story, since in Hold.objects.active().order_by("created_at").values_list("story", "created_at"):
        if story is None:
            yield Trouble(State.HELD, "The brake is on for everything.", since)
        else:
            yield Trouble(State.ALIVE, "The brake is on for a part of what is sent.", since)


def overdue_since(now: datetime) -> datetime | None:
    """Return since when a text has been due, or its claim run out, that should have been taken up long ago."""
    due = Message.objects.due(now - OVERDUE).aggregate(since=Min("due_at"))["since"]
    left = Message.objects.expired(now - OVERDUE).aggregate(since=Min("lease_until"))["since"]
    return min(filter(None, (due, left)), default=None)
