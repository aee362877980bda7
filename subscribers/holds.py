"""The newsroom's brake: keeping back what it covers, and letting go. Putting it on is a row."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from .models import Hold, Message

# How many messages are put aside at once; the rest follows at the next poll.
HOLD_BACK_LIMIT = 1000
# After so long nobody waits for an answer any more.
ANSWERS_KEPT = timedelta(hours=1)


def hold_back(messages: QuerySet[Message]) -> None:
    """Put those of these messages that the brake covers aside as `held`, until it is released.

    The active holds are locked, so that one that is being released does not leave a message held behind it.
    """
    held_stories = {hold.story_id for hold in Hold.objects.active().locked()}
    if None not in held_stories:
        messages = messages.filter(story__in=held_stories)
    if held_stories:
        ids = list(messages.locked().values_list("pk", flat=True)[:HOLD_BACK_LIMIT])
        Message.objects.filter(pk__in=ids).update(status=Message.Status.HELD, lease=None, lease_until=None)


def release(hold: Hold, now: datetime) -> int:
    """Take this hold off; return how many held messages may go out again, all at once where they are due.

    A message that another active hold covers stays held, and an old answer stays unsaid. One that is already released
    changes nothing.
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
        held = Message.objects.filter(status=Message.Status.HELD).exclude(story__in=still)
        held.filter(created_at__lt=now - ANSWERS_KEPT).exclude(automatic="").exclude(automatic=Message.CLOSING).cancel()
        return held.update(status=Message.Status.SCHEDULED)
