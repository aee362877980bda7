"""Corrections: a one-off text to exactly those who received a text that was wrong, in batches, once to each."""

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Case, CharField, Count, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django_q.tasks import async_task

from stories.models import StoryText
from textengine.carrier_codes import ACTIONS, Action
from textengine.database import retried_at_once, retried_patiently

from .models import Correction, Enrollment, Message, Recipient, Subscriber
from .steering import Refused
from .writing import message_to, unsendable

logger = logging.getLogger(__name__)

# How many readers one transaction looks at, so that nobody waits long for a lock.
BATCH = 500
# So many are due in a second, so that the story's own texts do not have to wait behind all of them.
PER_SECOND = 200
# After these errors the carrier reaches nobody at that number.
UNREACHABLE = [code for code, action in ACTIONS.items() if action is Action.GIVE_UP_READER]
OPTED_OUT, FORGOTTEN, CUT_OFF = "opted out", "forgotten", "unreachable"
LEFT_OUT = {
    OPTED_OUT: "have texted STOP",
    FORGOTTEN: "have asked to be forgotten",
    CUT_OFF: "cannot be reached: the carrier refused the last text to them",
}


class TextDeleted(Refused):
    """The text that was to be corrected is not in the story any more."""

    def __init__(self):
        super().__init__(
            "The text was deleted meanwhile, so that nobody knows any more who received it. Nothing was sent."
        )


def wordings(text: StoryText) -> list[str]:
    """Return the words that this text has had, as it now reads first."""
    rows = StoryText.history.filter(id=text.pk).order_by("-history_date").values_list("body", flat=True)
    return [body for body in dict.fromkeys([text.body, *rows]) if body]


def received(text: StoryText, wording: str, until: datetime) -> QuerySet[Message]:
    """Return the messages by which readers received this text until then, in that wording (empty: in any).

    What was lost and not sent again counts for nothing, nor does a rehearsal.
    """
    again = Message.objects.exclude(again=None).exclude(sent_at=None).exclude(status__in=Message.LOST)
    arrived = Exists(again.filter(subscriber=OuterRef("subscriber"), body=OuterRef("body")))
    had = Message.objects.story_texts().filter(text=text, enrollment__pace=None, sent_at__lte=until)
    return had.filter(worded(text, wording), ~Q(status__in=Message.LOST) | arrived)


def worded(text: StoryText, wording: str) -> Q:
    """Return which messages had this wording: those with its words or, where it had readers' own words filled in,
    those that went out while the text read so.
    """
    if not wording:
        return Q()
    if "{" not in wording:
        return Q(body=wording)
    rows = list(StoryText.history.filter(id=text.pk).order_by("history_date").values_list("history_date", "body"))
    spans = [Q(pk=None)]
    for place, (since, body) in enumerate(rows):
        if body == wording:
            span = Q(begun_at__gte=since) if place else Q()
            spans.append(span & (Q(begun_at__lt=rows[place + 1][0]) if place + 1 < len(rows) else Q()))
    return united(spans if rows else [Q()])


def united(conditions: Iterable[Q]) -> Q:
    first, *others = conditions
    for other in others:
        first |= other
    return first


def with_fate(subscribers: QuerySet[Subscriber], story: int) -> QuerySet[Subscriber]:
    """Return these readers with `fate`: why a correction does not go to them, else how far they are in the story."""
    settled = [Message.Status.DELIVERED, *Message.LOST]
    outbound = Message.objects.filter(subscriber=OuterRef("pk"), direction=Message.Direction.OUTBOUND)
    last = outbound.filter(status__in=settled).order_by("-pk").values("error_code")[:1]
    passage = Enrollment.objects.readers().filter(subscriber=OuterRef("pk"), story=story).order_by("-pk")
    return subscribers.annotate(
        last_error=Subquery(last),
        fate=Case(
            When(forgotten_at__isnull=False, then=Value(FORGOTTEN)),
            When(opted_out_at__isnull=False, then=Value(OPTED_OUT)),
            When(last_error__in=UNREACHABLE, then=Value(CUT_OFF)),
            default=Coalesce(Subquery(passage.values("status")[:1]), Value("")),
            output_field=CharField(),
        ),
    )


