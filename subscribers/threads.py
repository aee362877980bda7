"""A reader's thread of texts in both directions, as the reader's phone shows it."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models.functions import Coalesce
from django.utils.formats import date_format

from stories.authors import name_of
from stories.linked import shown_address
from stories.phone import Bubble, Phone, Picture
from stories.placeholders import filled

from . import error_codes
from .models import Message, Subscriber
from .questions import kept_by

THREAD_MAX = 200
# Readers' pictures lie at the carrier, which shows them to its account alone.
PICTURES_AT_THE_CARRIER = "the carrier asks for its account’s login before it shows a picture"
# What stands where words were whose time was over.
REDACTED = "[deleted: its time was over]"
STATES = {
    Message.Status.SCHEDULED: "pending",
    Message.Status.HELD: "pending",
    Message.Status.SENDING: "pending",
    Message.Status.UNDELIVERED: "failed",
    Message.Status.FAILED: "failed",
}


def thread_of(subscriber: Subscriber) -> Phone:
    """Return the last texts of this reader, oldest first, and then what is to come, in the reader's own time."""
    messages = list(
        # A code is for its phone alone, as long as it counts.
        Message.objects.filter(subscriber=subscriber, code_of=None)
        .exclude(status=Message.Status.CANCELED)
        .select_related("text", "story", "enrollment", "written_by", "correction")
        .annotate(moment=Coalesce("sent_at", "due_at", "created_at"))
        .order_by("-moment", "-pk")[: THREAD_MAX + 1]
    )
    shown = messages[:THREAD_MAX][::-1]
    bubbles, day = [], None
    for message in shown:
        moment = message.moment.astimezone(subscriber.zone)
        bubbles.append(bubble_of(message, moment, subscriber.zone, new_day=moment.date() != day))
        day = moment.date()
    beginning = f"the last {THREAD_MAX} texts, " if len(messages) > THREAD_MAX else ""
    return Phone(
        name=str(subscriber),
        note=f"{beginning}times in {subscriber.zone.key.replace('_', ' ')}",
        bubbles=bubbles,
    )


def bubble_of(message: Message, moment: datetime, zone: ZoneInfo, new_day: bool) -> Bubble:
    """Draw one message, sent or scheduled for the local time `moment` in its reader's `zone`."""
    from_us = message.direction == Message.Direction.OUTBOUND
    unsent = message.wording
    pictures = [unsent.picture] if unsent and unsent.picture else sent_pictures(message)
    meta = [date_format(moment, "H:i")]
    if from_us:
        pictures = [shown(picture) for picture in pictures]
        meta.append(written_as(message))
        meta.append(message.get_status_display())
        meta.append(error_codes.in_words(message.error_code) or message.reason)
    elif message.media_urls:
        meta.append(PICTURES_AT_THE_CARRIER)
    return Bubble(
        body=words_of(message),
        from_us=from_us,
        pictures=pictures,
        meta=" · ".join(part for part in meta if part),
        facts=facts_of(message, zone),
        key=f"message-{message.pk}",
        day=date_format(moment, "l, j F Y") if new_day else "",
        gap=beginning_of(message) if message.step == 1 else "",
        state=STATES.get(message.status, "") if from_us else "",
    )


def written_as(message: Message) -> str:
    """Return as what this was sent, if it is no text of a story."""
    if getattr(message, "correction", None):
        return "Correction"
    if message.written_by:
        return f"Reply by {name_of(message.written_by)}"
    return message.occasion


def shown(picture: Picture) -> Picture:
    """Return a picture elsewhere as one that is shown from our own address."""
    return replace(picture, shown=shown_address(picture.address)) if picture.host else picture


def facts_of(message: Message, zone: ZoneInfo) -> list[tuple[str, str]]:
    """Return what there is to know of a message besides, each with its name; times by the clock in this zone."""
    if message.direction == Message.Direction.INBOUND:
        facts = [("Came in", clocks(message.created_at, zone)), ("To our number", message.number)]
    else:
        facts = [
            ("Due", clocks(message.due_at, zone)),
            ("Last tried", clocks(message.begun_at, zone) if not message.sent_at else ""),
            ("Sent", clocks(message.sent_at, zone)),
            ("Tries", str(message.attempts) if message.attempts > 1 else ""),
            ("Billed as", f"{message.segments} segments" if message.segments else ""),
            ("Error", str(message.error_code or "")),
            ("From our number", message.number),
        ]
    return [(name, value) for name, value in facts if value]


def clocks(moment: datetime | None, zone: ZoneInfo) -> str:
    """Return a moment to the second by the clock in this zone, and by the newsroom's where that is another one."""
    if moment is None:
        return ""
    words = date_format(moment.astimezone(zone), "j M, H:i:s")
    if not clocks_differ(moment, zone):
        return words
    return f"{words} (newsroom: {date_format(moment.astimezone(settings.NEWSROOM_ZONE), 'j M, H:i:s')})"


def clocks_differ(moment: datetime, zone: ZoneInfo) -> bool:
    return moment.astimezone(zone).utcoffset() != moment.astimezone(settings.NEWSROOM_ZONE).utcoffset()


def words_of(message: Message) -> str:
    """Return what a message says or will say, then with what its reader has answered until now."""
    if message.redacted_at and not message.body:
        return REDACTED
    if not message.wording or "{" not in message.wording.body:
        return message.worded()
    return filled(message.worded(), kept_by([message.enrollment_id]).get(message.enrollment_id, {}))


def beginning_of(message: Message) -> str:
    return (
        f"a rehearsal of “{message.story}” begins" if message.enrollment.is_rehearsal else f"“{message.story}” begins"
    )


def sent_pictures(message: Message) -> list[Picture]:
    """Return a message's own pictures, in the words that its text has for them as long as it still has this picture."""
    now = message.text.picture_url if message.text else ""
    return [Picture.at(url, message.text.alt if url == now else "") for url in message.media_urls]
