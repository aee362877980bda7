"""What is unread at the desk, told to the newsroom once an hour or a day: by e-mail, and as JSON to a webhook.

Numbers are not told: a reader's is masked as on the newsroom's pages, and long numbers in what readers wrote are cut.
"""

import logging
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F
from django.template.defaultfilters import truncatechars
from django.template.loader import render_to_string
from django.urls import reverse

from ..models import Digest, Message, Remark, masked
from ..telling import NotDelivered, channels, mail, post
from . import finding

logger = logging.getLogger(__name__)

# How long after a failure it is tried again, each time twice as long, and how often until it is given up.
RETRY_AFTER = timedelta(minutes=1)
TRIES = 8
GROUPS_TOLD, REMARKS_TOLD, WORDS_TOLD = 10, 3, 160
LONG_NUMBER = re.compile(r"\+?\(?\d(?:[\s().–-]*\d){6,}")


def slot_at(now: datetime) -> datetime:
    """Return the beginning of the hour or the day of digests in which this moment lies, by the newsroom's clock."""
    local = now.astimezone(settings.NEWSROOM_ZONE)
    if settings.DIGEST_EVERY == "hour":
        return local.replace(minute=0, second=0, microsecond=0)
    begins = datetime.combine(local.date(), settings.DIGEST_AT, settings.NEWSROOM_ZONE)
    return (
        begins
        if begins <= now
        else datetime.combine(local.date() - timedelta(days=1), settings.DIGEST_AT, settings.NEWSROOM_ZONE)
    )


def tell(now: datetime) -> None:
    """Send what is due: of the hour or day that has just begun, and what did not get through.

    1. A digest is a row before it is sent, one for each way and hour or day; with nothing unread it is never sent.
    2. Whoever sends it first counts the try and puts the next one off: of two only one does.
    3. What failed is tried again, later each time, until the next digest takes its place.
    """
    for channel in channels():
        write_down(channel, slot_at(now))
    for digest in Digest.objects.filter(due_at__lte=now, channel__in=channels()).order_by("pk"):
        if claim(digest, now):
            send(digest, now)


def write_down(channel: Digest.Channel, slot: datetime) -> None:
    if Digest.objects.filter(channel=channel, slot=slot).exists():
        return
    unread = finding.count_unread()
    Digest.objects.filter(channel=channel, slot__lt=slot).exclude(due_at=None).update(due_at=None)
    facts = {"unread": unread, "due_at": slot if unread else None}
    Digest.objects.get_or_create(channel=channel, slot=slot, defaults=facts)


def claim(digest: Digest, now: datetime) -> bool:
    """Take this try, and put the next one off; return whether nobody else has."""
    again = None if digest.attempts + 1 >= TRIES else now + RETRY_AFTER * 2**digest.attempts
    mine = Digest.objects.filter(pk=digest.pk, attempts=digest.attempts, due_at=digest.due_at)
    return bool(mine.update(attempts=F("attempts") + 1, due_at=again))


def send(digest: Digest, now: datetime) -> None:
    told = report(digest)
    try:
        SENDERS[digest.channel](digest, told, now)
    except NotDelivered as error:
        Digest.objects.filter(pk=digest.pk).update(error=str(error)[:300])
        logger.warning("digest.postponed id=%s channel=%s error=%s", digest.pk, digest.channel, error)
        return
    Digest.objects.filter(pk=digest.pk).update(sent_at=now, due_at=None, error="")
    logger.info("digest.sent id=%s channel=%s", digest.pk, digest.channel)


@dataclass(frozen=True, slots=True)
class Told:
    """One group as a digest tells it."""

    group: finding.Group
    remarks: list[dict]

    @property
    def url(self) -> str:
        return f"{desk_url()}?group={self.group.key}"


def report(digest: Digest) -> list[Told]:
    """Return what is unread at this moment, the groups and of each the latest texts."""
    unread = [group for group in finding.groups() if group.unread][:GROUPS_TOLD]
    return [Told(group, [words_of(remark) for remark in latest(group)]) for group in unread]


def latest(group: finding.Group) -> list[Remark]:
    of_group = Remark.objects.unread().filter(story=group.story, text=group.text).order_by("-pk")
    return list(of_group.select_related("message", "subscriber")[:REMARKS_TOLD])


def words_of(remark: Remark) -> dict:
    return {
        "reader": str(remark.subscriber),
        "words": words_told(remark.message),
        "came_at": remark.came_at.isoformat(),
        "url": f"{settings.PUBLIC_URL}{reverse('admin:subscribers_remark_change', args=[remark.pk])}",
    }


def words_told(message: Message) -> str:
    """Return the beginning of what a reader wrote, without numbers by which somebody could be called."""
    words = LONG_NUMBER.sub(lambda found: masked(re.sub(r"\D", "", found[0])), message.body)
    return truncatechars(words, WORDS_TOLD) or "A picture"


def desk_url() -> str:
    return f"{settings.PUBLIC_URL}{reverse('admin:subscribers_remark_changelist')}"


def counted(unread: int) -> str:
    number = f"{finding.COUNTED_MAX - 1}+" if unread >= finding.COUNTED_MAX else unread
    return f"{number} unread {'reply' if unread == 1 else 'replies'} from readers"


def send_email(digest: Digest, told: list[Told], now: datetime) -> None:
    context = {"told": told, "url": desk_url(), "counted": counted(digest.unread)}
    name = f"digest-{digest.pk}-{int(digest.slot.timestamp())}"
    mail(context["counted"], render_to_string("subscribers/digest.txt", context), name)


def send_webhook(digest: Digest, told: list[Told], now: datetime) -> None:
    post(payload(digest, told), now, **{"X-Text-Engine-Digest": str(digest.pk)})


def payload(digest: Digest, told: list[Told]) -> dict:
    return {
        "digest": digest.pk,
        "slot": digest.slot.isoformat(),
        "text": f"{counted(digest.unread)}: {desk_url()}",
        "unread": digest.unread,
        "url": desk_url(),
        "groups": [
            {
                "story": each.group.story.title,
                "provoked_by": each.group.place,
                "unread": each.group.unread,
                "url": each.url,
                "remarks": each.remarks,
            }
            for each in told
        ],
    }


SENDERS = {Digest.Channel.EMAIL: send_email, Digest.Channel.WEBHOOK: send_webhook}
