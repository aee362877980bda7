"""A thread as a phone shows it: what templates/phone.html draws, be it what was sent or what would be."""

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class Bubble:
    """One text on a phone; `gap` is what the thread says above it, such as a day or a wait."""

    body: str
    from_us: bool = True
    pictures: list[str] = field(default_factory=list)
    meta: str = ""
    day: date | str = ""
    gap: str = ""
    state: str = ""  # "pending" for what is still to come, "failed" for what never arrived


@dataclass(frozen=True, slots=True)
class Phone:
    name: str
    note: str
    bubbles: list[Bubble]
