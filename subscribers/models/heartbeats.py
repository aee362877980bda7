"""Which clusters are alive: each says so now and then, on a row of its own."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models

# How often a cluster says that it is alive, and after how long a silence it is taken for gone. Between two polls lies
# as much time as a task may take, where all workers wait for the carrier.
BEAT = timedelta(seconds=10)
SILENT = timedelta(minutes=1)


class HeartbeatQuerySet(models.QuerySet):
    def alive(self, now: datetime) -> Self:
        return self.filter(seen_at__gte=now - SILENT)


class Heartbeat(models.Model):
    """One cluster, from its start to when it was last heard of."""

    cluster = models.CharField(max_length=80, primary_key=True, help_text="Its machine and its process group.")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    objects = HeartbeatQuerySet.as_manager()

    class Meta:
        ordering = ["-seen_at"]

    def __str__(self):
        return self.cluster
