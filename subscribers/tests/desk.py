"""What readers wrote, for tests of the reply desk."""

from datetime import timedelta

from django.utils import timezone

from stories.tests.factory import make_story
from subscribers import inbound
from subscribers.models import Enrollment, Message, Remark
from subscribers.reply_desk import sorting

from .factory import OUR_NUMBER, make_enrollment, make_inbound, make_subscriber

sids = iter(range(10_000_000))


def write(enrollment: Enrollment, body: str) -> Message:
    """Have this reader text us, as the carrier brings it; return the message."""
    sid = f"SM{next(sids):032x}"
    sender = str(enrollment.subscriber.phone_number)
    inbound.receive(inbound.InboundText(sid=sid, sender=sender, number=OUR_NUMBER, body=body), timezone.now())
    return Message.objects.get(sid=sid)


def make_remark(enrollment: Enrollment | None = None, body: str = "Is this true?", sent: int = 1, **fields) -> Remark:
    """Return what a reader wrote after so many texts, as it stands at the desk."""
    enrollment = enrollment or make_enrollment(sent=sent)
    message = make_inbound(enrollment.subscriber, body)
    sorting.sort(timezone.now())
    if fields:
        Remark.objects.filter(pk=message.pk).update(**fields)
    return Remark.objects.get(pk=message.pk)


def make_readers(count: int, body: str = "Is this true?", story=None) -> list[Remark]:
    """Return what so many readers wrote after the first text of one story."""
    story = story or make_story([("One", 0), ("Two", 86_400)])
    return [make_remark(make_enrollment(make_subscriber(), story, sent=1), body) for _ in range(count)]


def earlier(**ago) -> object:
    return timezone.now() - timedelta(**ago)
