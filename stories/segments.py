"""What a text is billed as, and what would make it cheaper. Pure functions; no knowledge of messages.

Everything here equals Twilio's own calculator (the npm package sms-segments-calculator, with its smart encoding off,
as it is when nobody asks for it) on every string.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from .graphemes import clusters, has_joined, in_words, whole
from .plain import GSM7, GSM7_ALL, GSM7_ESCAPED, plain_equal

GSM7_LIMITS = (160, 153)  # septets in the only segment, and in one of several
UCS2_LIMITS = (70, 67)  # UTF-16 units


@dataclass(frozen=True, slots=True)
class Culprit:
    """A character that makes a text Unicode."""

    character: str
    index: int  # where in the body it first stands, in Python's characters
    name: str
    plain: str | None  # what could stand in its place; "" if it can be left out, None if nothing can


@dataclass(frozen=True, slots=True)
class Measurement:
    """How long a text is for a carrier."""

    characters: int
    units: int
    encoding: str
    segments: int
    room_left: int
    culprits: tuple[Culprit, ...] = ()


class Replacement(NamedTuple):
    character: str
    name: str
    plain: str


def count_segments(body: str) -> int:
    """Count the segments of `body` the way carriers cut it and Twilio's calculator counts them.

    GSM-7 gives 160 septets in one segment and 153 each in several; anything outside it makes the whole
    text UCS-2, with 70 and 67 UTF-16 units. An escaped character costs two septets; it is never cut in half, nor is
    anything that a person sees as one character, so a full segment can end early (3GPP TS 23.038 and 23.040).
    """
    characters = set(body)
    if characters <= GSM7:
        # Every character costs one, so nothing can straddle an edge and a division is enough.
        return 1 if len(body) <= 160 else -(-len(body) // 153)
    if characters <= GSM7_ALL:
        return cut(septets(body), *GSM7_LIMITS)[0]
    body, length = whole(body), units(body)
    if length <= 70:
        return 1
    # Typographic marks alone, the usual case: again every character costs one.
    if length == len(body) and not has_joined(body):
        return -(-length // 67)
    return cut(map(units, clusters(body)), *UCS2_LIMITS)[0]


def measure(body: str) -> Measurement:
    """Measure `body` in all the figures that Twilio's calculator shows.

    Its `characters` are septets while the text is GSM-7 (€ counts as two) and what a person sees as one character
    when it is Unicode, a line's end of CR and LF as two. `room_left` is in units, in the last segment.
    """
    if set(body) <= GSM7_ALL:
        return measured("GSM-7", sum(septets(body)), septets(body), GSM7_LIMITS)
    parts = clusters(whole(body))
    return measured("UCS-2", len(parts), list(map(units, parts)), UCS2_LIMITS, tuple(culprits(parts)))


def measured(encoding: str, characters: int, costs: list[int], limits: tuple[int, int], culprits=()) -> Measurement:
    segments, used = cut(costs, *limits)
    room = limits[0 if segments == 1 else 1] - used
    return Measurement(characters, sum(costs), encoding, segments, max(room, 0), culprits)


def septets(body: str) -> list[int]:
    return [2 if char in GSM7_ESCAPED else 1 for char in body]


def units(cluster: str) -> int:
    """Return how many UTF-16 units `cluster` has."""
    return len(cluster.encode("utf-16-le", "surrogatepass")) // 2


def cut(costs: Iterable[int], single: int, several: int) -> tuple[int, int]:
    """Return how many segments characters of these costs fill, and how much of the last one is used.

    The first segment is filled as if it were the only one. When a character finds no room, those at its end move
    into the second to make room for the header, and the character follows them there, whether it fits or not: that
    is Twilio's way, and matters only for towers of combining marks.
    """
    first, used, segments = [], 0, 1
    for cost in costs:
        if used + cost <= (single if segments == 1 else several):
            used += cost
        elif segments == 1:
            segments, used = 2, moved(first, several) + cost
        else:
            segments, used = segments + 1, cost
        if segments == 1:
            first.append(cost)
    return segments, used


def moved(first: list[int], room: int) -> int:
    """Return how much of the first segment's end must leave it to keep within `room`."""
    total = sum(first)
    kept = total
    while kept > room:
        kept -= first.pop()
    return total - kept


def culprits(parts: list[str]) -> Iterable[Culprit]:
    """Yield each distinct character among `parts` that GSM-7 lacks, in order of appearance."""
    seen, index = set(GSM7_ALL), 0
    for part in parts:
        if part not in seen:
            seen.add(part)
            yield Culprit(part, index, in_words(part), plain_equal(part))
        index += len(part)


def make_plain(body: str) -> str:
    """Put GSM-7 equals in the place of what a word processor writes, so that a text costs less.

    Replaced are (the table is in plain.py): quotation marks, apostrophes, primes, accents that stand alone; dashes
    and hyphens; dots, bullets, arrows and signs of arithmetic; ©, ® and ™; all spaces and tabs, line and paragraph
    separators; ligatures, fullwidth and small forms, the bold and slanted letters of mathematics; letters written
    with a separate accent that GSM-7 has as one. Left out are characters that show nothing.

    Never touched are letters that GSM-7 lacks (ç, ł, œ, Greek, Arabic …), since words would change; °, ½ and other
    signs without an equal; emoji. The result never has more segments: where "..." for … would make it longer than
    it was, the … stays. A plain text comes back as it is, so doing it twice does no more.
    """
    swaps = swaps_of(whole(body))
    return make_plain(swapped(body, swaps)) if swaps else body


def plain_equals(body: str) -> list[Replacement]:
    """Return what `make_plain` would replace and by what, in order of first appearance."""
    return [Replacement(part, in_words(part), plain) for part, plain in swaps_of(whole(body)).items()]


def swaps_of(body: str) -> dict[str, str]:
    """Return the characters to replace and their equals: all that have one, or if that costs more, the short ones."""
    equals = {part: plain_equal(part) for part in clusters(body)}
    swaps = {part: plain for part, plain in equals.items() if plain not in (None, part)}
    if count_segments(swapped(body, swaps)) <= count_segments(body):
        return swaps
    short = {part: plain for part, plain in swaps.items() if len(plain) <= units(part)}
    return short if count_segments(swapped(body, short)) <= count_segments(body) else {}


def swapped(body: str, swaps: dict[str, str]) -> str:
    return "".join(swaps.get(part, part) for part in clusters(whole(body)))
