"""What is told of the reply desk, against a real mail server and a real web server on this machine."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, time, timedelta

import pytest
from django.core import checks
from django.utils import timezone
from django_q.models import Schedule

from subscribers import tasks
from subscribers.models import Digest, Remark
from subscribers.reply_desk import digests

from .desk import make_remark
from .factory import make_enrollment, make_subscriber
from .newsroom import SECRET, receiver, wanted_by_webhook

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def remark(body: str = "Call me at (212) 555-1234, or +44 20 7946 0958.") -> Remark:
    return make_remark(make_enrollment(make_subscriber(f"+1212555{9870 + Remark.objects.count()}"), sent=1), body)


def test_the_newsroom_is_told_by_mail_what_is_unread_without_numbers(mailbox):
    one = remark()
    digests.tell(NOON)
    [(to, mail)] = mailbox.mails
    assert to == ["desk@example.org", "night@example.org"]
    assert mail["Subject"] == "1 unread reply from readers"
    body = mail.get_payload(decode=True).decode()
    assert "+1 … 70: Call me at …1234, or …0958." in body
    assert f"?group={one.story_id}-{one.text_id}" in body
    assert str(one.subscriber.phone_number)[2:] not in mail.as_string()


def test_the_newsroom_is_told_once_a_day_however_often_it_is_looked(mailbox):
    remark()
    for hours in (0, 1, 19):
        digests.tell(NOON + timedelta(hours=hours))
    assert len(mailbox.mails) == 1
    digests.tell(NOON + timedelta(hours=20))
    assert len(mailbox.mails) == 2


def test_an_hourly_digest_comes_each_hour_and_says_nothing_when_all_is_read(settings, mailbox):
    settings.DIGEST_EVERY = "hour"
    digests.tell(NOON)
    assert mailbox.mails == []
    remark()
    digests.tell(NOON + timedelta(minutes=30))
    assert mailbox.mails == []
    digests.tell(NOON + timedelta(hours=1))
    assert len(mailbox.mails) == 1
    Remark.objects.update(read_at=NOON)
    digests.tell(NOON + timedelta(hours=2))
    assert len(mailbox.mails) == 1


def test_the_day_begins_when_the_newsroom_says_by_its_own_clock(settings):
    settings.DIGEST_AT = time(9, 30)
    before, after = NOON.replace(hour=9), NOON.replace(hour=10)
    assert digests.slot_at(before) == NOON.replace(hour=9, minute=30) - timedelta(days=1)
    assert digests.slot_at(after) == NOON.replace(hour=9, minute=30)


def test_mail_that_is_refused_is_tried_again_and_then_comes_once(mailbox):
    remark()
    mailbox.refuses = 2
    digests.tell(NOON)
    digest = Digest.objects.get()
    assert "451" in digest.error
    digests.tell(NOON + timedelta(seconds=59))
    assert Digest.objects.get().attempts == 1
    for minutes in (1, 3, 4):
        digests.tell(NOON + timedelta(minutes=minutes))
    assert len(mailbox.mails) == 1
    assert Digest.objects.get().sent_at


def test_of_two_who_would_send_at_once_one_does(mailbox):
    remark()
    digests.write_down(Digest.Channel.EMAIL, digests.slot_at(NOON))
    first, second = Digest.objects.get(), Digest.objects.get()
    assert [digests.claim(first, NOON), digests.claim(second, NOON)] == [True, False]


def test_what_never_gets_through_is_given_up(settings, mailbox):
    remark()
    mailbox.refuses = 100
    settings.DIGEST_AT = time(0)
    for minutes in range(0, 300):
        if Digest.objects.filter(due_at=None).exists():
            break
        digests.tell(NOON - timedelta(hours=10) + timedelta(minutes=minutes))
    assert Digest.objects.get().attempts == digests.TRIES


def test_the_webhook_gets_signed_json_without_numbers(settings):
    one = remark()
    with receiver() as (url, came):
        wanted_by_webhook(settings, url)
        digests.tell(NOON)
    [(headers, body)] = came
    signed = f"{headers['X-Text-Engine-Timestamp']}.".encode() + body
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-Text-Engine-Signature"] == f"sha256={digest}"
    told = json.loads(body)
    assert told["unread"] == 1
    [group] = told["groups"]
    assert (group["story"], group["unread"]) == (one.story.title, 1)
    assert group["remarks"][0]["reader"] == "+1 … 70"
    assert group["remarks"][0]["words"] == "Call me at …1234, or …0958."
    assert str(one.subscriber.phone_number)[2:] not in body.decode()


def test_a_webhook_that_fails_is_tried_again_and_is_followed_nowhere(settings):
    remark()
    with receiver(500, 302) as (url, came):
        wanted_by_webhook(settings, url)
        for minutes in (0, 1, 3):
            digests.tell(NOON + timedelta(minutes=minutes))
            if minutes < 3:
                assert Digest.objects.get().sent_at is None
    assert len(came) == 3
    assert Digest.objects.get().sent_at
    assert len({headers["X-Text-Engine-Digest"] for headers, _ in came}) == 1


def test_a_webhook_that_is_not_there_stops_nothing_else(settings, mailbox):
    remark()
    wanted_by_webhook(settings, "http://127.0.0.1:9/hook")
    digests.tell(NOON)
    assert len(mailbox.mails) == 1
    assert "cannot be reached" in Digest.objects.get(channel="webhook").error


def test_the_schedule_tells_it(mailbox):
    schedule = Schedule.objects.get(name="Reply desk")
    assert (schedule.func, schedule.minutes) == ("subscribers.tasks.tend_reply_desk", 1)
    remark()
    tasks.tend_reply_desk()
    assert len(mailbox.mails) == 1
    assert timezone.now() - Digest.objects.get().sent_at < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DIGEST_WEBHOOK", "https://example.org/hook", "DIGEST_WEBHOOK is set without DIGEST_SECRET"),
        ("DIGEST_EMAILS", ("desk@example.org",), "DIGEST_EMAILS is set without EMAIL_URL"),
    ],
)
def test_a_digest_that_could_not_leave_stops_the_start(settings, name, value, words):
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    setattr(settings, name, value)
    assert any(words in message.msg for message in checks.run_checks(tags=[checks.Tags.security]))
