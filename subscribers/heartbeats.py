"""That a cluster is alive, as it tells whoever looks."""

from datetime import datetime, timedelta

from textengine.database import retried_alone

from .claiming import owner
from .models import Heartbeat

# How long a cluster that is gone is known.
GONE_KEPT = timedelta(days=7)


@retried_alone
def begin(now: datetime) -> None:
    """Say that this process's cluster has started; forget those of long ago."""
    Heartbeat.objects.filter(seen_at__lt=now - GONE_KEPT).delete()
    Heartbeat.objects.update_or_create(cluster=owner(), defaults={"started_at": now, "seen_at": now})


def beat(now: datetime) -> None:
    """Say that it is still alive."""
    if not Heartbeat.objects.filter(cluster=owner()).update(seen_at=now):
        begin(now)
