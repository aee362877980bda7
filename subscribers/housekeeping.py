"""What is swept away once a day: the words of messages past their retention, and what is kept of failed tasks."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django_q.models import Task

from .erasing import redact_messages
from .models import Enrollment, Erasure, Message, Question, Remark

logger = logging.getLogger(__name__)

# How long a failed task is kept for whoever looks into it.
FAILED_TASKS_KEPT = timedelta(days=30)
# How long we know that a message was erased: the carrier tries its webhook again within minutes.
ERASURES_KEPT = timedelta(days=1)
# So many rows are emptied in one transaction, so that nobody waits long for a lock.
SWEEP_BATCH = 1000
# A reader's passage that was stopped may go on one day; a rehearsal does not.
OVER = Q(enrollment__status__in=[Enrollment.Status.COMPLETED, Enrollment.Status.FAILED]) | Q(
    enrollment__status=Enrollment.Status.STOPPED, enrollment__pace__isnull=False
)


def sweep(now: datetime, after: int = 0) -> int | None:
    """Clear away a batch of what is past its time, of messages those after the id `after`; return the next `after`.

    None when all was looked at. What was answered stays, as far as the story named it; what a reader said in other
    words does not.
    """
    Task.objects.filter(stopped__lt=now - FAILED_TASKS_KEPT).delete()
    Erasure.objects.filter(done_at__lt=now - ERASURES_KEPT).delete()
    if settings.MESSAGE_RETENTION is None:
        return None
    before = now - settings.MESSAGE_RETENTION
    Question.objects.kept().filter(OVER, enrollment__ended_at__lt=before).update(words="")
    with transaction.atomic():
        ids = list(finished(before).filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:SWEEP_BATCH])
        # Notes may say the same again.
        Remark.objects.filter(pk__in=ids).delete()
        redact_messages(Message.objects.filter(pk__in=ids), now)
    if ids:
        logger.info("messages.redacted count=%s", len(ids))
    return ids[-1] if len(ids) == SWEEP_BATCH else None


def finished(before: datetime) -> QuerySet[Message]:
    """Return messages older than that, with words, which nobody waits for: their passage, if any, is over since then.

    A reader's that was stopped may go on one day, and may then ask for the last text again.
    """
    waiting = [Message.Status.SCHEDULED, Message.Status.HELD, Message.Status.SENDING]
    return Message.objects.filter(
        Q(enrollment=None) | OVER & Q(enrollment__ended_at__lt=before),
        # One that was tried once more has words again.
        Q(redacted_at=None) | ~Q(body=""),
        created_at__lt=before,
    ).exclude(status__in=waiting)
