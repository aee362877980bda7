"""Answering readers: what is written at the desk becomes ordinary messages of the one queue, each reader's once."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django_q.tasks import async_task

from stories.prices import Cost, Price
from stories.segments import Measurement, measure
from textengine.database import retried_at_once, retried_patiently

from ..models import Message, Remark, Reply, ReplyTo, Subscriber
from ..steering import Refused
from ..writing import answers_to, message_to, objection, refuse_unseen

logger = logging.getLogger(__name__)

# So many readers' texts are gone through in one transaction, so that nobody waits long for a lock.
BATCH = 500
TASK = "subscribers.tasks.answer_group"
# What asks for consent, unless an editor words it otherwise.
QUOTE_WORDS = "May we quote what you wrote to us? Reply YES or NO."


@retried_at_once
def answer(
    remark: Remark, body: str, by, now: datetime, key: UUID, asks_to_quote: bool = False, known: int = 0
) -> None:
    """Answer one reader; a `key` that comes twice acts once.

    `known` is the last message of the newsroom to this reader that the editor has seen. Raises Refused.
    """
    facts = {"body": body, "story_id": remark.story_id, "text_id": remark.text_id, "asks_to_quote": asks_to_quote}
    # A reader who opts out at this moment does so before, or after and then takes this with it.
    if reason := objection(Subscriber.objects.locked().get(pk=remark.subscriber_id)):
        raise Refused(reason)
    if not Reply.objects.filter(key=key).exists():
        refuse_unseen(remark.subscriber_id, known)
    reply, is_new = Reply.objects.get_or_create(
        key=key, defaults=facts | {"created_by": by, "created_at": now, "done_at": now, "up_to": remark.pk}
    )
    if is_new:
        send(reply, [remark], now)
        logger.info("reply.scheduled id=%s remark=%s", reply.pk, remark.pk)


def send(reply: Reply, remarks: Collection[Remark], now: datetime) -> None:
    """Schedule this answer to the readers of these texts who may have it and have not had it yet.

    One that belongs to a story waits where that is held. The caller has the transaction.
    """
    readers = {remark.subscriber_id: remark for remark in reversed(remarks)}
    may = Subscriber.objects.filter(pk__in=readers, opted_out_at=None, forgotten_at=None)
    allowed = set(may.locked().values_list("pk", flat=True))
    had = set(ReplyTo.objects.filter(reply=reply, subscriber__in=allowed).values_list("subscriber", flat=True))
    chosen = [(pk, readers[pk]) for pk in sorted(allowed - had)]
    messages = Message.objects.bulk_create(
        # From the number of ours that this reader texted.
        message_to(pk, remark.message.number, reply.body, reply.created_by_id, now, story_id=remark.story_id)
        for pk, remark in chosen
    )
    ReplyTo.objects.bulk_create(
        ReplyTo(reply=reply, remark=remark, subscriber_id=pk, message=message, created_at=now)
        for (pk, remark), message in zip(chosen, messages, strict=True)
    )
    answered = [remark.pk for remark in remarks if remark.subscriber_id in allowed]
    Remark.objects.filter(pk__in=answered).update(answered_at=now)
    if reply.asks_to_quote:
        asked = Remark.objects.filter(pk__in=[remark.pk for _, remark in chosen], quoting=Remark.Quoting.UNASKED)
        asked.update(quoting=Remark.Quoting.ASKED)


@dataclass(frozen=True, slots=True)
class Preview:
    """Whom an answer to a group would reach, who is left out and why, and what it is billed as."""

    readers: int
    left_out: dict[str, int]
    measured: Measurement
    cost: Cost

    @property
    def segments(self) -> int:
        return self.measured.segments * self.readers


def group_of(reply: Reply) -> QuerySet[Remark]:
    """Return the readers' texts that this answer is for."""
    found = everybody(reply)
    return found.filter(answered_at=None) if reply.unanswered_only else found


