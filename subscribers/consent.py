"""Who may be texted: opting out ends everything at once, opting in lets interrupted stories go on."""

import logging
from datetime import datetime

from django.db import transaction

from textengine.database import write_rows

from .models import Enrollment, Message, Subscriber, masked
from .scheduling import schedule

logger = logging.getLogger(__name__)


def opt_out(subscriber: Subscriber, now: datetime, reason: str) -> None:
    """End all that this reader would still get. From this commit on nothing goes out that had not begun."""
    with transaction.atomic():
        Subscriber.objects.locked().get(pk=subscriber.pk)
        Subscriber.objects.filter(pk=subscriber.pk, opted_out_at=None).update(opted_out_at=now)
        live = list(Enrollment.objects.filter(subscriber=subscriber).live().locked())
        for enrollment in live:
            enrollment.end(Enrollment.Status.STOPPED, now, reason)
        write_rows(live, ["status", "ended_at", "reason"])
        Message.objects.filter(subscriber=subscriber).cancel()
    logger.info("subscriber.opted_out id=%s number=%s", subscriber.pk, masked(subscriber.phone_number))


def opt_in(subscriber: Subscriber, now: datetime) -> None:
    """Take back an opt-out; the stories that it ended go on where they were. Rehearsals are over."""
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
        for enrollment in ended:
            enrollment.resume()
        write_rows(ended, ["status", "ended_at", "reason"])
        schedule(ended, now)
    logger.info("subscriber.opted_in id=%s number=%s", subscriber.pk, masked(subscriber.phone_number))
