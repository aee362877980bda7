"""What people asked to have as a file, where it is too much to be given at once."""

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.core.files.storage import storages
from django.db import models

from stories.models import Story

# How long a file is kept once it is there.
KEPT = timedelta(days=1)
# An export that has not moved for so long is one whose process was killed.
SILENT = timedelta(minutes=2)


class ExportQuerySet(models.QuerySet):
    def over(self, now: datetime) -> Self:
        """Those whose time is past: their files go, and then they."""
        return self.filter(created_at__lt=now - KEPT)


class Export(models.Model):
    """One file of readers, messages or funnels, made in the background; `number` of rows `done` of `total`."""

    class What(models.TextChoices):
        READERS = "readers", "Readers"
        MESSAGES = "messages", "Messages"
        FUNNEL = "funnel", "How far readers come"

    class Suffix(models.TextChoices):
        CSV = "csv", "CSV (text, for any program)"
        XLSX = "xlsx", "XLSX (Excel)"

    class Status(models.TextChoices):
        WAITING = "waiting", "Waits for its turn"
        RUNNING = "running", "Being made"
        READY = "ready", "Ready"
        FAILED = "failed", "Could not be made"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    what = models.CharField(max_length=8, choices=What)
    suffix = models.CharField("format", max_length=4, choices=Suffix, default=Suffix.CSV)
    story = models.ForeignKey(Story, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    since = models.DateField("from", null=True, blank=True)
    until = models.DateField("to", null=True, blank=True)
    whole_numbers = models.BooleanField(default=False)
    status = models.CharField(max_length=7, choices=Status, default=Status.WAITING)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    file = models.CharField(max_length=100, blank=True, help_text="Its name in the storage, which nobody can guess.")
    created_at = models.DateTimeField()
    touched_at = models.DateTimeField(null=True)

    objects = ExportQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        default_permissions = ["view"]

    def __str__(self):
        return f"{self.get_what_display()} as {self.suffix.upper()}"

    @property
    def filename(self) -> str:
        story = f"-{self.story.slug}" if self.story else ""
        return f"{self.what}{story}-{self.created_at:%Y-%m-%d}.{self.suffix}"

    def is_stuck(self, now: datetime) -> bool:
        return self.status == self.Status.RUNNING and self.touched_at < now - SILENT

    def drop_file(self) -> None:
        if self.file:
            storages["exports"].delete(self.file)
