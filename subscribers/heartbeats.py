"""That a cluster is alive, as it tells whoever looks."""

from datetime import datetime, timedelta

from textengine.database import retried_alone

from .claiming import owner
from .models import Heartbeat

# How long a cluster that is gone is known.
GONE_KEPT = timedelta(days=7)


@retried_alone
def beat(now: datetime) -> None:
    """Say that this process's cluster is alive; the first time, forget those that are gone since long ago.

    A cluster of the same name that fell silent was another one: processes in containers get the same numbers again.
    """
    if not Heartbeat.objects.filter(cluster=owner()).alive(now).update(seen_at=now):
        Heartbeat.objects.filter(seen_at__lt=now - GONE_KEPT).delete()
        Heartbeat.objects.update_or_create(cluster=owner(), defaults={"started_at": now, "seen_at": now})
