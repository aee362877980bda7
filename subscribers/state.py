"""Whether texts go out, and what keeps them from it: the worker, the newsroom's brake, or something that has failed.

Today shows it to the newsroom, /readyz and /metrics tell it to machines.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Min, QuerySet

from .models import Heartbeat, Hold, Message, Sender
from .rates import sends

# What is later than this is late, and nothing that goes out for so long means that nothing does.
LATE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Worker:
    """How the engine is: running, gone or never started; `since` when, as far as it is known."""

    state: str
    since: datetime | None = None

    @property
    def words(self) -> str:
        if self.state == "never":
            return "The worker has never run"
        return f"The worker has {'' if self.state == 'running' else 'not '}been running since"


def worker(now: datetime) -> Worker:
    started_at = Heartbeat.objects.alive(now).aggregate(first=Min("started_at"))["first"]
    if started_at:
        return Worker("running", started_at)
    last = Heartbeat.objects.first()
    return Worker("gone", last.seen_at) if last else Worker("never")


def overdue(now: datetime, holds: list[Hold]) -> QuerySet[Message]:
    """Return what should have left by now, and that no hold and no number whose day is over keeps back."""
    due = Message.objects.due(now - LATE).free_of(holds)
    for sender in spent_senders(now):
        due = due.exclude(sends(sender))
    return due


def spent_senders(now: datetime) -> list[Sender]:
    return [sender for sender in Sender.objects.exclude(segments_per_day=None) if sender.is_spent(now)]


def overdue_since(now: datetime, holds: list[Hold]) -> datetime | None:
    """Return since when a text has been due, or its claim run out, that should have been taken up long ago."""
    due = overdue(now, holds).aggregate(since=Min("due_at"))["since"]
    left = Message.objects.expired(now - LATE).aggregate(since=Min("lease_until"))["since"]
    return min(filter(None, (due, left)), default=None)


def troubles(now: datetime) -> Iterator[str]:
    """Say what keeps texts from going out, in words that anybody may hear: not even how many readers there are.

    It is asked often, and looks at a few rows by their indexes.
    """
    found, holds = worker(now), list(Hold.objects.active())
    if found.state != "running":
        words = "has never run" if found.state == "never" else "is not running"
        yield f"The worker {words}: start manage.py qcluster."
    if overdue_since(now, holds):
        yield "Texts have been due for longer than a minute."
    if any(hold.story_id is None for hold in holds):
        yield "The brake is on for everything."
    elif holds:
        yield "The brake is on for a part of what is sent."
