"""Rehearsals: a story goes to the own phone of who writes it, by the way that texts go to readers."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from stories.models import Story
from stories.pacing import gaps, pace_of, shortened
from stories.quiet import quiet_hours_of
from stories.timeline import timeline
from textengine.database import retried_at_once, write_rows

from .models import Enrollment, Message, Subscriber
from .scheduling import schedule

logger = logging.getLogger(__name__)


class OptedOut(Exception):
    """This phone has texted STOP: nothing is sent to it."""


def rehearsals_on(phone: Subscriber, story: Story) -> QuerySet[Enrollment]:
    """Return the rehearsals of this story on this phone, the newest first."""
    return Enrollment.objects.rehearsals().filter(subscriber=phone, story=story).order_by("-pk")


def true_gaps(story: Story, phone: Subscriber, start: datetime, keeps_quiet: bool) -> list[timedelta]:
    """Return the waits of this story as it is saved, for a reader with this phone who starts at that moment.

    A rehearsal at true speed does not keep its quiet hours: whoever asked for it wants it now.
    """
    texts = story.texts.order_by("position")
    return gaps(timeline(texts, start, phone.zone, quiet_hours_of(story.quiet) if keeps_quiet else None), start)


class Forgotten(Exception):
    """This phone is nobody's any more: it asked to be forgotten at this moment, or was removed."""


@retried_at_once
def start(story: Story, phone: Subscriber, total: timedelta | None, now: datetime) -> timedelta:
    """Begin a rehearsal that takes about `total`, or its true time where that is None; return what it will take.

    One that is on its way to this phone is replaced. Raises OptedOut and Forgotten.
    """
    # A STOP or a FORGET at this moment comes before or after, but not in between.
    found = Subscriber.objects.locked().filter(pk=phone.pk, forgotten_at=None).first()
    if found is None:
        raise Forgotten
    if found.opted_out_at:
        raise OptedOut
    stop(rehearsals_on(phone, story), now, "begun anew")
    waits = true_gaps(story, phone, now, keeps_quiet=True)
    pace = 1.0 if total is None else pace_of(waits, total)
    if pace == 1:
        waits = true_gaps(story, phone, now, keeps_quiet=False)
    rehearsal = Enrollment.objects.create(subscriber=phone, story=story, pace=pace, created_at=now)
    schedule([rehearsal], now)
    logger.info("rehearsal.started id=%s story=%s pace=%s", rehearsal.pk, story.pk, pace)
    return sum((shortened(wait, pace) for wait in waits), timedelta(0))


@transaction.atomic
def stop(rehearsals: QuerySet[Enrollment], now: datetime, reason: str = "") -> int:
    """End those of these rehearsals that are on their way; return how many there were."""
    live = list(rehearsals.rehearsals().live().locked())
    for rehearsal in live:
        rehearsal.end(Enrollment.Status.STOPPED, now, reason)
    write_rows(live, ["status", "ended_at", "reason"])
    Message.objects.filter(enrollment__in=live).cancel()
    return len(live)
