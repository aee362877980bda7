"""A thread as a phone shows it: what templates/phone.html draws, be it what was sent or what would be."""

from dataclasses import dataclass, field
from datetime import date
from typing import Self
from urllib.parse import urlsplit

from django.conf import settings

from .addresses import page_address, stored_name


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a text. Our pages load nothing from another `host`: a picture there is a link that names it.

    Where `shown` is given, our own address from which such a picture comes, the link is that picture.
    """

    address: str
    host: str = ""  # empty for our own, whose address is a path
    alt: str = ""  # what it shows, in words; empty where nobody wrote it down
    shown: str = ""
    chosen: str = ""  # where on the page being edited a file was chosen that only the browser has

    @classmethod
    def at(cls, url: str, alt: str = "") -> Self:
        """Return the picture at this absolute address."""
        if name := stored_name(url):
            return cls(page_address(name), alt=alt)
        if url.startswith(f"{settings.PUBLIC_URL}/"):
            return cls(url.removeprefix(settings.PUBLIC_URL), alt=alt)
        return cls(url, urlsplit(url).hostname or "", alt)


@dataclass(frozen=True, slots=True)
class Option:
    """An answer that can be chosen on the phone: `value` says which; where it `is_open`, in words of one's own."""

    words: str
    value: str
    is_chosen: bool = False
    is_open: bool = False
    said: str = ""
    address: str = ""  # of the page that shows it chosen, where no script does


@dataclass(frozen=True, slots=True)
class Bubble:
    """One text on a phone; `gap` is what the thread says above it, such as a day or a wait."""

    body: str
    from_us: bool = True
    pictures: list[Picture] = field(default_factory=list)
    meta: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)  # what there is to know besides, each with its name
    day: date | str = ""
    gap: str = ""
    # "pending" for what is still to come, "failed" for what never arrived, "night" for what the night moves, or would
    state: str = ""
    key: str = ""  # where on the page being edited it is written, or which text of a thread it is
    question: int = 0  # which question of the thread it is, counted from 0
    options: list[Option] = field(default_factory=list)
    silence: str = ""  # what happens without an answer


@dataclass(frozen=True, slots=True)
class Phone:
    name: str
    note: str
    bubbles: list[Bubble]
