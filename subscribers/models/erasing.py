"""What is left of who asked to be forgotten: messages that the carrier still has, and that a number had opted out."""

from datetime import datetime
from typing import Self

from django.db import models
from django.utils import timezone

from .locking import LockedQuerySet


class ErasureQuerySet(LockedQuerySet):
    def due(self, now: datetime) -> Self:
        return self.filter(done_at=None, due_at__lte=now)


class Erasure(models.Model):
    """A message that the carrier is to forget, or only its words and pictures.

    Once it has, it is kept for a day: a text that comes twice acts once.
    """

    sid = models.CharField("SID", max_length=34, unique=True)
    only_words = models.BooleanField(default=False, db_default=False)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True)

    objects = ErasureQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(done_at=None), name="erasure_due"),
        ]

    def __str__(self):
        return f"Erasure of {self.sid}"


class StoppedNumber(models.Model):
    """That a number which was erased had opted out. Nobody reads the number from it who does not know the number."""

    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self):
        return f"A number that had opted out ({self.digest[:8]})"
