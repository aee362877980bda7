"""What follows when a passage has ended: the story's closing text, and the story that the reader has waited for.

Nothing follows a rehearsal, and it leaves no room to a story that waits.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from textengine.database import retried_patiently, write_rows

from . import replies
from .models import Enrollment, Message, Subscriber
from .scheduling import schedule
from .starting import NO_LIMIT
from .wording import filled

# How long after a story's last text its closing text comes, so that the end has its moment.
CLOSING_AFTER = timedelta(minutes=1)
# Of so many readers the stories that wait in line begin in one transaction.
BEGIN_BATCH = 500


@retried_patiently
def follow_end(enrollments: list[int], now: datetime) -> None:
    """Close these passages that have ended, and let their readers begin what they wait for. Twice does no more."""
    ended = Enrollment.objects.readers().filter(pk__in=enrollments)
    readers = Subscriber.objects.filter(pk__in=ended.values("subscriber"), opted_out_at=None)
    subscribers = [subscriber.pk for subscriber in readers.locked()]
    completed = ended.filter(subscriber__in=subscribers, status=Enrollment.Status.COMPLETED).exclude(story__closing="")
    for enrollment in completed.exclude(messages__automatic=Message.CLOSING).select_related("story"):
        close(enrollment, now)
    if settings.MAX_STORIES_AT_ONCE:
        begin_waiting(subscribers, now)


def close(enrollment: Enrollment, now: datetime) -> None:
    """Schedule the closing text of a story that this reader has read."""
    story = enrollment.story
    offers = replies.offers(enrollment.subscriber_id, enrollment.number) if "{offers}" in story.closing else ""
    Message.objects.create(
        direction=Message.Direction.OUTBOUND,
        status=Message.Status.SCHEDULED,
        subscriber_id=enrollment.subscriber_id,
        number=enrollment.number,
        enrollment=enrollment,
        story=story,
        automatic=Message.CLOSING,
        body=filled(story.closing, {"story": story.title, "offers": offers}),
        due_at=now + CLOSING_AFTER,
    )


@retried_patiently
def begin_with_room(now: datetime) -> bool:
    """Let stories begin that wait in line though there is room; return whether there may be more.

    Room comes without an end, too, as when MAX_STORIES_AT_ONCE is raised or taken away.
    """
    found = list(with_room().values_list("subscriber", flat=True).distinct()[:BEGIN_BATCH])
    readers = Subscriber.objects.filter(pk__in=found, opted_out_at=None)
    begin_waiting([subscriber.pk for subscriber in readers.locked()], now)
    return len(found) == BEGIN_BATCH


def with_room() -> QuerySet[Enrollment]:
    """What waits in line of readers who read less than they may."""
    passages = Enrollment.objects.readers()
    waiting = passages.filter(status=Enrollment.Status.WAITING, subscriber__opted_out_at=None)
    reading = passages.filter(
        subscriber=OuterRef("subscriber"), status__in=[Enrollment.Status.ACTIVE, Enrollment.Status.PAUSED]
    )
    count = reading.order_by().values("subscriber").annotate(count=Count("pk")).values("count")
    return waiting.order_by().alias(reading=Coalesce(Subquery(count), 0)).filter(reading__lt=most_at_once())


def most_at_once() -> int:
    return settings.MAX_STORIES_AT_ONCE or NO_LIMIT


def begin_waiting(subscribers: list[int], now: datetime) -> None:
    """Let as many stories that wait in line begin as these readers, who are locked, have room for."""
    begun = []
    for live in live_by_reader(subscribers).values():
        waiting = [enrollment for enrollment in live if enrollment.status == Enrollment.Status.WAITING]
        room = most_at_once() - (len(live) - len(waiting))
        begun += waiting[: max(room, 0)]
    for enrollment in begun:
        enrollment.begin(now)
    write_rows(begun, ["status", "created_at"])
    schedule(begun, now)


def live_by_reader(subscribers: list[int]) -> dict[int, list[Enrollment]]:
    found: dict[int, list[Enrollment]] = {}
    for enrollment in Enrollment.objects.readers().filter(subscriber__in=subscribers).live().locked():
        found.setdefault(enrollment.subscriber_id, []).append(enrollment)
    return found
