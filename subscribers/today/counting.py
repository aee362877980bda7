"""The figures of the last and the next hour and day, counted from the rows: each by an index, within its time.

Counts are rows of plain values, so that they can be kept as JSON: of each a story's id (None: of no story), what is
told apart, how many in the hour, and how many in the day.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, DurationField, ExpressionWrapper, F, Max, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from ..models import Enrollment, Message
from ..models.messages import MOMENT

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATENESS = ExpressionWrapper(F("sent_at") - F("due_at"), DurationField())

Counts = dict[str, list[list[Any]]]


def count(now: datetime) -> Counts:
    """Count everything, as it was at `now`."""
    return {
        "due": rows(due(now), "due_at", now, ["story"], ahead=True),
        "sent": rows(sent(now - DAY, now), "sent_at", now, ["story", "status"]),
        "lost": lost_by_reason(now),
        "late": [lateness(sent(now - HOUR, now)), lateness(sent(now - DAY, now))],
        "joined": rows(joined(now), "created_at", now, ["story"]),
        "ended": rows(ended(now), "ended_at", now, ["story", "status"]),
        "reading": [list(row) for row in reading().order_by().values_list("story").annotate(Count("pk"))],
    }


def due(now: datetime) -> QuerySet[Message]:
    return Message.objects.filter(status=Message.Status.SCHEDULED, due_at__gt=now, due_at__lte=now + DAY)


def sent(after: datetime, now: datetime) -> QuerySet[Message]:
    """Return what the carrier accepted since `after`. What was sent is in the list of messages by that moment."""
    return moved(after, now).filter(direction=Message.Direction.OUTBOUND, sent_at__isnull=False)


def lost(now: datetime) -> QuerySet[Message]:
    """Return what was sent, or was to be sent, in the last day, and did not reach its phone."""
    return moved(now - DAY, now).filter(status__in=Message.LOST)


def moved(after: datetime, now: datetime) -> QuerySet[Message]:
    return Message.objects.alias(moment=MOMENT).filter(moment__gt=after, moment__lte=now)


def joined(now: datetime) -> QuerySet[Enrollment]:
    return Enrollment.objects.readers().filter(created_at__gt=now - DAY, created_at__lte=now)


def ended(now: datetime) -> QuerySet[Enrollment]:
    return Enrollment.objects.readers().filter(ended_at__gt=now - DAY, ended_at__lte=now)


def reading() -> QuerySet[Enrollment]:
    return Enrollment.objects.readers().filter(status=Enrollment.Status.ACTIVE)


def rows(found: QuerySet, moment: str, now: datetime, names: list[str], ahead: bool = False) -> list[list[Any]]:
    hour = Q(**{f"{moment}__lte": now + HOUR} if ahead else {f"{moment}__gt": now - HOUR})
    counted = found.order_by().values_list(*names).annotate(hour=Count("pk", filter=hour), day=Count("pk"))
    return [list(row) for row in counted]


def lost_by_reason(now: datetime) -> list[list[Any]]:
    """Return of each also its status, the carrier's error code, and what was said where there is none."""
    hour = Q(moment__gt=now - HOUR)
    counted = (
        lost(now)
        .order_by()
        .values_list("story", "status", "error_code")
        .annotate(words=Max("reason"), hour=Count("pk", filter=hour), day=Count("pk"))
    )
    return [list(row) for row in counted]


def lateness(messages: QuerySet[Message]) -> list[float]:
    """Return the median and the 99th percentile of how late these were, in seconds; nothing where there are none.

    Both are texts' own lateness, which so large a part of all do not exceed; the database sorts them once.
    """
    ranked = messages.filter(due_at__isnull=False).annotate(
        late=LATENESS, place=Window(RowNumber(), order_by=LATENESS.asc()), total=Window(Count("pk"))
    )
    median, most = (F("total") + 1) / 2, (F("total") * 99 + 99) / 100
    found = list(ranked.filter(Q(place=median) | Q(place=most)).order_by("place").values_list("late", flat=True))
    return [max(late.total_seconds(), 0) for late in (found[0], found[-1])] if found else []