@dataclass(frozen=True, slots=True)
class Reach:
    """To how many readers a correction goes, by the states of their passages, and why it does not to the others."""

    states: dict[str, int]
    left_out: dict[str, int]

    @property
    def readers(self) -> int:
        return sum(self.states.values())

    @property
    def had(self) -> int:
        return self.readers + sum(self.left_out.values())


def reach(text: StoryText, wording: str, until: datetime) -> Reach:
    had = Subscriber.objects.filter(pk__in=received(text, wording, until).values("subscriber"))
    fates = with_fate(had, text.story_id).order_by().values("fate").annotate(count=Count("pk"))
    counts = Counter({row["fate"]: row["count"] for row in fates})
    labels = dict(Enrollment.Status.choices)
    states = {labels.get(fate, fate): count for fate, count in counts.items() if fate not in LEFT_OUT}
    return Reach(states, {LEFT_OUT[fate]: counts[fate] for fate in LEFT_OUT if counts[fate]})


def sent_meanwhile(text: StoryText, until: datetime) -> str:
    """Return a sentence on a correction of this text that went out after a preview of that moment; empty for none."""
    others = Correction.objects.filter(text=text, created_at__gt=until).exclude(until=until)
    other = others.select_related("created_by").first()
    if other is None:
        return ""
    by = f" by {other.created_by.get_username()}" if other.created_by else ""
    return f"This text was corrected{by} since you looked: “{other.body}” See whether yours is still to go out."


def lock(text: StoryText) -> None:
    """Lock this text against other corrections of it; no reader's row is locked after. Raises TextDeleted."""
    if not list(StoryText.objects.select_for_update(no_key=True).filter(pk=text.pk).values_list("pk")):
        raise TextDeleted


@retried_at_once
def looked_at(text: StoryText) -> datetime:
    """Return the moment of a preview: corrections are seen by then, or get a later one. Raises TextDeleted."""
    lock(text)
    return timezone.now()


@retried_at_once
def start(text: StoryText, wording: str, body: str, until: datetime, user: User, now: datetime) -> Correction:
    """Send these words to those who received this text until then; return the correction, which the cluster writes.

    `until` is the moment of the preview: confirming it twice is one correction. It is refused where somebody else has
    corrected the text since, and where that was deleted.
    """
    until = min(until, now)
    # Of two who confirm at the same moment, the second sees what the first has sent.
    lock(text)
    # While this waited somebody else may have looked: it came after that.
    now = max(now, timezone.now())
    if sentence := unsendable(body) or sent_meanwhile(text, until):
        raise Refused(sentence)
    readers = reach(text, wording, until).readers
    if not readers:
        raise Refused("There is nobody to send it to.")
    fields = {"text": text, "wording": wording, "body": body, "readers": readers, "created_by": user, "created_at": now}
    correction, made = Correction.objects.get_or_create(
        story=text.story, place=text.position, until=until, defaults=fields
    )
    if made:
        async_task("subscribers.tasks.correct", correction.pk)
        logger.info("correction.started id=%s readers=%s user=%s", correction.pk, readers, user.pk)
    return correction


@retried_patiently
def write_batch(pk: int, now: datetime) -> bool:
    """Write a correction to the next of its readers; return whether there may be more.

    1. Lock the correction: one that was stopped is not written to anybody any more.
    2. Lock the next readers who had the text: a STOP at this moment comes before or after, but not in between.
    3. Write it to those of them who may get it, and have not been written to.
    4. Remember how far it is, in the same transaction: a task that is killed goes on from there.
    """
    correction = Correction.objects.going().select_related("text").filter(pk=pk).locked().first()
    if correction is None:
        return False
    ids = next_readers(correction)
    if ids:
        write(correction, list(wanted(correction, ids).locked()), now)
        correction.reached = ids[-1]
    else:
        is_whole = correction.text is not None
        correction.status = Correction.Status.WRITTEN if is_whole else Correction.Status.DELETED
        correction.ended_at = now
    correction.save(update_fields=["reached", "written", "status", "ended_at"])
    return bool(ids)


