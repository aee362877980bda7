"""What a running installation looks like from all sides: each finding is a sentence, and what mends it another."""

from dataclasses import dataclass
from enum import Enum


class Grade(Enum):
    OK = "ok"
    NOTE = "note"  # nothing is broken, and whoever runs it should know
    WRONG = "WRONG"  # texts are lost, late, or may be


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about a `part` of the installation; `mend` says what to do about it."""

    grade: Grade
    part: str
    words: str
    mend: str = ""

    def __str__(self):
        lines = [f"{self.grade.value:<6}{self.part}: {self.words}"]
        return "\n".join([*lines, f"      {self.mend}"] if self.mend else lines)


def ok(part: str, words: str) -> Finding:
    return Finding(Grade.OK, part, words)


def note(part: str, words: str, mend: str = "") -> Finding:
    return Finding(Grade.NOTE, part, words, mend)


def wrong(part: str, words: str, mend: str) -> Finding:
    return Finding(Grade.WRONG, part, words, mend)
