"""How readers come to a story: what they text and where to, as words, as a link, as a QR code and as HTML."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from io import BytesIO
from urllib.parse import quote

import segno
from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe

from .branches import Branches
from .cards import Card
from .models import Story, StoryText
from .quiet import QuietHours, quiet_hours_of
from .templatetags.phone_numbers import spaced
from .timeline import timeline, total_duration
from .turns import TURN_FIELDS

DAY = timedelta(days=1)
# When the reader starts for whom we count: a clock time in a story makes its length depend on that.
START = datetime(2001, 1, 1, 12, tzinfo=settings.NEWSROOM_ZONE)
# A unit, and from how many of them on a length of time is told in it.
UNITS = [("week", timedelta(weeks=1), 3), ("day", DAY, 2), ("hour", timedelta(hours=1), 2)]
# A quarter of the code may be dirty or torn: it hangs on walls.
ERROR_CORRECTION = "q"
# At least so wide is the picture: sharp at 10 cm on paper.
PNG_PIXELS = 1200


def sms_link(number: str, keyword: str | None) -> str:
    """Return a link that opens the reader's messages, to `number` (E.164), with the keyword written already.

    RFC 5724 has `?body=`, which Android reads; Apple documents no body, and its Messages app takes what follows the
    first `&`. With both signs each finds it: Android's messaging app and ZXing, on which many scanners stand, split
    behind the `?` at every `&` and skip the empty field.
    """
    return f"sms:{number}?&body={quote(keyword, safe='')}" if keyword else f"sms:{number}"


@dataclass(frozen=True, slots=True)
class Pace:
    """How many texts a reader gets, how long it takes, and how many of them come within 24 hours at most."""

    texts: int
    length: timedelta
    most_a_day: int
    approximately: str = ""  # "up to" or "about", where it depends on answers

    @classmethod
    def of(cls, texts: Iterable[StoryText], quiet: QuietHours | None = None) -> "Pace":
        """Return the pace of these texts, in their order, for who starts at noon of the newsroom's zone.

        `quiet` are the quiet hours of their story.

        Where readers' answers lead to different texts, it is that of the longest way, if each answer comes at once.
        """
        zone, texts = settings.NEWSROOM_ZONE, list(texts)
        ways, approximately = Branches(texts), ""
        if not ways.is_straight:
            texts = [texts[place] for place in ways.way(lambda place: 1, most=True)]
            approximately = "about" if ways.loops() else "up to"
        moments = timeline(texts, START, zone, quiet)
        sent = [moment.due for moment in moments]
        most = max((bisect_left(sent, first + DAY) - place for place, first in enumerate(sent)), default=0)
        return cls(len(sent), total_duration(moments, START), most, approximately)

    def __str__(self):
        if self.texts == 1:
            return "1 text"
        return f"{self.approximately} {self.texts} texts {length_in_words(self.length)}".strip()

    @property
    def a_day(self) -> str:
        """How often texts come, in words; empty for a story that is over within a day, of which `str` says all."""
        if self.length <= DAY:
            return ""
        return "never more than 1 text in 24 hours" if self.most_a_day == 1 else f"up to {self.most_a_day} in 24 hours"


def length_in_words(length: timedelta) -> str:
    """Return how long something takes, rounded as people say it: "in 5 minutes", "over 3 days"."""
    if length < timedelta(seconds=30):
        return "at once"
    for unit, size, least in UNITS:
        if round(length / size) >= least:
            return f"{'in' if unit == 'hour' else 'over'} {round(length / size)} {unit}s"
    minutes = max(1, round(length / timedelta(minutes=1)))
    return f"in {minutes} minute{'' if minutes == 1 else 's'}"


@dataclass(frozen=True)
class Invitation:
    """All that invites readers to one story. `number` is empty where texts go out by a messaging service alone."""

    story: Story
    number: str
    pace: Pace

    @classmethod
    def to(cls, story: Story) -> "Invitation":
        return cls(
            story,
            story.number or settings.TWILIO_NUMBER,
            Pace.of(
                story.texts.order_by("position").only("story", "delay", "days", "at", "label", *TURN_FIELDS),
                quiet_hours_of(story.quiet),
            ),
        )

    @property
    def address(self) -> str:
        """The reader's page, as everybody reaches it."""
        return settings.PUBLIC_URL + self.story.get_absolute_url()

    @property
    def sms_link(self) -> str:
        return sms_link(self.number, self.story.keyword) if self.number else ""

    @cached_property
    def qr_code(self) -> segno.QRCode:
        """What a camera reads to open the reader's messages, as the link does; the page where there is no number."""
        return segno.make_qr(self.sms_link or self.address, error=ERROR_CORRECTION)

    def qr_svg(self, inline: bool = False) -> str:
        """Return the QR code as a drawing without a size of its own, `inline` for a page."""
        drawing = {"omitsize": True, "dark": "#000", "light": "#fff", "lineclass": None}
        if inline:
            return self.qr_code.svg_inline(svgclass="qr", **drawing)
        file = BytesIO()
        self.qr_code.save(file, kind="svg", svgclass=None, title=f"{self.story.title}: QR code", **drawing)
        return file.getvalue().decode()

    def qr_png(self) -> bytes:
        file = BytesIO()
        modules, _ = self.qr_code.symbol_size()
        self.qr_code.save(file, kind="png", scale=-(-PNG_PIXELS // modules))
        return file.getvalue()

    @property
    def context(self) -> dict[str, object]:
        """What the pages that show it draw it with."""
        qr, version = mark_safe(self.qr_svg(inline=True)), card_of(self.story).digest  # noqa: S308
        return {"story": self.story, "invitation": self, "qr": qr, "card_version": version}

    @property
    def snippet(self) -> str:
        """HTML for an article of any website: no script, no style sheet, colours that suit light and dark pages.

        Where a website takes the `sms:` link out, the one to the page is still there, with a code for phones.
        """
        return render_to_string("stories/snippet.html", {"invitation": self, "story": self.story}).strip() + "\n"


def card_of(story: Story) -> Card:
    number = story.number or settings.TWILIO_NUMBER
    return Card(story.title, story.keyword or "", spaced(number) if number else "", settings.NEWSROOM_NAME)
