"""What lies between two versions of a story, for people to read: texts added, changed, moved, removed, and words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from django.db.models import Field, FileField
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

from .history import STORY_FIELDS, TEXT_FIELDS, HistoricalStoryText, Version
from .turns import TURN_FIELDS, Turn
from .waits import Wait, wait_in_words

NONE = "none"
WAIT_FIELDS = {"delay", "days", "at"}
SHOWN_FIELDS = [field for field in TEXT_FIELDS if field.name not in WAIT_FIELDS | {*TURN_FIELDS}]
# Of wordings that share less than this part of the shorter one, the few words in common only confuse: they are shown
# one after the other.
ALIKE = 0.4


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed: the story's own fields, or one of its texts; each line is a label and its words."""

    kind: str  # "story", "added", "removed", "changed" or "moved"
    heading: str
    lines: list[tuple[str, SafeString]] = field(default_factory=list)


def changes(before: Version | None, after: Version) -> list[Change]:
    """Return what changed from one version of a story to another; everything is new without one before."""
    if before is None:
        return [Change("added", f"Text {number} added", first_lines(row)) for number, row in numbered(after)]
    found = [*story_changes(before, after), *text_changes(before, after)]
    old = {row.id for row in after.texts}
    return found + [
        Change("removed", f"Text {number} removed", first_lines(row))
        for number, row in numbered(before)
        if row.id not in old
    ]


def numbered(version: Version) -> Iterator[tuple[int, HistoricalStoryText]]:
    return enumerate(version.texts, start=1)


def story_changes(before: Version, after: Version) -> list[Change]:
    lines = field_changes(before.entry, after.entry, STORY_FIELDS)
    return [Change("story", "The story itself changed", lines)] if lines else []


def text_changes(before: Version, after: Version) -> Iterator[Change]:
    """Return the texts that came, changed or moved, in the order in which they now stand."""
    old = {row.id: (number, row) for number, row in numbered(before)}
    moved = moved_texts(list(old), [row.id for row in after.texts])
    for number, row in numbered(after):
        if row.id not in old:
            yield Change("added", f"Text {number} added", first_lines(row))
            continue
        place, former = old[row.id]
        lines = wait_changes(former, row) + field_changes(former, row, SHOWN_FIELDS) + turn_changes(former, row)
        if row.id in moved:
            what = " and changed" if lines else ""
            yield Change("moved", f"Text {place} moved to {number}{what}", lines or first_lines(row))
        elif lines:
            was = "" if place == number else f" (was text {place})"
            yield Change("changed", f"Text {number} changed{was}", lines)


def moved_texts(before: list[int], after: list[int]) -> set[int]:
    """Return the ids that changed places among those that stayed: as few as explain the new order."""
    kept = set(before) & set(after)
    old, new = ([pk for pk in order if pk in kept] for order in (before, after))
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    return kept - {pk for block in blocks for pk in old[block.a : block.a + block.size]}


def first_lines(row: HistoricalStoryText) -> list[tuple[str, SafeString]]:
    if row.body:
        return [("", format_html("{}", row.body))]
    picture = row.media or row.media_url
    return [("Picture", picture_words(picture))] if picture else [("", mark_safe("Nothing is written in it yet."))]


def wait_changes(before: HistoricalStoryText, after: HistoricalStoryText) -> list[tuple[str, SafeString]]:
    """Say what changed about when the text comes, in the words that are written on the story's page."""
    was, now = (wait_in_words(Wait(row.delay, row.days, row.at)) for row in (before, after))
    return [("When", replaced(was, now))] if was != now else []


def turn_changes(before: HistoricalStoryText, after: HistoricalStoryText) -> list[tuple[str, SafeString]]:
    """Say what changed about what follows the text."""
    was, now = (Turn.of(row).in_words() or ["The next text"] for row in (before, after))
    gone, come = ([line for line in lines if line not in others] for lines, others in ((was, now), (now, was)))
    return [("Then", replaced("; ".join(gone) or NONE, "; ".join(come) or NONE))] if was != now else []


def field_changes(before, after, fields: list[Field]) -> list[tuple[str, SafeString]]:
    """Return for each of these fields that differs its label and its words, with what went and what came."""
    return [
        (capfirst(field.verbose_name), difference(field, *values))
        for field in fields
        for values in [(getattr(before, field.attname), getattr(after, field.attname))]
        if values[0] != values[1]
    ]


def difference(field: Field, before, after) -> SafeString:
    if field.choices or not isinstance(before or after, str):
        return replaced(in_words(field, before), in_words(field, after))
    if isinstance(field, FileField):
        return replaced(picture_words(before), picture_words(after))
    return word_difference(before or "", after or "")


def in_words(field: Field, value) -> str:
    return NONE if value is None else str(dict(field.flatchoices).get(value, value))


def picture_words(address: str) -> str:
    return format_html("{}", address.rpartition("/")[2]) if address else NONE


def replaced(before: str, after: str) -> SafeString:
    return format_html("<del>{}</del> <ins>{}</ins>", before, after)


def word_difference(before: str, after: str) -> SafeString:
    """Return the words of both, those that went in <del> and those that came in <ins>."""
    old, new = (re.findall(r"\w+|\s+|[^\w\s]", words) for words in (before, after))
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    shared = [old[block.a + n] for block in matcher.get_matching_blocks() for n in range(block.size)]
    if before and after and count_words(shared) < ALIKE * min(count_words(old), count_words(new)):
        return replaced(before, after)
    pieces = []
    for tag, start, end, new_start, new_end in matcher.get_opcodes():
        gone, come = "".join(old[start:end]), "".join(new[new_start:new_end])
        if tag == "equal":
            pieces.append(gone)
            continue
        pieces += [format_html("<del>{}</del>", gone)] if gone else []
        pieces += [format_html("<ins>{}</ins>", come)] if come else []
    return format_html_join("", "{}", ((piece,) for piece in pieces))


def count_words(pieces: list[str]) -> int:
    return sum(not piece.isspace() for piece in pieces)


def summary(found: list[Change]) -> str:
    """Return these changes in one line, such as "The story itself, 1 text added, 2 changed"."""
    counts = [(kind, sum(change.kind == kind for change in found)) for kind in ("added", "changed", "moved", "removed")]
    texts = [f"{count} {kind}" for kind, count in counts if count]
    if texts:
        number, _, kind = texts[0].partition(" ")
        texts[0] = f"{number} {'text' if number == '1' else 'texts'} {kind}"
    return ", ".join(["The story itself"] * any(change.kind == "story" for change in found) + texts)