def everybody(reply: Reply) -> QuerySet[Remark]:
    """Return the readers' texts of its group, answered or not."""
    found = Remark.objects.filter(story=reply.story_id, text=reply.text_id, pk__lte=reply.up_to)
    return found.filter(tags=reply.tag_id) if reply.tag_id else found


def preview(reply: Reply) -> Preview:
    """Return what would come of an answer that is not saved yet."""
    group = group_of(reply)
    readers = count_readers(group.reachable())
    opted_out = count_readers(group.exclude(subscriber__opted_out_at=None))
    forgotten = count_readers(group.filter(subscriber__opted_out_at=None).exclude(subscriber__forgotten_at=None))
    answered = count_readers(everybody(reply)) - readers - opted_out - forgotten
    left_out = {"opted out": opted_out, "asked to be forgotten": forgotten, "have an answer already": answered}
    measured = measure(reply.body)
    cost = Price.current().cost_of([(measured, False)], readers)
    return Preview(readers, {why: count for why, count in left_out.items() if count}, measured, cost)


def answered_since(reply: Reply) -> Q:
    """Return the condition on texts whose readers somebody else has answered since this was written: at the desk, or on
    the reader's page."""
    written = answers_to(OuterRef("subscriber")).filter(created_at__gte=reply.created_at)
    return Q(answered_at__gte=reply.created_at) | Exists(written.exclude(reply_to__reply=reply))


def left_out_meanwhile(reply: Reply) -> dict[str, int]:
    """Return how many of those whom its preview had counted an answer to a group did not go to, by why."""
    had = ReplyTo.objects.filter(reply=reply, subscriber=OuterRef("subscriber"))
    answered = count_readers(everybody(reply).filter(~Exists(had), answered_since(reply)))
    others = reply.expected - reply.sent.count() - answered
    left_out = {"somebody else has answered meanwhile": answered, "may not be written to any more": others}
    return {why: count for why, count in left_out.items() if count > 0}


def count_readers(remarks: QuerySet[Remark]) -> int:
    return remarks.order_by().values("subscriber").distinct().count()


def begin(reply: Reply) -> Reply:
    """Begin an answer to a group; return it, or the one that was begun by the same form before."""
    with transaction.atomic():
        begun = Reply.objects.filter(key=reply.key).first()
        if begun:
            return begun
        reply.save()
        async_task(TASK, reply.pk)
    logger.info("reply.begun id=%s readers=%s", reply.pk, reply.expected)
    return reply


def still_open(reply: Reply, remarks: Collection[Remark]) -> list[Remark]:
    """Lock the readers of these texts; return those texts that this answer is still for: of somebody else who answers
    at the same moment one comes first, and the other sees it here."""
    list(Subscriber.objects.filter(pk__in={remark.subscriber_id for remark in remarks}).only("pk").locked())
    group = group_of(reply).filter(pk__in=[remark.pk for remark in remarks])
    if reply.unanswered_only:
        group = group.exclude(answered_since(reply))
    still = set(group.values_list("pk", flat=True))
    return [remark for remark in remarks if remark.pk in still]


@retried_patiently
def go_on(reply_id: int, now: datetime) -> bool:
    """Answer the next of a group; return whether there are more.

    How far it is stands in the same transaction as the messages: what is broken off in the middle goes on there. Of two
    who do it at once, one waits and goes on behind the other.
    """
    reply = Reply.objects.unfinished().filter(pk=reply_id).locked().first()
    if reply is None:
        return False
    following = group_of(reply).filter(pk__gt=reply.after).select_related("message").order_by("pk")
    remarks = list(following[:BATCH])
    send(reply, still_open(reply, remarks), now)
    is_over = len(remarks) < BATCH
    reply.after = remarks[-1].pk if remarks else reply.after
    reply.done_at = now if is_over else None
    reply.save(update_fields=["after", "done_at"])
    if is_over:
        logger.info("reply.done id=%s", reply.pk)
    return not is_over
