"""What the newsroom sends after a text that was wrong, and to whom."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from stories.models import BODY_MAX_LENGTH, Story, StoryText

from .locking import LockedQuerySet
from .messages import Message
from .readers import Subscriber


class CorrectionQuerySet(LockedQuerySet):
    def going(self) -> Self:
        return self.filter(status=Correction.Status.GOING)


class Correction(models.Model):
    """A one-off text to those who had received one text of a story, or one wording of it, until a moment."""

    class Status(models.TextChoices):
        GOING = "going", "Being written to its readers"
        WRITTEN = "written", "Written to all its readers"
        STOPPED = "stopped", "Stopped"
        DELETED = "deleted", "Ended: its text was deleted, and who else had that is not known any more"

    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="corrections")
    text = models.ForeignKey(StoryText, on_delete=models.SET_NULL, null=True, related_name="+")
    place = models.PositiveIntegerField("text", help_text="Which text of the story it was.")
    wording = models.TextField(blank=True, help_text="Only who had it in these words; empty: whoever had it.")
    until = models.DateTimeField(help_text="Who got the text later is left out.")
    body = models.TextField("correction", max_length=BODY_MAX_LENGTH)
    status = models.CharField(max_length=7, choices=Status, default=Status.GOING)
    reached = models.BigIntegerField(default=0, help_text="The id of the last subscriber who was looked at.")
    written = models.PositiveIntegerField(default=0, help_text="To how many readers it was written.")
    readers = models.PositiveIntegerField(help_text="How many there were when it was confirmed.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField("sent", default=timezone.now)
    ended_at = models.DateTimeField("ended", null=True, blank=True)

    objects = CorrectionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            # Of one preview comes one correction, however often it is confirmed.
            models.UniqueConstraint(fields=["story", "place", "until"], name="one_correction_per_preview"),
            models.CheckConstraint(
                condition=Q(status__in=["going", "written", "stopped", "deleted"]), name="correction_status_is_known"
            ),
        ]

    def __str__(self):
        return f"Correction of text {self.place} of {self.story}"


class Recipient(models.Model):
    """That a correction was written to this reader: once, by constraint."""

    correction = models.ForeignKey(Correction, on_delete=models.CASCADE, related_name="recipients")
    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="+")
    # A message that is past its retention goes; that there was one stays.
    message = models.OneToOneField(Message, on_delete=models.SET_NULL, null=True, related_name="correction")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["correction", "subscriber"], name="one_correction_per_reader"),
        ]

    def __str__(self):
        return f"Recipient {self.pk}"
