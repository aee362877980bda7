"""Forgetting a reader: here at once, at the carrier as soon as it lets go of each message."""

import logging
from datetime import datetime, timedelta

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.crypto import salted_hmac
from django_q.tasks import async_task

from textengine import carrier
from textengine.database import retried_patiently

from .models import Enrollment, Erasure, Message, OwnPhone, Remark, StoppedNumber, Subscriber

logger = logging.getLogger(__name__)

# How many messages one task has the carrier forget.
BATCH = 50
# How long to wait before the carrier is asked again: it deletes nothing that is still on its way.
RETRY_AFTER_MIN, RETRY_AFTER_MAX = timedelta(seconds=15), timedelta(hours=1)
# How long the last word to a reader, that all is erased, may wait for its turn before it is given up.
LAST_WORD_WITHIN = timedelta(days=1)
ERASED = "a reader who was erased"


def digest(number: str) -> str:
    """Return what stands for a number in E.164: keyed by SECRET_KEY, so that no list of all numbers undoes it."""
    return salted_hmac("subscribers.stopped_number", number, algorithm="sha256").hexdigest()


def stopped_at(number: str) -> datetime | None:
    """Return when a number in E.164 opted out that was erased since; None if it has not."""
    return StoppedNumber.objects.filter(digest=digest(number)).values_list("created_at", flat=True).first()


def forget(subscriber: Subscriber, now: datetime) -> None:
    """Erase all about this reader, whose row the caller has locked, but for what is on its way at this moment.

    The row itself goes with the last of that, by erase(). What a number that had opted out leaves is the mark of it.
    """
    if subscriber.opted_out_at:
        mark = {"created_at": subscriber.opted_out_at}
        StoppedNumber.objects.get_or_create(digest=digest(str(subscriber.phone_number)), defaults=mark)
    enrollments = list(Enrollment.objects.filter(subscriber=subscriber).locked())
    messages = list(Message.objects.filter(subscriber=subscriber).locked())
    # What the carrier may have of these is only known when they are recorded.
    under_way = [message.pk for message in messages if message.begun_at and not message.sid]
    disown(subscriber, enrollments)
    for own_phone in OwnPhone.objects.filter(subscriber=subscriber).locked():
        own_phone.let_go()
        own_phone.save()
    Message.objects.filter(pk__in=under_way).update(enrollment=None, story=None, text=None, step=None)
    erase_messages(Message.objects.filter(subscriber=subscriber).exclude(pk__in=under_way), now)
    Enrollment.objects.filter(subscriber=subscriber).delete()
    Subscriber.objects.filter(pk=subscriber.pk).update(time_zone="", heard_at=None, forgotten_at=now)
    async_task("subscribers.tasks.erase")
    logger.info("subscriber.forgotten id=%s", subscriber.pk)


def disown(subscriber: Subscriber, enrollments: list[Enrollment]) -> None:
    """Take the number out of the newsroom's log of what was changed; who changed it and when stays."""
    for model, ids in ((Subscriber, [subscriber.pk]), (Enrollment, [enrollment.pk for enrollment in enrollments])):
        entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model))
        entries.filter(object_id__in=map(str, ids)).update(object_repr=ERASED)


def erase_messages(messages: QuerySet[Message], now: datetime) -> None:
    """Delete these messages here, and have the carrier forget those that it has."""
    sids = messages.exclude(sid=None).values_list("sid", flat=True)
    # Where only the words were to go until now, or had gone, all goes.
    Erasure.objects.bulk_create(
        [Erasure(sid=sid, due_at=now) for sid in sids],
        update_conflicts=True,
        unique_fields=["sid"],
        update_fields=["only_words", "due_at", "done_at"],
    )
    # What stands at the reply desk of them goes too: tags, notes, and whether they may be quoted.
    Remark.objects.filter(message__in=messages).delete()
    messages.delete()


def redact_messages(messages: QuerySet[Message], now: datetime) -> None:
    """Empty these messages here, and have the carrier do so with those that it has; that they were sent stays."""
    sids = messages.exclude(sid=None).values_list("sid", flat=True)
    erasures = [Erasure(sid=sid, due_at=now, only_words=True) for sid in sids]
    Erasure.objects.bulk_create(erasures, ignore_conflicts=True)
    messages.update(body="", lead="", sender="", media_urls=[], redacted_at=now)


def erase(now: datetime) -> bool:
    """Go on with what is to be erased; return whether more of it is due."""
    for pk in list(settled(now).values_list("pk", flat=True)[:BATCH]):
        erase_reader(pk, now)
    due = list(Erasure.objects.due(now).order_by("due_at")[:BATCH])
    answers = carrier.gather(ask_to_forget(erasure) for erasure in due)
    for erasure, done in zip(due, answers, strict=True):
        erasure.attempts += 1
        erasure.done_at = now if done else None
        erasure.due_at = now + min(RETRY_AFTER_MIN * 2 ** min(erasure.attempts - 1, 20), RETRY_AFTER_MAX)
        erasure.save(update_fields=["attempts", "done_at", "due_at"])
    return len(due) == BATCH


def settled(now: datetime) -> QuerySet[Subscriber]:
    """Return the forgotten of whom nothing is on its way any more."""
    waiting = [Message.Status.SCHEDULED, Message.Status.HELD, Message.Status.SENDING]
    unsent = Message.objects.filter(subscriber=OuterRef("pk"), status__in=waiting)
    given_up = Q(forgotten_at__lt=now - LAST_WORD_WITHIN) & ~Exists(unsent.exclude(begun_at=None))
    return Subscriber.objects.exclude(forgotten_at=None).filter(~Exists(unsent) | given_up)


@retried_patiently
def erase_reader(pk: int, now: datetime) -> None:
    """Erase what was left of a forgotten reader, unless they have texted again meanwhile."""
    for subscriber in Subscriber.objects.filter(pk=pk).exclude(forgotten_at=None).locked():
        erase_messages(Message.objects.filter(subscriber=subscriber), now)
        subscriber.delete()


async def ask_to_forget(erasure: Erasure) -> bool:
    try:
        await carrier.erase(erasure.sid, erasure.only_words)
    except carrier.CarrierError as error:
        logger.info("erasure.postponed sid=%s attempts=%s error=%s", erasure.sid, erasure.attempts, error.code)
        return False
    return True


def erase_by_hand(subscribers: QuerySet[Subscriber], now: datetime) -> None:
    """Erase these readers for an operator; who has a text on its way at this moment goes when that is settled."""
    with transaction.atomic():
        for subscriber in subscribers.locked():
            forget(subscriber, now)
            if settled(now).filter(pk=subscriber.pk).exists():
                erase_reader(subscriber.pk, now)
