"""What is swept away once a day: messages past their retention, and what the cluster has kept of failed tasks."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django_q.models import Task

from .models import Enrollment, Erasure, Message, Question, Remark

logger = logging.getLogger(__name__)

# How long a failed task is kept for whoever looks into it.
FAILED_TASKS_KEPT = timedelta(days=30)
# How long we know that a message was erased: the carrier tries its webhook again within minutes.
ERASURES_KEPT = timedelta(days=1)
# So many rows are deleted in one transaction, so that nobody waits long for a lock.
SWEEP_BATCH = 1000
# A reader's passage that was stopped may go on one day; a rehearsal does not.
OVER = Q(enrollment__status__in=[Enrollment.Status.COMPLETED, Enrollment.Status.FAILED]) | Q(
    enrollment__status=Enrollment.Status.STOPPED, enrollment__pace__isnull=False
)


def sweep(now: datetime) -> bool:
    """Delete a batch of what is past its time; return whether there may be more.

    What was answered stays, as far as the story named it; what a reader said in other words does not.
    """
    Task.objects.filter(stopped__lt=now - FAILED_TASKS_KEPT).delete()
    Erasure.objects.filter(done_at__lt=now - ERASURES_KEPT).delete()
    if settings.MESSAGE_RETENTION is None:
        return False
    before = now - settings.MESSAGE_RETENTION
    Question.objects.kept().filter(OVER, enrollment__ended_at__lt=before).update(words="")
    with transaction.atomic():
        ids = list(finished(before).values_list("pk", flat=True)[:SWEEP_BATCH])
        Remark.objects.filter(pk__in=ids).delete()
        Message.objects.filter(pk__in=ids).delete()
    if ids:
        logger.info("messages.swept count=%s", len(ids))
    return len(ids) == SWEEP_BATCH


def finished(before: datetime) -> QuerySet[Message]:
    """Return messages older than that which nobody waits for: their passage, if they have one, is over since then.

    Enrollments stay, and with them how far each reader got. A reader's that was stopped may go on one day, and
    then has to know what was read.
    """
    waiting = [Message.Status.SCHEDULED, Message.Status.HELD, Message.Status.SENDING]
    return Message.objects.filter(
        Q(enrollment=None) | OVER & Q(enrollment__ended_at__lt=before), created_at__lt=before
    ).exclude(status__in=waiting)