def next_readers(correction: Correction) -> list[int]:
    """Return the ids of the next readers who had the text; where that was deleted meanwhile there are no more."""
    if correction.text is None:
        return []
    had = received(correction.text, correction.wording, correction.until)
    ahead = had.filter(subscriber__gt=correction.reached).order_by("subscriber").values_list("subscriber", flat=True)
    return list(ahead.distinct()[:BATCH])


def wanted(correction: Correction, ids: list[int]) -> QuerySet[Subscriber]:
    written = Recipient.objects.filter(correction=correction, subscriber=OuterRef("pk"))
    found = with_fate(Subscriber.objects.filter(~Exists(written), pk__in=ids), correction.story_id)
    # What they may get is asked of the row that is locked.
    return found.filter(opted_out_at=None, forgotten_at=None).exclude(fate=CUT_OFF)


def write(correction: Correction, readers: list[Subscriber], now: datetime) -> None:
    had = received(correction.text, correction.wording, correction.until).filter(subscriber__in=readers)
    numbers = dict(had.order_by("sent_at").values_list("subscriber", "number"))
    messages = Message.objects.bulk_create(
        message_to(
            reader.pk,
            numbers[reader.pk],
            correction.body,
            correction.created_by_id,
            max(now, correction.created_at + timedelta(seconds=(correction.written + place) / PER_SECOND)),
            story_id=correction.story_id,
        )
        for place, reader in enumerate(readers)
    )
    Recipient.objects.bulk_create(
        Recipient(correction=correction, subscriber_id=message.subscriber_id, message=message) for message in messages
    )
    correction.written += len(messages)


def messages_of(correction: Correction) -> QuerySet[Message]:
    """Return a correction's messages, and those that repeat what was lost of it."""
    return Message.objects.filter(Q(correction__correction=correction) | Q(again__correction__correction=correction))


@retried_at_once
def stop(pk: int, now: datetime) -> int:
    """Write it to nobody any more, and cancel what has not gone out; return how many messages that were."""
    correction = Correction.objects.filter(pk=pk).locked().first()
    if correction is None or not is_under_way(correction):
        raise Refused("It has gone out already: there is nothing left to stop.")
    ids = list(messages_of(correction).waiting().locked().values_list("pk", flat=True))
    canceled = Message.objects.filter(pk__in=ids).cancel()
    correction.status, correction.ended_at = Correction.Status.STOPPED, now
    correction.save(update_fields=["status", "ended_at"])
    logger.info("correction.stopped id=%s canceled=%s", pk, canceled)
    return canceled


def is_under_way(correction: Correction) -> bool:
    return correction.status == Correction.Status.GOING or messages_of(correction).waiting().exists()


@dataclass(frozen=True, slots=True)
class State:
    """How far a correction is: of `readers` who were to get it, how many messages are in which state."""

    readers: int
    waiting: int
    sent: int  # the carrier has them, or the phones
    delivered: int
    lost: int
    canceled: int

    @classmethod
    def of(cls, correction: Correction) -> "State":
        own = Message.objects.filter(correction__correction=correction)
        counts = Counter(dict(own.order_by().values_list("status").annotate(Count("pk"))))
        status = Message.Status
        return cls(
            correction.readers,
            counts[status.SCHEDULED] + counts[status.HELD] + counts[status.SENDING],
            counts[status.QUEUED] + counts[status.SENT] + counts[status.DELIVERED],
            counts[status.DELIVERED],
            counts[status.UNDELIVERED] + counts[status.FAILED],
            counts[status.CANCELED],
        )

    @property
    def done(self) -> int:
        return self.sent + self.lost + self.canceled
