"""Histories that readers of a story might have had: what they got, said and did until now. Touches no database.

Moments are seconds from now: those that are over are negative.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from stories.branches import END, Branches
from stories.models import StoryText
from stories.placeholders import filled
from stories.segments import count_segments
from stories.timing import due_at

from .. import error_codes
from ..models import Enrollment, Message

# Readers began within this time.
SPAN = timedelta(days=60).total_seconds()
# Of each text: how many readers stop after it, and after the first one; how many pause; how many cannot be sent the
# next one; whose phones do not get it.
STOPS, STOPS_AT_ONCE, PAUSES, FAILS, LOST = 0.015, 0.05, 0.01, 0.004, 0.02
REFUSED = [21211, 21614, 21408, 21612]
UNDELIVERED = [30003, 30003, 30003, 30005, 30006, 30007, 30008]
# How many answer a question at all, and the mean time until they do.
ANSWER, ANSWER_AFTER = 0.85, 2400
NAMES = ["Sam", "a friend", "Nobody", "Captain", "M."]
HOUR = 3600


@dataclass(slots=True)
class Row:
    """One message of a life, of either direction."""

    direction: str
    status: str
    body: str
    created: float
    due: float | None = None
    sent: float | None = None
    text: int | None = None
    step: int | None = None
    error_code: int | None = None
    segments: int | None = None
    media_urls: str = "[]"


@dataclass(slots=True)
class Asked:
    """One question of a life; without `answered`, nobody answered."""

    text: int
    step: int
    asked: float
    answered: float | None = None
    choice: str = ""
    keeps: str = ""
    words: str = ""


@dataclass(slots=True)
class Life:
    started: float
    status: str = Enrollment.Status.ACTIVE
    step: int = 0
    ended: float | None = None
    reason: str = ""
    heard: float = 0
    rows: list[Row] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    @property
    def opted_out(self) -> float | None:
        return self.ended if self.status == Enrollment.Status.STOPPED else None

    def says(self, body: str, at: float) -> None:
        self.rows.append(Row(Message.Direction.INBOUND, Message.Status.RECEIVED, body, at, segments=1))
        self.heard = at

    def end(self, status: str, at: float, reason: str = "") -> None:
        self.status, self.ended, self.reason = status, at, reason


def coming(life: Life, text: StoryText, since: float, due: float, status: str) -> Row:
    return Row(Message.Direction.OUTBOUND, status, "", since, due, None, text.pk, life.step + 1)


class Lives:
    """Invents lives with one story, whose `texts` are in their order, as seen from `now`; the same ones each time."""

    def __init__(self, texts: Sequence[StoryText], keyword: str, now: datetime, zone: ZoneInfo):
        self.texts, self.keyword, self.now, self.zone = texts, keyword, now, zone
        self.ways = Branches(texts)
        # Not for secrets: the same readers each time are easier to look at.
        self.random = Random(len(texts))  # noqa: S311

    def life(self, over: bool = False) -> Life:
        """Return one life; if it is to be `over`, one that the reader read to its end."""
        for _ in range(200):
            life = self.lived(Life(-SPAN * self.random.random() ** 2))
            if not over or life.status == Enrollment.Status.COMPLETED:
                return life
        return life

    def lived(self, life: Life) -> Life:
        life.says(self.keyword, life.started)
        place, since = 0, life.started + 0.2
        while place != END:
            text = self.texts[place]
            due = self.due(text, since)
            if self.has_left(life, since, due):
                life.rows.append(coming(life, text, since, due, Message.Status.CANCELED))
                return self.heard(life)
            if not self.gets(life, text, since, due):
                return self.heard(life)
            place, since = self.onward(life, place, life.rows[-1].sent)
            if place is None:
                return self.heard(life)
        life.end(Enrollment.Status.COMPLETED, since)
        return self.heard(life)

    def heard(self, life: Life) -> Life:
        """Let some have written later than at the beginning."""
        last = min(life.ended if life.ended is not None else -1.0, -1.0)
        life.heard = max(life.heard, life.heard + (last - life.heard) * self.random.random())
        return life

    def due(self, text: StoryText, since: float) -> float:
        moment = due_at(self.now + timedelta(seconds=since), text.wait, self.zone)
        return (moment - self.now).total_seconds()

    def has_left(self, life: Life, since: float, due: float) -> bool:
        """Tell whether this reader stops, pauses or cannot be reached before what is due then."""
        chance = self.random.random()
        at = since + (due - since) * self.random.random()
        stops = STOPS_AT_ONCE if life.step == 1 else STOPS
        if life.step and chance < stops and at < 0:
            life.says("STOP", at)
            life.end(Enrollment.Status.STOPPED, at, "the reader texted STOP")
        elif life.step and chance < stops + PAUSES and at < 0:
            life.says("PAUSE", at)
            life.status = Enrollment.Status.PAUSED
        return life.status != Enrollment.Status.ACTIVE

    def gets(self, life: Life, text: StoryText, since: float, due: float) -> bool:
        """Send this text, or schedule it if it is to come; return whether it went out."""
        sent = due + self.lateness()
        row = coming(life, text, since, due, Message.Status.SCHEDULED)
        life.rows.append(row)
        if sent >= 0:
            # Nothing is late at present.
            row.due = max(due, 5.0)
            return False
        if self.random.random() < FAILS:
            row.status, row.error_code = Message.Status.FAILED, self.random.choice(REFUSED)
            life.end(Enrollment.Status.FAILED, sent, error_codes.in_words(row.error_code))
            return False
        life.step += 1
        row.sent, row.body = sent, filled(text.body, {each.keeps: each.words for each in life.asked if each.words})
        row.segments = count_segments(row.body)
        row.status, row.error_code = self.outcome(sent)
        return True

    def lateness(self) -> float:
        """Return how late a text is: hardly ever, or a few minutes after an outage."""
        if self.random.random() < 0.01:
            return self.random.uniform(60, 900)
        return min(self.random.expovariate(3), 5)

    def outcome(self, sent: float) -> tuple[str, int | None]:
        if sent > -60:
            return Message.Status.SENT, None
        if self.random.random() < LOST:
            return Message.Status.UNDELIVERED, self.random.choice(UNDELIVERED)
        return Message.Status.DELIVERED, None

    def onward(self, life: Life, place: int, sent: float) -> tuple[int | None, float]:
        """Return the text that comes next and from when on it is waited for; None where an answer is waited for."""
        text = self.texts[place]
        if not (text.asks and text.choices):
            return self.ways.leads[place][0].to, sent
        question = Asked(text.pk, life.step, sent)
        life.asked.append(question)
        if self.random.random() < ANSWER:
            at = sent + 20 + self.random.expovariate(1 / ANSWER_AFTER)
            return self.answered(life, place, question, at) if at < 0 else (None, sent)
        default = text.turn.default
        if default is None or sent + text.answer_within.total_seconds() >= 0:
            return None, sent
        lead = next(lead for lead in self.ways.leads[place] if lead.choice == default)
        return lead.to, sent + text.answer_within.total_seconds()

    def answered(self, life: Life, place: int, question: Asked, at: float) -> tuple[int, float]:
        leads = self.ways.leads[place]
        # The first ones are taken most.
        lead = self.random.choices(leads, [2.0**-number for number in range(len(leads))])[0]
        words = self.random.choice(NAMES) if lead.choice.takes_anything else lead.choice.name
        question.answered, question.choice = at, lead.choice.name
        question.keeps = self.texts[place].keeps
        question.words = words if question.keeps else ""
        life.says(words, at)
        return lead.to, at
