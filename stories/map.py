"""A map of the ways through a story, for people who write it: its texts one below the other, and arrows between them.

Texts that only follow one another are one row. The arrows are a drawing; what they say stands in words beside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .branches import END, Branches, Lead

ROW = 30
LANE = 11
GUTTER = 16
LANES_MAX = 10


@dataclass(frozen=True, slots=True)
class Row:
    """Texts that follow one another, by their places; where the last one leads is said in words."""

    first: int
    last: int
    leads: list[Lead]
    words: list[str]

    @property
    def numbers(self) -> str:
        return f"{self.first + 1}" if self.first == self.last else f"{self.first + 1}–{self.last + 1}"

    @property
    def is_ending(self) -> bool:
        return any(lead.to == END for lead in self.leads)


@dataclass(frozen=True, slots=True)
class Arrow:
    """A line from one row to another, as the drawing has it."""

    path: str
    is_back: bool


@dataclass(frozen=True, slots=True)
class Map:
    rows: list[Row]
    arrows: list[Arrow]
    dots: list[tuple[int, bool]] = field(default_factory=list)  # each row's height, and whether the story ends there
    x: int = 0
    width: int = 0
    height: int = 0

    @classmethod
    def of(cls, ways: Branches) -> "Map":
        rows = list(rows_of(ways))
        row_of = {row.first: index for index, row in enumerate(rows)}
        ends = [
            (index, row_of[lead.to])
            for index, row in enumerate(rows)
            for lead in row.leads
            if lead.to in row_of and row_of[lead.to] != index + 1
        ]
        ends = list(dict.fromkeys(ends))
        lanes = lanes_of(ends)
        x = GUTTER + LANE * (max(lanes.values(), default=-1) + 1)
        straight = [(index, index + 1) for index, row in enumerate(rows) if leads_on(row, rows, index)]
        arrows = [Arrow(f"M{x} {middle(one) + 5}V{middle(other) - 8}", False) for one, other in straight]
        arrows += [Arrow(bow(x, *both, lane), both[1] <= both[0]) for both, lane in lanes.items()]
        dots = [(middle(index), row.is_ending) for index, row in enumerate(rows)]
        return cls(rows, arrows, dots, x, x + 10, len(rows) * ROW)


def rows_of(ways: Branches) -> Iterator[Row]:
    """Yield the texts, those together of which each leads to the next and to which nothing else leads."""
    targets = {lead.to for place, leads in enumerate(ways.leads) for lead in leads if lead.to != place + 1}
    turns = {place for place, text in enumerate(ways.texts) if text.turn.follows != "next"}
    first = 0
    for place in range(len(ways.texts)):
        if place in turns or place + 1 in targets or place + 1 == len(ways.texts):
            yield Row(first, place, ways.leads[place], words_of(ways, place))
            first = place + 1


def words_of(ways: Branches, place: int) -> list[str]:
    """Say where a text leads, in a few words for each way."""
    return [
        f"{lead.choice.name} → {target(lead, place)}" if lead.choice else target(lead, place)
        for lead in by(ways, place)
    ]


def by(ways: Branches, place: int) -> list[Lead]:
    """Return the ways on that have to be said: that the next text follows goes without saying."""
    return [lead for lead in ways.leads[place] if lead.choice or lead.to != place + 1 or lead.missing]


def target(lead: Lead, place: int) -> str:
    if lead.missing:
        return f"“{lead.missing}”?"
    if lead.to == END:
        return "the end"
    return f"back to {lead.to + 1}" if lead.to <= place else f"{lead.to + 1}"


def leads_on(row: Row, rows: Sequence[Row], index: int) -> bool:
    return index + 1 < len(rows) and any(lead.to == rows[index + 1].first for lead in row.leads)


def lanes_of(ends: list[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Return for each arrow a lane in which it crosses no other's beginning or end, the short ones innermost."""
    taken: list[list[tuple[int, int]]] = []
    lanes = {}
    for one, other in sorted(ends, key=lambda both: abs(both[0] - both[1])):
        low, high = sorted((one, other))
        free = (lane for lane, spans in enumerate(taken) if all(high < start or end < low for start, end in spans))
        lane = next(free, len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append((low, high))
        lanes[one, other] = min(lane, LANES_MAX)
    return lanes


def middle(index: int) -> int:
    return index * ROW + ROW // 2


def bow(x: int, one: int, other: int, lane: int) -> str:
    """Return the path of an arrow that leaves the column at one row and comes back to it at the other."""
    left, start, end = x - GUTTER - LANE * lane, middle(one) + 2, middle(other) + (4 if other <= one else -3)
    return f"M{x - 5} {start}C{left} {start} {left} {start} {left} {(start + end) // 2}S{left} {end} {x - 8} {end}"
