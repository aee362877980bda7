"""How fast each of our numbers may send: segments a second and a day, shared by all clusters through the database."""

from datetime import datetime

from django.conf import settings
from django.db.models import Q, QuerySet

from stories.segments import count_segments
from textengine.carrier import sender_name
from textengine.database import write_rows

from .models import Message, Sender

# What a message says, or will say, and whether it has a picture: carriers count that as one segment.
WORDS = ["text__body", "body", "text__media", "text__media_url", "media_urls"]


class Rates:
    """The limited senders, locked for the claim that is being made."""

    def __init__(self, now: datetime, horizon: datetime):
        """`horizon` is how far the claim looks ahead: what has room until then may be claimed."""
        self.now, self.horizon = now, horizon
        self.senders = {sender.name: sender for sender in Sender.objects.limited(now).locked()}

    def open(self, due: QuerySet[Message]) -> QuerySet[Message]:
        """Return those of these messages whose sender has room."""
        for sender in self.senders.values():
            if not sender.may_send(self.horizon):
                due = due.exclude(sends(sender))
        return due

    def admit(self, ids: list[int]) -> list[int]:
        """Spend what these messages cost, in this order; return those for which there was room."""
        if not self.senders:
            return ids
        admitted, costs = [], self.costs(ids)
        for pk in ids:
            sender, segments = costs[pk]
            if sender is None:
                admitted.append(pk)
            elif sender.may_send(self.horizon):
                sender.spend(segments, self.now)
                admitted.append(pk)
        write_rows(list(self.senders.values()), ["free_at", "day", "segments_today"])
        return admitted

    def costs(self, ids: list[int]) -> dict[int, tuple[Sender | None, int]]:
        """Return which limited sender each message goes by, if any, and how many segments it is."""
        return {
            pk: (
                self.senders.get(sender_name(number)),
                1 if media or media_url or (media_urls and not text) else count_segments(text or body),
            )
            for pk, number, text, body, media, media_url, media_urls in Message.objects.filter(pk__in=ids).values_list(
                "pk", "number", *WORDS
            )
        }


def sends(sender: Sender) -> Q:
    """Return which messages go out by this sender."""
    if settings.TWILIO_MESSAGING_SERVICE_SID:
        # A condition that can be turned round, which an empty one cannot.
        return ~Q(pk=None) if sender.name == settings.TWILIO_MESSAGING_SERVICE_SID else Q(pk=None)
    return Q(number__in=[sender.name, ""] if sender.name == settings.TWILIO_NUMBER else [sender.name])


def slow_down(number: str, until: datetime) -> None:
    """Let nothing go out from our `number` before then: the carrier said that it is too much."""
    sender, _ = Sender.objects.get_or_create(name=sender_name(number))
    later = Q(free_at=None) | Q(free_at__lt=until)
    Sender.objects.filter(later, pk=sender.pk).update(free_at=until)
