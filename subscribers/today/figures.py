"""The day's counts as the page shows them, of everything or of one story."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from humanize import naturaldelta

from .. import error_codes
from ..models import Enrollment, Message
from .counting import Counts

FINISHED = Enrollment.Status.COMPLETED
# So many reasons are named.
REASONS = 4
LEFT = (Enrollment.Status.STOPPED, Enrollment.Status.FAILED)


class Pair(NamedTuple):
    """How many in the hour, and in the day."""

    hour: int = 0
    day: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted at `counted_at` (None: just now); of one story where `story` says which."""

    counts: Counts
    counted_at: datetime | None = None
    story: int | None = None

    def rows(self, name: str) -> Iterator[list[Any]]:
        return (row for row in self.counts[name] if self.story in (None, row[0]))

    def total(self, name: str, *only: str) -> Pair:
        """Return how many there are of a kind, or of those that have one of these statuses."""
        found = [row for row in self.rows(name) if not only or row[1] in only]
        return Pair(sum(row[-2] for row in found), sum(row[-1] for row in found))

    @property
    def due(self) -> Pair:
        return self.total("due")

    @property
    def sent(self) -> Pair:
        return self.total("sent")

    @property
    def delivered(self) -> Pair:
        return self.total("sent", Message.Status.DELIVERED)

    @property
    def lost(self) -> Pair:
        return self.total("lost")

    @property
    def joined(self) -> Pair:
        return self.total("joined")

    @property
    def finished(self) -> Pair:
        return self.total("ended", FINISHED)

    @property
    def left(self) -> Pair:
        return self.total("ended", *LEFT)

    @property
    def reading(self) -> int:
        return sum(row[1] for row in self.rows("reading"))

    @property
    def reasons(self) -> list[tuple[str, Pair]]:
        """Why texts did not arrive, in words, the most frequent first."""
        hours, days = Counter(), Counter()
        for _, _, code, words, hour, day in self.rows("lost"):
            reason = error_codes.in_words(code) or words or "no reason is known"
            hours[reason] += hour
            days[reason] += day
        return [(reason, Pair(hours[reason], total)) for reason, total in days.most_common()]

    @property
    def first_reasons(self) -> list[tuple[str, Pair]]:
        """The most frequent of them, and what the others come to."""
        first, others = self.reasons[:REASONS], self.reasons[REASONS:]
        rest = Pair(sum(count.hour for _, count in others), sum(count.day for _, count in others))
        return [*first, ("other reasons", rest)] if len(others) > 1 else first + others

    @property
    def late(self) -> list[tuple[str, str, str]]:
        """How late texts were, each line with its name, of the hour and of the day."""
        hour, day = self.counts["late"]
        names = ("Half, at most", "99 in 100, at most")
        return [
            (name, *(seconds_in_words(found[place]) if found else "" for found in (hour, day)))
            for place, name in enumerate(names)
        ]

    def of(self, story: int) -> "Figures":
        return Figures(self.counts, self.counted_at, story)


def seconds_in_words(seconds: float) -> str:
    if seconds < 1:
        return "under 1 s"
    return f"{seconds:.0f} s" if seconds < 60 else naturaldelta(timedelta(seconds=seconds))
