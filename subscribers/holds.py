"""Letting go of the newsroom's brake. Putting it on is a row; keeping back what is due is dispatch's business."""

from datetime import datetime

from django.db import transaction

from .models import Hold, Message


def release(hold: Hold, now: datetime) -> int:
    """Take this hold off; return how many held messages may go out again, all at once where they are due.

    A message that another active hold covers stays held. One that is already released changes nothing.
    """
    with transaction.atomic():
        # All of them, so that of two that are released at the same moment the second sees the first gone.
        list(Hold.objects.active().locked())
        if not Hold.objects.active().filter(pk=hold.pk).update(released_at=now):
            return 0
        hold.released_at = now
        still = set(Hold.objects.active().values_list("story", flat=True))
        if None in still:
            return 0
        held = Message.objects.filter(status=Message.Status.HELD).exclude(enrollment__story__in=still)
        return held.update(status=Message.Status.SCHEDULED)
