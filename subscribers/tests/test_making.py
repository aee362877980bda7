"""Readers who never were: as many as asked, with histories that fit together, and only where nobody is real."""

from datetime import time
from io import StringIO
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Count, F, Q
from django.utils import timezone

from stories.models import Story
from stories.tests.factory import make_story
from subscribers import scheduling
from subscribers.making import rows
from subscribers.models import (
    Consent,
    Correction,
    Enrollment,
    Message,
    Note,
    Placement,
    Question,
    Recipient,
    Remark,
    Reply,
    ReplyTo,
    Subscriber,
    Tag,
)
from subscribers.reply_desk import sorting

from .factory import make_enrollment, make_subscriber

pytestmark = pytest.mark.django_db

REAL, FICTIONAL = "+4930901820", "+14155550123"


def make(*args, **options) -> str:
    said = StringIO()
    call_command("makereaders", *args, stdout=said, **options)
    return said.getvalue()


def counts() -> list[int]:
    return [model.objects.count() for model in (Subscriber, Enrollment, Message)]


def test_there_are_as_many_as_were_asked_for(monkeypatch):
    # The last chunk is smaller than the others.
    monkeypatch.setattr(rows, "CHUNK", 70)
    said = make(150, enrollments=190, messages=3000)
    assert counts() == [150, 190, 3000]
    assert "150 readers with 190 enrollments" in said
    assert "3,000 messages" in said


def test_nobody_can_have_these_numbers():
    make(30)
    numbers = [str(subscriber.phone_number) for subscriber in Subscriber.objects.all()]
    assert len(set(numbers)) == 30
    assert not any(phonenumbers.is_valid_number(phonenumbers.parse(number)) for number in numbers)
    assert all(number.startswith("+1") and number[5] == "1" and len(number) == 12 for number in numbers)


def test_histories_fit_together():
    make(300, enrollments=400)
    sent = Count("messages", filter=Q(messages__step__isnull=False, messages__sent_at__isnull=False))
    for enrollment in Enrollment.objects.annotate(sent=sent):
        assert enrollment.step == enrollment.sent
        moments = list(enrollment.messages.exclude(sent_at=None).order_by("step").values_list("sent_at", flat=True))
        assert moments == sorted(moments)
        assert all(enrollment.created_at <= moment <= timezone.now() for moment in moments)
        assert (enrollment.ended_at is None) == (enrollment.status in Enrollment.LIVE)
    found = {status: Enrollment.objects.filter(status=status).count() for status in Enrollment.Status.values}
    assert min(found[status] for status in ("active", "paused", "completed", "stopped")) > 0
    active = Enrollment.objects.filter(status="active")
    coming = Message.objects.filter(status="scheduled", step=F("enrollment__step") + 1).values("enrollment")
    asked = Question.objects.waiting().values("enrollment")
    assert not active.exclude(pk__in=coming).exclude(pk__in=asked).exists()
    stopped = Enrollment.objects.filter(status="stopped")
    assert not stopped.exclude(subscriber__opted_out_at=F("ended_at")).exists()
    assert not active.exclude(subscriber__opted_out_at=None).exists()
    assert Message.objects.filter(status="undelivered", error_code=None).count() == 0
    choices = set(Question.objects.exclude(answered_at=None).values_list("choice", flat=True))
    assert choices == {"anything", "A", "B", "C"}
    in_new_york = Message.objects.filter(subscriber__time_zone="America/New_York", text__at=time(8)).exclude(
        sent_at=None
    )
    clock = ZoneInfo("America/New_York")
    assert {moment.astimezone(clock).hour for moment in in_new_york.values_list("sent_at", flat=True)} == {8}


def test_made_readers_read_on():
    make(60)
    enrollment = Enrollment.objects.filter(status="active", messages__status="scheduled").first()
    assert scheduling.send_next_now([enrollment.pk], timezone.now()) == 1


def test_they_can_read_stories_of_ones_own():
    story = make_story([("One", 0), ("Two", 3600)], slug="ours")
    with pytest.raises(CommandError, match="no story with texts at “theirs”"):
        make(20, story=["ours", "theirs"])
    make(20, story=["ours"])
    assert set(Enrollment.objects.values_list("story", flat=True)) == {story.pk}


def test_nothing_is_made_beside_readers_who_may_be_real():
    make_subscriber(REAL)
    with pytest.raises(CommandError, match="numbers may be real"):
        make(10)
    assert counts() == [1, 0, 0]
    assert not Story.objects.exists()


def test_nothing_is_made_where_twilio_would_text_them(settings):
    settings.TWILIO_API_URL = "https://api.twilio.com"
    with pytest.raises(CommandError, match="texts through Twilio"):
        make(10)
    assert counts() == [0, 0, 0]


def test_numbers_of_films_are_nobodys_and_stay_when_made_readers_go():
    kept = make_enrollment(make_subscriber(FICTIONAL), sent=1)
    before = counts()
    make(40, enrollments=50, messages=900)
    with pytest.raises(CommandError, match="here already"):
        make(10)
    assert "40 made readers were removed." in make(remove=True)
    assert counts() == before
    assert Question.objects.count() == 0
    assert list(Story.objects.all()) == [kept.story]


def test_made_readers_go_with_all_that_was_done_to_them():
    make(30)
    now = timezone.now()
    sorting.sort(now)
    remark, enrollment = Remark.objects.first(), Enrollment.objects.first()
    reader, text = enrollment.subscriber, enrollment.story.texts.first()
    remark.tags.add(Tag.objects.first())
    Note.objects.create(remark=remark, body="Ask again.")
    reply = Reply.objects.create(body="Thank you.", story=remark.story)
    ReplyTo.objects.create(reply=reply, remark=remark, subscriber=remark.subscriber, message_id=1, created_at=now)
    correction = Correction.objects.create(story=text.story, text=text, place=1, until=now, body="Sorry.", readers=1)
    Recipient.objects.create(correction=correction, subscriber=reader, message=reader.messages.first())
    Placement.objects.create(enrollment=enrollment, step=1, text=text, passed=[], placed_at=now)
    Consent.objects.create(subscriber=reader, how="On paper.", given_on=now, taken_by="Jo")
    make(remove=True)
    connection.check_constraints()
    assert counts() == [0, 0, 0]
    assert not any(model.objects.exists() for model in (Remark, Note, ReplyTo, Recipient, Placement, Consent))


@pytest.mark.parametrize(
    ("readers", "enrollments"), [(0, None), (10_000_001, None), (10, 9), (10, 21)], ids=["none", "many", "few", "twice"]
)
def test_numbers_that_cannot_be_are_refused(readers, enrollments):
    with pytest.raises(CommandError):
        make(readers, enrollments=enrollments)
    assert counts() == [0, 0, 0]
