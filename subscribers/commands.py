"""What readers can ask for while they read: to pause and to go on, the last text once more, and how far they are.

Nothing here knows of rehearsals, which are not read.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.utils.formats import date_format

from textengine.database import write_rows

from . import replies
from .models import Enrollment, Message, Question
from .progress import progress_of, with_progress
from .scheduling import schedule
from .wording import Kind, filled


def pause(subscriber: int, number: str, zone: ZoneInfo, now: datetime) -> None:
    """Let all that this reader reads wait until they say so; what is already at the carrier still comes."""
    active = change(subscriber, Enrollment.Status.ACTIVE, Enrollment.Status.PAUSED)
    reminders = Question.objects.filter(enrollment__in=active).exclude(reminder=None).values("reminder")
    Message.objects.filter(Q(step__isnull=False) | Q(pk__in=reminders), enrollment__in=active).cancel()
    paused = list(passages(subscriber).filter(status=Enrollment.Status.PAUSED).select_related("story"))
    if paused:
        tell(subscriber, number, Kind.PAUSED, paused, now)
    else:
        where(subscriber, number, None, zone, now)


def resume(subscriber: int, number: str, zone: ZoneInfo, now: datetime) -> None:
    """Let what this reader has paused go on; a text whose moment has passed meanwhile comes now."""
    paused = change(subscriber, Enrollment.Status.PAUSED, Enrollment.Status.ACTIVE)
    schedule(paused, now)
    if paused:
        tell(subscriber, number, Kind.RESUMED, paused, now)
        follow_answer(subscriber, now)
    else:
        where(subscriber, number, None, zone, now)


def follow_answer(subscriber: int, now: datetime) -> None:
    """Let what this reader has been told come ahead of the texts that were due before it."""
    after = now + replies.AHEAD
    due = Message.objects.story_texts().filter(status=Message.Status.SCHEDULED, due_at__lt=after)
    due.filter(subscriber=subscriber).update(due_at=after)


def change(subscriber: int, before: Enrollment.Status, after: Enrollment.Status) -> list[Enrollment]:
    found = list(passages(subscriber).filter(status=before).select_related("story").locked())
    for enrollment in found:
        enrollment.status = after
    write_rows(found, ["status"])
    return found


def passages(subscriber: int) -> QuerySet[Enrollment]:
    return Enrollment.objects.readers().filter(subscriber=subscriber)


def tell(subscriber: int, number: str, kind: Kind, enrollments: list[Enrollment], now: datetime) -> None:
    """Say something about these passages."""
    titles = ", ".join(enrollment.story.title for enrollment in enrollments)
    replies.answer(subscriber, number, kind, now, {"story": titles})


def again(subscriber: int, number: str, zone: ZoneInfo, now: datetime) -> None:
    """Send the last text that this reader had once more, as it was sent; without one, say where they are."""
    had = Message.objects.story_texts().filter(enrollment__in=passages(subscriber)).exclude(sent_at=None)
    last = had.order_by("-sent_at", "-pk").first()
    if last and not last.redacted_at:
        replies.say(subscriber, number, Message.AGAIN, last.body, now, last.media_urls, last.story_id)
    else:
        where(subscriber, number, None, zone, now)


def where(subscriber: int, number: str, story: int | None, zone: ZoneInfo, now: datetime) -> None:
    """Say how far this reader is in each story, or in that one, and when the next text comes."""
    live = with_progress(passages(subscriber).live()).order_by("pk")
    places = list(live.filter(story=story) if story else live)
    lines = [line(enrollment, zone, now) for enrollment in places]
    if places:
        replies.say(subscriber, number, Kind.WHERE, "\n".join(filter(None, lines)), now)
    else:
        replies.answer(subscriber, number, Kind.NOTHING, now)


WHERE_KINDS = {Enrollment.Status.PAUSED: Kind.WHERE_PAUSED, Enrollment.Status.WAITING: Kind.IN_LINE}


def line(enrollment: Enrollment, zone: ZoneInfo, now: datetime) -> str:
    progress = progress_of(enrollment)
    upcoming = progress.upcoming.due_at if progress.upcoming else None
    values = {
        "story": enrollment.story.title,
        "sent": str(progress.sent),
        "total": progress.whole,
        "next": clock(max(upcoming or now, now).astimezone(zone), now.astimezone(zone)),
    }
    kind = WHERE_KINDS.get(enrollment.status, Kind.WHERE_ASKED if progress.at_question else Kind.WHERE)
    return filled(replies.words(kind, enrollment.subscriber_id), values)


def clock(moment: datetime, now: datetime) -> str:
    """Return a moment by the reader's clock, with its day if that is another one; both are in the reader's zone."""
    return date_format(moment, "H:i" if moment.date() == now.date() else "j F, H:i")
