"""Who may be texted: opting out ends everything at once, opting in lets interrupted stories go on."""

import logging
from datetime import datetime

from django.conf import settings
from django.db import transaction

from textengine.database import write_rows

from . import metrics
from .erasing import digest
from .models import Enrollment, Message, StoppedNumber, Subscriber, SystemText, masked
from .scheduling import schedule

logger = logging.getLogger(__name__)


def opt_out(subscriber: Subscriber, now: datetime, reason: str) -> None:
    """End all that this reader would still get. From this commit on nothing goes out that had not begun."""
    with transaction.atomic():
        Subscriber.objects.locked().get(pk=subscriber.pk)
        if Subscriber.objects.filter(pk=subscriber.pk, opted_out_at=None).update(opted_out_at=now):
            transaction.on_commit(metrics.count_opt_out)
        live = list(Enrollment.objects.filter(subscriber=subscriber).live().locked())
        for enrollment in live:
            enrollment.end(Enrollment.Status.STOPPED, now, reason)
        write_rows(live, ["status", "ended_at", "reason", "was_paused"])
        Message.objects.filter(subscriber=subscriber).exclude(automatic=SystemText.Kind.STOPPED).cancel()
    logger.info("subscriber.opted_out id=%s number=%s", subscriber.pk, masked(subscriber.phone_number))


def opt_in(subscriber: Subscriber, now: datetime) -> None:
    """Take back an opt-out; the stories that it ended are as they were before. Rehearsals are over."""
    with transaction.atomic():
        locked = Subscriber.objects.locked().get(pk=subscriber.pk)
        if locked.opted_out_at is None:
            return
        ended = list(
            Enrollment.objects.readers()
            .filter(subscriber=subscriber, status=Enrollment.Status.STOPPED, ended_at__gte=locked.opted_out_at)
            .locked()
        )
        locked.opted_out_at = None
        locked.save(update_fields=["opted_out_at"])
        StoppedNumber.objects.filter(digest=digest(str(locked.phone_number))).delete()
        for place, enrollment in enumerate(ended):
            enrollment.take_back_end()
            if settings.MAX_STORIES_AT_ONCE and place >= settings.MAX_STORIES_AT_ONCE:
                enrollment.status = Enrollment.Status.WAITING
        write_rows(ended, ["status", "ended_at", "reason", "was_paused"])
        schedule([enrollment for enrollment in ended if enrollment.status == Enrollment.Status.ACTIVE], now)
    logger.info("subscriber.opted_in id=%s number=%s", subscriber.pk, masked(subscriber.phone_number))
