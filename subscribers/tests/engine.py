"""The engine by hand, for tests: what the cluster does, one step at a time, against the real sandbox."""

from datetime import datetime
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Least
from django.utils import timezone
from django_q.models import OrmQ

from subscribers import claiming, dispatch, recovery
from subscribers.models import Message


def claimed(now: datetime | None = None) -> list[tuple[str, list[int], UUID]]:
    """Claim what is due at `now`; return the tasks that came of it: the function's name, message ids, lease."""
    OrmQ.objects.all().delete()
    claiming.claim(now or timezone.now())
    tasks = [row.task for row in OrmQ.objects.order_by("pk")]
    return [(task["func"].rpartition(".")[2], task["args"][0], UUID(task["args"][1])) for task in tasks]


def work(now: datetime | None = None) -> int:
    """Do once what a poll of the cluster at `now` leads to; return how many tasks there were."""
    tasks = claimed(now)
    for function, ids, lease in tasks:
        if function == "send":
            if now:
                # Whoever sends waits, by the real clock, until a message is due.
                Message.objects.filter(pk__in=ids).update(due_at=Least(F("due_at"), timezone.now()))
            dispatch.send(ids, lease)
        elif function == "ask":
            recovery.ask(ids, lease, timezone.now())
        else:
            recovery.recover(ids, lease, timezone.now())
    return len(tasks)
