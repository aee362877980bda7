"""The counts of stories that very many read: made by the cluster, a slice at a time, and kept with their time.

They are made anew while somebody looks, and at most so often that counting takes a tenth of one processor's time.
"""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Max, Min, Q
from django_q.tasks import async_task

from stories.models import Story
from stories.timing import clock_moment

from ..models import Enrollment, Tally
from .counting import JOINED, Key, count, joined

# A story that so many read is counted whenever somebody looks: that takes less than a tenth of a second.
FEW = 2000
# How many passages one slice has at most, and for how long one task counts; the cluster ends tasks after 20 seconds.
SLICE = 20_000
TASK_SECONDS = 4
# How old counts may be: a minute, or ten times as long as they took.
FRESH, TIMES = timedelta(minutes=1), 10
# A count of which nothing was heard for so long is dead.
DEAD = timedelta(minutes=2)
# Between these, each day begins and ends in all zones.
FIRST_DAY, LAST_DAY = date(1, 1, 3), date(9999, 12, 28)

Cohort = tuple[datetime, datetime, Counter[Key]]


def has_many(story: int) -> bool:
    """Tell whether more read this story than can be counted while somebody waits."""
    return Enrollment.objects.filter(joined(story, None, None)).order_by("-created_at", "-pk")[FEW : FEW + 1].exists()


def tally_of(story: Story, now: datetime) -> Tally:
    """Return what was counted last, and see to it that it is counted anew where that is too long ago."""
    tally, _ = Tally.objects.get_or_create(story=story)
    if is_stale(tally, story, now) and claim(tally, now):
        async_task("subscribers.tasks.tally", story.pk)
    return tally


def is_stale(tally: Tally, story: Story, now: datetime) -> bool:
    if tally.counted_at is None:
        return True
    # Who joined before a save, and who after it, were not told apart before it was.
    saved_at = story.history.aggregate(last=Max("history_date"))["last"]
    age = now - tally.counted_at
    return age > max(FRESH, TIMES * timedelta(seconds=tally.seconds)) or bool(saved_at and saved_at > tally.counted_at)


def claim(tally: Tally, now: datetime) -> bool:
    """Begin a count, unless one is under way."""
    free = Tally.objects.filter(Q(begun_at=None) | Q(seen_at__lt=now - DEAD), pk=tally.pk)
    return bool(free.update(begun_at=now, seen_at=now, counting=[]))


def go_on(story: Story, now: datetime, seconds: float = TASK_SECONDS) -> bool:
    """Count for so long; return whether there is more to be counted."""
    tally = Tally.objects.filter(pk=story.pk).exclude(begun_at=None).first()
    if tally is None:
        return False
    began, is_through = time.monotonic(), True
    cohorts = tally.counting
    since = datetime.fromisoformat(cohorts[-1][1]) if cohorts else None
    for first, last in slices(story, since, tally.begun_at):
        cohorts.append(
            [first.isoformat(), last.isoformat(), [[*key, n] for key, n in count(story.pk, first, last).items()]]
        )
        if time.monotonic() - began > seconds:
            is_through = False
            break
    if is_through:
        took = (now - tally.begun_at).total_seconds() + time.monotonic() - began
        fields = {"cohorts": cohorts, "counted_at": tally.begun_at, "seconds": took, "counting": [], "begun_at": None}
    else:
        fields = {"counting": cohorts, "seen_at": now}
    # Unless another count has begun meanwhile.
    Tally.objects.filter(pk=tally.pk, begun_at=tally.begun_at).update(**fields)
    return not is_through


def slices(story: Story, since: datetime | None, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the times, one after the other, by which readers of this story are counted.

    They are cut where a day begins by the newsroom's calendar, where the story was saved, and after so many readers.
    """
    passages = Enrollment.objects.filter(joined(story.pk, None, None)).order_by("created_at", "pk")
    if since is None:
        first = passages.aggregate(first=Min("created_at"))["first"]
        since = day_begins(day_of(first)) if first else until
    saves = list(
        story.history.filter(history_date__gt=since).order_by("history_date").values_list("history_date", flat=True)
    )
    while since < until:
        edges = [until, day_begins(day_of(since) + timedelta(days=1)), *(saved for saved in saves if saved > since)]
        last = min(edges)
        rest = passages.filter(created_at__gte=since, created_at__lt=last).values_list("created_at", flat=True)
        if cut := rest[SLICE : SLICE + 1].first():
            last = max(cut, since + timedelta(microseconds=1))
        yield since, last
        since = last


def day_of(moment: datetime) -> date:
    return moment.astimezone(settings.NEWSROOM_ZONE).date()


def day_begins(day: date, days_later: int = 0) -> datetime:
    """Return when this day begins by the newsroom's clock, or the one so many days later.

    A day at the end of the calendar, which somebody has typed, is taken for one near it: readers are on neither.
    """
    near = min(max(day, FIRST_DAY), LAST_DAY)
    return clock_moment(near + timedelta(days=days_later), datetime.min.time(), settings.NEWSROOM_ZONE)


def cohorts_of(tally: Tally, since: datetime | None = None, until: datetime | None = None) -> Iterator[Cohort]:
    """Yield the cohorts that joined from `since` on and before `until`."""
    for first, last, counts in tally.cohorts:
        begins = datetime.fromisoformat(first)
        if (since is None or begins >= since) and (until is None or begins < until):
            yield begins, datetime.fromisoformat(last), Counter({Key(*key): total for *key, total in counts})


def kept(
    tally: Tally, since: datetime | None = None, until: datetime | None = None
) -> tuple[Counter[Key], Counter[date]]:
    """Return what counting.count() and counting.joined_by_day() would have said when it was counted."""
    total, days = Counter(), Counter()
    for begins, _, counts in cohorts_of(tally, since, until):
        total.update(counts)
        days[day_of(begins)] += sum(number for key, number in counts.items() if key.kind == JOINED)
    return total, +days
