"""Messages of unknown outcome: ask the carrier, adopt what it has, send again what it does not have."""

from datetime import datetime, timedelta
from uuid import UUID

from textengine import carrier
from textengine.carrier_codes import Action

from .beginning import begin
from .holds import go_on_in_rhythm
from .models import Hold, Message
from .outcomes import Outcome, record

# The carrier's clock and ours may differ by this much: ours may have been an hour ahead when the request began.
CLOCK_SLACK = timedelta(minutes=65)
NOT_FOUND = carrier.CarrierError(Action.RETRY, "the carrier did not have it, so it is sent again")


def recover(message_ids: list[int], lease: UUID, now: datetime) -> None:
    """Settle messages whose requests began, and of which nothing was recorded before their lease ran out.

    1. Ask the carrier for what it sent to each reader, from our number, with this body, since the request began.
    2. What belongs to no other message of ours is this one: adopt it, as if the answer had come now.
    3. What the carrier does not have is sent again; what it cannot say is asked again later.
    """
    messages = list(
        Message.objects.filter(pk__in=message_ids, status=Message.Status.SENDING, lease=lease)
        .addressed()
        .order_by("begun_at", "pk")
    )
    answers = carrier.gather(look_up(message) for message in messages)
    sids = [candidate.sid for answer in answers if isinstance(answer, list) for candidate in answer]
    taken = set(Message.objects.filter(sid__in=sids).values_list("sid", flat=True))
    outcomes, missing = [], []
    for message, answer in zip(messages, answers, strict=True):
        if isinstance(answer, carrier.CarrierError):
            outcomes.append(Outcome(message.pk, now, error=answer))
        elif candidate := next((candidate for candidate in answer if candidate.sid not in taken), None):
            taken.add(candidate.sid)
            outcomes.append(Outcome(message.pk, candidate.created_at or now, accepted=candidate))
        else:
            outcomes.append(Outcome(message.pk, now, error=NOT_FOUND))
            missing.append(message)
    record(outcomes, lease=lease)
    if missing:
        go_on_in_rhythm(missing)


def ask(message_ids: list[int], lease: UUID, now: datetime) -> None:
    """Settle messages that the carrier may have, since they were due between a backup and the release of its copy.

    Each is worded, and taken for begun when the backup was taken. Where the carrier has it, the reader's next one may
    be in the same doubt, so that a reader is followed to the text that was really the last.
    """
    begin(message_ids, lease, now, begun_at=Hold.objects.last_restored().asks_since)
    recover(message_ids, lease, now)


async def look_up(message: Message) -> list[carrier.Accepted] | carrier.CarrierError:
    """Return what the carrier has that could be this message, or that it cannot say."""
    try:
        return await carrier.find(
            to=message.to,
            sender=message.number,
            body=message.body,
            since=message.begun_at - CLOCK_SLACK,
        )
    except carrier.CarrierError as error:
        return carrier.CarrierError(Action.LOOK_UP, error.reason, error.code)
