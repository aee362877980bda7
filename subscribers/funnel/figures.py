"""What the counts of a story's readers mean: its texts in their order, who is at each, and how it grows."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median
from urllib.parse import urlencode

from stories.models import Price, Story, StoryText
from stories.preview import about
from stories.turns import Turn
from stories.waits import delay_in_words

from ..models import Enrollment, Message
from . import counting
from .counting import Key, joined
from .tallies import has_many, kept, tally_of

Status = Enrollment.Status
# The times between texts are those of so many passages that began first, and so many that began last.
SAMPLE = 500
# More bars than these are too thin to be told apart.
BARS_MAX = 60


@dataclass(frozen=True, slots=True)
class Share:
    """Some of a number of readers or answers."""

    count: int
    of: int
    name: str = ""

    @property
    def percent(self) -> float:
        return 100 * self.count / self.of if self.of else 0

    @property
    def words(self) -> str:
        if 0 < self.percent < 1:
            return "under 1 %"
        return "over 99 %" if 99 < self.percent < 100 else f"{self.percent:.0f} %"


@dataclass(slots=True)
class Place:
    """A text and its readers; without one, the time before the first."""

    text: StoryText | None
    name: str
    words: str
    had: Share
    at: dict[str, int]  # of those who had no later one, by the status of their passage
    lost: int = 0
    wait: str = ""
    answers: list[Share] = field(default_factory=list)
    none_yet: Share | None = None  # who has had no text at all, of those who joined

    @property
    def after(self) -> list[tuple[str, int, str]]:
        """What became of those who went no farther: the status, how many, and in words."""
        words = {
            Status.STOPPED: "stopped",
            Status.FAILED: "failed",
            Status.PAUSED: "paused",
            Status.COMPLETED: "came to the end",
            Status.ACTIVE: "on the way" if self.text else "wait for the first text",
            Status.WAITING: "wait in line",
        }
        return [(status, self.at[status], said) for status, said in words.items() if self.at.get(status)]


@dataclass(frozen=True, slots=True)
class Bar:
    """Those who joined on some days, as a bar of the drawing."""

    first: date
    last: date
    count: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Growth:
    bars: list[Bar]
    most: int
    days_each: int
    total: int


@dataclass(slots=True)
class Figures:
    """All that is shown of those who joined a story in some time."""

    story: Story
    title: str
    joined: int
    by_status: list[tuple[str, str, Share]]
    places: list[Place]
    unknown: int  # who got a text that is not kept any more
    growth: Growth
    segments: int
    mms: int
    cost: Decimal
    currency: str
    sampled: int  # from how many passages the times between texts come; 0: from all
    counted_at: datetime | None = None  # when, where it was not now
    progress: int | None = None  # how many are counted, while they are counted for the first time
    since: datetime | None = None
    until: datetime | None = None

    @property
    def joined_in(self) -> str:
        """What an address of the list of passages says for those who joined in this time alone."""
        limits = {"created_at__gte": self.since, "created_at__lt": self.until}
        return urlencode({name: moment.isoformat() for name, moment in limits.items() if moment})

    @property
    def last_day(self) -> date | None:
        return self.growth.bars[-1].last if self.growth.bars else None


def figures(
    story: Story, now: datetime, since: datetime | None = None, until: datetime | None = None, title: str = ""
) -> Figures:
    """Return the figures of readers who joined from `since` on and before `until`: a fixed number of queries."""
    tally = tally_of(story, now) if has_many(story.pk) else None
    if tally:
        counts, days = kept(tally, since, until)
    else:
        counts, days = counting.count(story.pk, since, until), counting.joined_by_day(story.pk, since, until)
    waits, sampled = waits_between(story.pk, since, until)
    found = assembled(story, title or str(story), counts, days, waits)
    found.sampled, found.since, found.until = sampled, since, until
    if tally:
        found.counted_at = tally.counted_at
        found.progress = None if tally.counted_at else counted_until_now(tally.counting)
    return found


def places_counted_now(story: Story, since: datetime | None = None, until: datetime | None = None) -> list[Place]:
    """Return the places of a story with their readers as the rows say it at this moment, which takes long for many."""
    counts = counting.count(story.pk, since, until)
    total = sum(count for key, count in counts.items() if key.kind == counting.JOINED)
    return list(places_of(story, counts, total, {}))


def counted_until_now(cohorts: list) -> int:
    return sum(count for *_, counts in cohorts for kind, *_, count in counts if kind == counting.JOINED)


def assembled(
    story: Story, title: str, counts: Counter[Key], days: Counter[date], waits: dict[int, timedelta]
) -> Figures:
    statuses = {status: counts[Key(counting.JOINED, None, status)] for status in Status.values}
    total = sum(statuses.values())
    segments = sum(count for key, count in counts.items() if key.kind == counting.SEGMENTS)
    mms = sum(count for key, count in counts.items() if key.kind == counting.MMS)
    price = Price.current()
    return Figures(
        story=story,
        title=title,
        joined=total,
        by_status=[(status, Status(status).label, Share(count, total)) for status, count in statuses.items() if count],
        places=list(places_of(story, counts, total, waits)),
        unknown=total - sum(count for key, count in counts.items() if key.kind == counting.AT),
        growth=growth_of(days),
        segments=segments,
        mms=mms,
        cost=segments * (price.sms_segment + price.sms_fee) + mms * (price.mms + price.mms_fee),
        currency=price.currency,
        sampled=0,
    )


def places_of(story: Story, counts: Counter[Key], total: int, waits: dict[int, timedelta]) -> Iterable[Place]:
    """Yield who has had no text yet, the texts in their order, and those that the story does not have any more."""
    texts = list(story.texts.order_by("position"))
    none_yet = at(counts, None)
    if none_yet:
        waiting = Share(sum(none_yet.values()), total)
        yield Place(None, "Joined", "and had no text yet", Share(0, total), none_yet, none_yet=waiting)
    for text in texts:
        yield Place(
            text,
            f"{text.position}",
            text.body or "A picture",
            Share(counts[Key(counting.HAD, text.pk)], total),
            at(counts, text.pk),
            counts[Key(counting.LOST, text.pk)],
            in_words(waits[text.pk]) if text.pk in waits else "",
            list(answers_to(text, counts)),
        )
    known = {text.pk for text in texts} | {None}
    gone = {key.text for key in counts if key.kind == counting.HAD and key.text not in known}
    if gone:
        had = sum(counts[Key(counting.HAD, text)] for text in gone)
        left = Counter()
        for text in gone:
            left.update(at(counts, text))
        lost = sum(counts[Key(counting.LOST, text)] for text in gone)
        yield Place(None, "Gone", "Texts that the story does not have any more", Share(had, total), dict(left), lost)


def at(counts: Counter[Key], text: int | None) -> dict[str, int]:
    found = {status: counts[Key(counting.AT, text, status)] for status in Status.values}
    return {status: count for status, count in found.items() if count}


def answers_to(text: StoryText, counts: Counter[Key]) -> Iterable[Share]:
    """Yield how often each of its choices was taken, choices that it no longer has, and who took none."""
    asked = {key: count for key, count in counts.items() if key.text == text.pk and key.kind in ANSWERS}
    total = sum(asked.values())
    names = [choice.name for choice in Turn.of(text).choices]
    chosen = {key.name: count for key, count in asked.items() if key.kind == counting.CHOSEN}
    for name in names + sorted(set(chosen) - set(names)):
        if total:
            yield Share(chosen.get(name, 0), total, f"“{name}”")
    for kind, words in WITHOUT_ANSWER.items():
        if count := sum(count for key, count in asked.items() if key.kind == kind):
            yield Share(count, total, words)


WITHOUT_ANSWER = {
    counting.SILENT: "no answer in time",
    counting.OPEN: "no answer yet",
    counting.LEFT: "left without an answer",
}
ANSWERS = {counting.CHOSEN, *WITHOUT_ANSWER}


def waits_between(story: int, since: datetime | None, until: datetime | None) -> tuple[dict[int, timedelta], int]:
    """Return how long before each text the one before it went out, in the middle of all readers, by the text's id.

    The first one's wait counts from joining. Where very many joined, those who began first and last are looked at;
    their number comes back, or 0 where all were.
    """
    passages = Enrollment.objects.filter(joined(story, since, until))
    newest = list(passages.order_by("-created_at", "-pk").values_list("pk", "created_at")[:SAMPLE])
    oldest = list(passages.order_by("created_at", "pk").values_list("pk", "created_at")[:SAMPLE])
    began = dict(newest + oldest)
    sent = Message.objects.story_texts().filter(enrollment__in=list(began)).exclude(sent_at=None)
    gaps, last = defaultdict(list), {}
    for enrollment, text, sent_at in sent.order_by("enrollment", "step").values_list("enrollment", "text", "sent_at"):
        gaps[text].append(sent_at - last.get(enrollment, began[enrollment]))
        last[enrollment] = sent_at
    is_all = len(began) < 2 * SAMPLE
    return {text: median(found) for text, found in gaps.items()}, 0 if is_all else len(began)


def in_words(wait: timedelta) -> str:
    return delay_in_words(about(wait)) if wait >= timedelta(seconds=1) else "at once"


def growth_of(days: Counter[date], width: float = 600, height: float = 96) -> Growth:
    """Draw how many joined by day, or by so many days that there are not too many bars."""
    if not days:
        return Growth([], 0, 1, 0)
    first, last = min(days), max(days)
    count = (last - first).days + 1
    each = -(-count // BARS_MAX)
    totals = Counter()
    for day, joined_then in days.items():
        totals[(day - first).days // each] += joined_then
    bars, most = -(-count // each), max(totals.values())
    step = width / max(bars, 14)
    return Growth(
        [
            Bar(
                first + timedelta(days=place * each),
                min(first + timedelta(days=(place + 1) * each - 1), last),
                totals[place],
                round(place * step, 2),
                round(height - height * totals[place] / most, 2),
                round(step * 0.8, 2),
                round(height * totals[place] / most, 2),
            )
            for place in range(bars)
        ],
        most,
        each,
        sum(days.values()),
    )
