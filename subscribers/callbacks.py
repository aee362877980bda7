"""What the carrier reports of a message that it has: its status, and an error on the way, with what follows from it."""

import logging
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Q

from textengine import traces
from textengine.carrier import Accepted
from textengine.carrier_codes import action_for
from textengine.database import retried_alone, retried_at_once, run_sql

from . import metrics
from .models import Message, Subscriber
from .outcomes import STATUSES, Outcome, follow_error, record

logger = logging.getLogger(__name__)


def receive_callback(sid: str, status: str, error_code: int | None, message_id: int | None, now: datetime) -> bool:
    """Move a message's status forward as the carrier says; return whether the message is known.

    A message whose SID we never learned is known by the id of ours that its callback address carries.
    """
    new = STATUSES.get(status)
    if not error_code:
        if new and move_forward(sid, new, None):
            return True
        # The answer may have been recorded only after that look: then this is a step forward all the same.
        for (known,) in run_sql(KNOWN, sid=sid):
            if new is None or Message.RANKS.get(known, 0) >= Message.RANKS[new]:
                return True
    return settle_callback(sid, new, error_code, message_id, now)


KNOWN = "SELECT status FROM subscribers_message WHERE sid = %(sid)s"
FORWARD = """
UPDATE subscribers_message SET status = %(status)s, error_code = COALESCE(%(error_code)s, error_code)
WHERE sid = %(sid)s AND status IN %(earlier)s RETURNING trace
"""


@retried_at_once
def settle_callback(
    sid: str, status: Message.Status | None, error_code: int | None, message_id: int | None, now: datetime
) -> bool:
    """Do what a callback asks for beyond one step forward: adopt its SID, or follow its error."""
    if error_code:
        # What follows from it may end all that the reader reads.
        named = Message.objects.filter(Q(sid=sid) | Q(pk=message_id))
        list(Subscriber.objects.filter(pk__in=named.values("subscriber")).only("pk").locked())
    if message_id and not Message.objects.filter(sid=sid).exists():
        # Of what it has, it says neither the words nor the segments: those are counted by what was asked for.
        body = Message.objects.filter(pk=message_id).values_list("body", flat=True).first() or ""
        record([Outcome(message_id, now, accepted=Accepted(sid, body, "queued", None, now))])
    message = Message.objects.filter(sid=sid).first()
    if message is None:
        return False
    if status and move_forward(sid, status, error_code) and error_code and status in Message.LOST:
        message.error_code = error_code
        follow_error(message, action_for(error_code), now)
    return True


@retried_alone
def move_forward(sid: str, status: Message.Status, error_code: int | None) -> bool:
    """Set a status that is further along than the present one; return whether it was."""
    earlier = [known for known, rank in Message.RANKS.items() if rank < Message.RANKS[status]]
    if not earlier:
        # Nothing comes before `queued`.
        return False
    moved = run_sql(FORWARD, sid=sid, status=status, error_code=error_code, earlier=earlier)
    if moved:
        traces.adopt(*moved[0])
        transaction.on_commit(partial(metrics.count_texts, [status], action_for(error_code) if error_code else None))
        logger.info("message.status sid=%s status=%s error=%s", sid, status, error_code)
    return bool(moved)
