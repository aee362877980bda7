"""What is unread at the desk, told to the newsroom once an hour or a day: by e-mail, and as JSON to a webhook.

Numbers are not told: of a reader's there are the last four digits, and long numbers in what readers wrote are cut too.
"""

import hashlib
import hmac
import json
import logging
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F
from django.template.defaultfilters import truncatechars
from django.template.loader import render_to_string
from django.urls import reverse

from ..models import Digest, Message, Remark, masked
from . import finding

logger = logging.getLogger(__name__)

# How long after a failure it is tried again, each time twice as long, and how often until it is given up.
RETRY_AFTER = timedelta(minutes=1)
TRIES = 8
TIMEOUT_SECONDS = 10
GROUPS_TOLD, REMARKS_TOLD, WORDS_TOLD = 10, 3, 160
LONG_NUMBER = re.compile(r"\+?\(?\d(?:[\s().–-]*\d){6,}")


class NotDelivered(Exception):
    """A digest that did not get through; the message says why, in words for whoever runs the newsroom's server."""


def channels() -> list[Digest.Channel]:
    """Return the ways by which the newsroom wants to be told."""
    wanted = {Digest.Channel.EMAIL: settings.DIGEST_EMAILS, Digest.Channel.WEBHOOK: settings.DIGEST_WEBHOOK}
    return [channel for channel, address in wanted.items() if address]


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
        "reader": masked(remark.subscriber.phone_number),
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
    # The same for every try, so that a mail program shows one that came twice once.
    headers = {"Message-ID": f"<digest-{digest.pk}-{int(digest.slot.timestamp())}@{settings.PUBLIC_HOST}>"}
    body = render_to_string("subscribers/digest.txt", context)
    email = EmailMessage(context["counted"], body, to=settings.DIGEST_EMAILS, headers=headers)
    try:
        email.send()
    except (SMTPException, OSError) as error:
        raise NotDelivered(f"The mail server did not take it: {error}") from error


def send_webhook(digest: Digest, told: list[Told], now: datetime) -> None:
    """POST it as JSON, signed: HMAC-SHA256 by DIGEST_SECRET of the time stamp, a full stop and the body."""
    body = json.dumps(payload(digest, told), ensure_ascii=False).encode()
    stamp = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Text-Engine",
        "X-Text-Engine-Digest": str(digest.pk),
        "X-Text-Engine-Timestamp": stamp,
        "X-Text-Engine-Signature": f"sha256={signature(stamp, body)}",
    }
    request = urllib.request.Request(settings.DIGEST_WEBHOOK, body, headers, method="POST")  # noqa: S310
    try:
        OPENER.open(request, timeout=TIMEOUT_SECONDS).close()
    except urllib.error.HTTPError as error:
        error.close()
        raise NotDelivered(f"The webhook answered {error.code}.") from error
    except OSError as error:
        raise NotDelivered(f"The webhook cannot be reached: {error}") from error


def signature(stamp: str, body: bytes) -> str:
    return hmac.new(settings.DIGEST_SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()


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


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """What is signed for one address is told to no other."""

    def redirect_request(self, *args, **kwargs):
        return None


OPENER = urllib.request.build_opener(NoRedirects)
SENDERS = {Digest.Channel.EMAIL: send_email, Digest.Channel.WEBHOOK: send_webhook}
