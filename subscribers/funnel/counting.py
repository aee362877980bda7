"""Counts of a story's readers, as the rows say it now. Five statements, however many readers there are.

Each count is under what it counts: its kind, the text's id as far as it is of one (0: a text that is deleted), and a
name: of a status, or of a choice.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

from django.conf import settings
from django.db.models import Case, CharField, Count, F, IntegerField, Q, Sum, Value, When
from django.db.models.functions import Coalesce, TruncDate

from ..models import Enrollment, Message, Question


class Key(NamedTuple):
    kind: str
    text: int | None = None
    name: str = ""


# Of passages: those who joined, by status; those who are at a text, the last one that they had, by status (without a
# text: nobody had one yet).
JOINED, AT = "joined", "at"
# Of texts: readers who had it; messages of it that did not arrive, and are not sent again.
HAD, LOST = "had", "lost"
# Of what was sent: segments of messages without a picture, and messages with one. Without a text: hints, reminders and
# whatever else belongs to the story.
SEGMENTS, MMS = "segments", "mms"
# Of questions: answers by their choice; and those without: left to their time, still open, left for good.
CHOSEN, SILENT, OPEN, LEFT = "chosen", "silent", "open", "left"
DELETED = 0


def joined(story: int, since: datetime | None, until: datetime | None, prefix: str = "") -> Q:
    """Return the condition on passages of readers who joined in this time; `prefix` leads to them."""
    wanted = {"story": story, "pace": None, "created_at__gte": since, "created_at__lt": until}
    always = ("story", "pace")
    return Q(**{f"{prefix}{name}": value for name, value in wanted.items() if name in always or value is not None})


def count(story: int, since: datetime | None = None, until: datetime | None = None) -> Counter[Key]:
    """Return all counts of those who joined this story from `since` on and before `until`; None is without a limit."""
    passages = Enrollment.objects.filter(joined(story, since, until)).order_by()
    sent = Message.objects.filter(joined(story, since, until, "enrollment__"), direction=Message.Direction.OUTBOUND)
    sent = sent.exclude(sent_at=None).order_by()
    questions = Question.objects.filter(joined(story, since, until, "enrollment__")).order_by()
    found: Counter[Key] = Counter()
    for counted in (of_passages(passages), of_texts(sent), of_places(sent), of_lost(sent), of_questions(questions)):
        found.update(dict(counted))
    return +found


def of_passages(passages) -> Iterator[tuple[Key, int]]:
    rows = passages.values_list("status").annotate(total=Count("pk"), without=Count("pk", filter=Q(step=0)))
    for status, total, without in rows:
        yield Key(JOINED, None, status), total
        yield Key(AT, None, status), without


def of_texts(sent) -> Iterator[tuple[Key, int]]:
    """Count readers who had each text, and what was sent of it; and what was sent besides."""
    plain = Case(When(media_urls=[], then=Coalesce("segments", 0)), default=Value(0), output_field=IntegerField())
    rows = sent.values_list("text", Case(When(step=None, then=Value(1)), default=Value(0))).annotate(
        had=Count("enrollment", distinct=True), segments=Sum(plain), mms=Count("pk", filter=~Q(media_urls=[]))
    )
    totals: Counter[Key] = Counter()
    for text, is_besides, had, segments, mms in rows:
        place = None if is_besides else text or DELETED
        if place is not None:
            totals[Key(HAD, place)] += had
        totals[Key(SEGMENTS, place)] += segments
        totals[Key(MMS, place)] += mms
    yield from totals.items()


def of_places(sent) -> Iterator[tuple[Key, int]]:
    """Count those whose last text each one was, by what became of them."""
    last = sent.filter(step=F("enrollment__step"), step__isnull=False)
    for text, status, total in last.values_list("text", "enrollment__status").annotate(total=Count("pk")):
        yield Key(AT, text or DELETED, status), total


def of_lost(sent) -> Iterator[tuple[Key, int]]:
    lost = sent.filter(status__in=Message.LOST, sent_again=None, step__isnull=False)
    for text, total in lost.values_list("text").annotate(total=Count("pk")):
        yield Key(LOST, text or DELETED), total


def of_questions(questions) -> Iterator[tuple[Key, int]]:
    kind = Case(
        When(answered_at__isnull=False, then=Value(CHOSEN)),
        When(step__lt=F("enrollment__step"), then=Value(SILENT)),
        When(enrollment__status__in=Enrollment.LIVE, then=Value(OPEN)),
        default=Value(LEFT),
        output_field=CharField(),
    )
    rows = questions.annotate(kind=kind).values_list("kind", "text", "choice").annotate(total=Count("pk"))
    for kind, text, choice, total in rows:
        yield Key(kind, text, choice), total


def joined_by_day(story: int, since: datetime | None = None, until: datetime | None = None) -> Counter[date]:
    """Return how many joined on each day of the newsroom's calendar."""
    passages = Enrollment.objects.filter(joined(story, since, until)).order_by()
    day = TruncDate("created_at", tzinfo=settings.NEWSROOM_ZONE)
    return Counter(dict(passages.annotate(day=day).values_list("day").annotate(total=Count("pk"))))
