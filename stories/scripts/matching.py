"""Which text of a story is meant by a text of a file. Pure computation on what texts contain."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import count

# How much of two texts has to be common for one to be the other in other words, from 0 to 1.
SIMILAR = 0.5

# What a text contains: its body and its picture.
Content = tuple[str, str]


def match(old: Sequence[Content], new: Sequence[Content]) -> list[int | None]:
    """Return for each of the new contents the index of the old one that it is; None for one that is really new.

    1. What is the same in both, in the same order, stays; what is the same elsewhere was moved.
    2. Of the others, those with similar words are the same text, corrected.
    3. What then is left over between the same neighbours is paired in order: one text was written in place of the
       other.
    """
    found: dict[int, int] = {}
    for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        found |= {block.b + step: block.a + step for step in range(block.size)}
    for pairs in (same, similar, neighbours):
        found |= pairs(old, new, found)
    return [found.get(index) for index in range(len(new))]


def left_over(contents: Sequence[Content], taken) -> list[int]:
    return [index for index in range(len(contents)) if index not in taken]


def same(old, new, found: dict[int, int]) -> dict[int, int]:
    """Pair what contains the same, wherever it stands."""
    places = defaultdict(list)
    for index in reversed(left_over(old, set(found.values()))):
        places[old[index]].append(index)
    return {index: places[new[index]].pop() for index in left_over(new, found) if places[new[index]]}


def similar(old, new, found: dict[int, int]) -> dict[int, int]:
    """Pair what has similar words, the most similar first, and of these the nearest."""
    bit = defaultdict(count().__next__)
    old_pieces = {index: pieces(old[index][0], bit) for index in left_over(old, set(found.values()))}
    new_pieces = {index: pieces(new[index][0], bit) for index in left_over(new, found)}
    candidates = [
        (-like, abs(was - now), now, was)
        for was, one in old_pieces.items()
        for now, other in new_pieces.items()
        if (like := likeness(one, other)) >= SIMILAR
    ]
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, _, now, was in sorted(candidates):
        if now not in pairs and was not in taken:
            pairs[now] = was
            taken.add(was)
    return pairs


def pieces(words: str, bit: dict[str, int]) -> int:
    """Return which runs of three characters these words have, each a bit of a number, which are quick to compare.

    Such runs are the same in a word's forms, and any language has them.
    """
    plain = " ".join(words.casefold().split())
    runs = {plain[index : index + 3] for index in range(max(len(plain) - 2, 1))} - {""}
    return sum(1 << bit[run] for run in runs)


def likeness(one: int, other: int) -> float:
    return 2 * (one & other).bit_count() / (one.bit_count() + other.bit_count()) if one and other else 0.0


def neighbours(old, new, found: dict[int, int]) -> dict[int, int]:
    """Pair in order what stands behind the same text."""
    taken = set(found.values())
    waiting = defaultdict(list)
    for index in reversed(left_over(old, taken)):
        waiting[max((was for was in taken if was < index), default=-1)].append(index)
    pairs = {}
    for index in left_over(new, found):
        before = max((now for now in found if now < index), default=None)
        behind = waiting[-1 if before is None else found[before]]
        if behind:
            pairs[index] = behind.pop()
    return pairs


def moved(places: Sequence[int]) -> set[int]:
    """Return which of these places, each once, are out of order: as few as there can be."""
    ends: list[int] = []
    previous: dict[int, int | None] = {}
    for place in places:
        at = bisect_left(ends, place)
        previous[place] = ends[at - 1] if at else None
        ends[at : at + 1] = [place]
    kept, place = set(), ends[-1] if ends else None
    while place is not None:
        kept.add(place)
        place = previous[place]
    return set(places) - kept
