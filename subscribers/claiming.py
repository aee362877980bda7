"""From due messages to tasks: what may be sent is claimed under a lease, and each task gets a part of it."""

import os
import random
from datetime import datetime, timedelta
from itertools import zip_longest
from socket import gethostname
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django_q.tasks import async_task

from stories.models import Story
from textengine.database import run_sql

from .holds import hold_back
from .models import Hold, Message
from .models.messages import LEASE_MAX
from .nights import Candidate, candidates_of, let_sleep
from .rates import Rates

# How far a poll looks ahead: until well after the next one, so that each message is in a worker when it is due.
LOOK_AHEAD = timedelta(seconds=settings.Q_CLUSTER["poll"] + 0.1)
# Longer than a task may run (Q_CLUSTER's timeout), so that a lease never runs out under a living worker.
LEASE = timedelta(seconds=settings.Q_CLUSTER["timeout"] + 5)
# A smaller task would need a worker of its own for as long as a large one; a larger one would keep others waiting.
TASK_MIN, TASK_MAX = 64, 512
# What one poll takes at most: a full task for each worker.
CLAIM_LIMIT = TASK_MAX * settings.Q_CLUSTER["workers"]
# How many stories one poll takes messages of, when there are more due than it may take.
STORIES_AT_ONCE = 32

# Asked at every poll, so that it is written out: building these two queries costs more than running them.
ANYTHING_TO_DO = """
SELECT 1 WHERE EXISTS (SELECT 1 FROM subscribers_message WHERE status = 'scheduled' AND due_at <= %(horizon)s)
    OR EXISTS (SELECT 1 FROM subscribers_message WHERE status = 'sending' AND lease_until < %(now)s)
    OR EXISTS (SELECT 1 FROM subscribers_message WHERE status = 'sending' AND lease_until > %(too_late)s)
"""


def claim(now: datetime, clock_is_steady: bool = True) -> int:
    """Turn messages that are due, or about to be, into tasks; return how many messages were taken.

    While the clock is not known to be steady, no request is taken for one whose lease ran out.

    1. Look, without a lock: an idle poll writes nothing.
    2. Take what the carrier may have, since it was due before a backup was restored: it has to be asked first.
    3. Put what the brake covers aside as `held`.
    4. Give back messages whose lease ran out before their request began.
    5. Take what is due, wakes nobody and has room in its sender's rate, oldest first, and what has to be looked up.
    6. Enqueue tasks in the same transaction, so that neither is ever without the other.
    """
    horizon = now + LOOK_AHEAD
    if not run_sql(ANYTHING_TO_DO, horizon=horizon, now=now, too_late=now + LEASE_MAX):
        return 0
    due, expired = Message.objects.due(horizon), Message.objects.expired(now)
    lease = uuid4()
    with transaction.atomic():
        doubtful = free(in_doubt(due))
        take(doubtful, lease, now)
        hold_back(due)
        never_begun = expired.filter(begun_at=None).order_by("lease_until", "pk")
        Message.objects.filter(pk__in=free(never_begun)).give_back()
        rates = Rates(now, horizon)
        ids = rates.admit(let_sleep(next_of(rates.open(due)), now))
        begun = expired.exclude(begun_at=None) if clock_is_steady else expired.none()
        unknown = free(begun.order_by("lease_until", "pk"))
        take(ids + unknown, lease, now)
        for task, taken in (("ask", doubtful), ("send", ids), ("recover", unknown)):
            for part in parts_of(taken):
                async_task(f"subscribers.tasks.{task}", part, str(lease))
    return len(doubtful) + len(ids) + len(unknown)


def in_doubt(due: QuerySet[Message]) -> QuerySet[Message]:
    """Return those that may have gone out elsewhere since a backup was taken.

    That is what was due when it was restored and, once the copy is released, all that fell due until then: nobody knows
    how long the old installation ran on. What is due later cannot have gone out.
    """
    restored = Hold.objects.last_restored()
    return due.filter(due_at__lte=restored.asks_until).order_by("due_at", "pk") if restored else due.none()


def take(ids: list[int], lease: UUID, now: datetime) -> None:
    if ids:
        Message.objects.filter(pk__in=ids).update(
            status=Message.Status.SENDING, lease=lease, lease_until=now + LEASE, lease_owner=owner()
        )


def owner(group: int | None = None) -> str:
    """Return the name of a cluster, this process's own by default: its machine and its process group."""
    return f"{machine()}:{group or os.getpgrp()}"


def machine() -> str:
    return gethostname()[:60]


def next_of(due: QuerySet[Message]) -> list[Candidate]:
    """Return the messages to send next: the oldest or, with more than one poll may take, some of each story.

    Stories then take turns, so that one with a million readers does not keep the others waiting; what belongs to no
    story, such as an answer, comes before them.
    """
    if not due.order_by("due_at")[CLAIM_LIMIT : CLAIM_LIMIT + 1].exists():
        return free_candidates(due)
    found = free_candidates(due.filter(story=None))
    stories = list(Story.objects.filter(Exists(due.filter(story=OuterRef("pk")))).values_list("pk", flat=True))
    drawn = random.sample(stories, min(len(stories), STORIES_AT_ONCE))
    share = (CLAIM_LIMIT - len(found)) // max(len(drawn), 1)
    shares = [free_candidates(due.filter(story=story), share) for story in drawn]
    found += [candidate for turn in zip_longest(*shares) for candidate in turn if candidate is not None]
    # What some stories leave of their share goes to the oldest of the others.
    rest = due.exclude(pk__in=[candidate.message for candidate in found])
    return found + free_candidates(rest, CLAIM_LIMIT - len(found))


def free(messages: QuerySet[Message], limit: int = CLAIM_LIMIT) -> list[int]:
    """Lock the first of these messages, passing over those that another cluster is taking, and return their ids.

    A statement of its own: as a part of the UPDATE, PostgreSQL may run it more than once, and lock more.
    """
    return list(locked(messages).values_list("pk", flat=True)[:limit])


def free_candidates(due: QuerySet[Message], limit: int = CLAIM_LIMIT) -> list[Candidate]:
    """Do so with messages that are due; return with each what says whether its reader may be asleep."""
    return candidates_of(locked(due.order_by("due_at", "pk"))[:limit])


def locked(messages: QuerySet[Message]) -> QuerySet[Message]:
    return messages.select_for_update(of=("self",), skip_locked=True)


def parts_of(ids: list[int]) -> list[list[int]]:
    """Deal these out to tasks: one while they are few, one for each worker when they are many."""
    size = min(max(-(-len(ids) // settings.Q_CLUSTER["workers"]), TASK_MIN), TASK_MAX)
    count = -(-len(ids) // size)
    return [ids[start::count] for start in range(count)]
