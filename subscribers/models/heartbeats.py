"""Which clusters are alive: each says so now and then, on a row of its own."""

from datetime import datetime, timedelta

from django.db import models

# How often a cluster says that it is alive, and after how long a silence it is taken for gone.
BEAT = timedelta(seconds=10)
SILENT = timedelta(seconds=40)


class Heartbeat(models.Model):
    """One cluster, from its start to when it was last heard of."""

    cluster = models.CharField(max_length=80, primary_key=True, help_text="Its machine and its process group.")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["-seen_at"]

    def __str__(self):
        return self.cluster

    def is_alive(self, now: datetime) -> bool:
        return self.seen_at >= now - SILENT
