"""How fast numbers may send, and how stories share what they have."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers import claiming
from subscribers.models import Message, Sender

from .engine import claimed
from .factory import OUR_NUMBER, make_enrollment

pytestmark = pytest.mark.django_db
OTHER_NUMBER = "+15005550007"


def make_due(count: int, number: str = OUR_NUMBER, body: str = "One", story=None) -> None:
    story = story or make_story(texts=[(body, 0)])
    for _ in range(count):
        make_enrollment(story=story, number=number)


def taken(now=None) -> int:
    return sum(len(ids) for _, ids, _ in claimed(now))


def test_a_number_sends_no_more_segments_a_second_than_its_rate():
    Sender.objects.create(name=OUR_NUMBER, segments_per_second=10)
    make_due(60)
    start = timezone.now()
    counts = [taken(start + timedelta(seconds=0.2 * poll)) for poll in range(11)]
    # Two seconds, and what a claim looks ahead.
    assert 20 <= sum(counts) <= 10 * (2 + claiming.LOOK_AHEAD.total_seconds()) + 1
    assert max(counts[1:]) <= 3


def test_a_text_of_several_segments_takes_as_much_of_the_rate():
    Sender.objects.create(name=OUR_NUMBER, segments_per_second=10)
    make_due(10, body="a" * 306)
    start = timezone.now()
    assert sum(taken(start + timedelta(seconds=0.2 * poll)) for poll in range(6)) in (6, 7)


def test_other_numbers_do_not_wait_for_one_that_is_slow():
    Sender.objects.create(name=OUR_NUMBER, segments_per_second=1)
    make_due(5)
    make_due(5, number=OTHER_NUMBER)
    claimed()
    assert Message.objects.filter(number=OTHER_NUMBER, status="sending").count() == 5
    assert Message.objects.filter(number=OUR_NUMBER, status="sending").count() == 1


def test_messages_without_a_number_go_by_the_configured_one(settings):
    settings.TWILIO_NUMBER = OUR_NUMBER
    Sender.objects.create(name=OUR_NUMBER, segments_per_second=1)
    make_due(1)
    make_due(1, number="")
    start = timezone.now()
    assert taken(start) == 1
    assert taken(start) == 0
    assert taken(start + timedelta(seconds=1)) == 1


def test_a_messaging_service_sends_for_all_numbers(settings):
    settings.TWILIO_MESSAGING_SERVICE_SID = "MG" + "0" * 32
    Sender.objects.create(name=settings.TWILIO_MESSAGING_SERVICE_SID, segments_per_second=1)
    make_due(2)
    make_due(2, number=OTHER_NUMBER)
    start = timezone.now()
    assert taken(start) == 1
    assert taken(start) == 0


def test_a_days_cap_lets_the_rest_wait_until_the_next_day():
    Sender.objects.create(name=OUR_NUMBER, segments_per_day=3)
    make_due(7)
    now = timezone.now()
    assert taken(now) == 3
    assert taken(now) == 0
    assert taken(now + timedelta(days=1)) == 3


def test_a_changed_rate_holds_from_the_next_poll_on():
    sender = Sender.objects.create(name=OUR_NUMBER, segments_per_day=1)
    make_due(5)
    assert taken() == 1
    Sender.objects.filter(pk=sender.pk).update(segments_per_day=None)
    assert taken() == 4


def test_stories_share_a_rate_when_they_are_behind(monkeypatch):
    monkeypatch.setattr(claiming, "CLAIM_LIMIT", 10)
    Sender.objects.create(name=OUR_NUMBER, segments_per_second=20)
    many, few = make_story(texts=[("Many", 0)]), make_story(texts=[("Few", 0)])
    make_due(30, story=many)
    make_due(4, story=few)
    start = timezone.now()
    claimed(start)
    claimed(start + timedelta(seconds=0.2))
    assert Message.objects.filter(story=few, status="sending").count() >= 3


def test_stories_take_turns_when_more_is_due_than_a_poll_may_take(monkeypatch):
    monkeypatch.setattr(claiming, "CLAIM_LIMIT", 10)
    many, few = make_story(texts=[("Many", 0)]), make_story(texts=[("Few", 0)])
    make_due(30, story=many)
    make_due(3, story=few)
    assert taken() == 10
    assert Message.objects.filter(story=few, status="sending").count() == 3
    assert taken() == 10


def test_what_belongs_to_no_story_goes_first_when_more_is_due_than_a_poll_may_take(monkeypatch):
    monkeypatch.setattr(claiming, "CLAIM_LIMIT", 10)
    make_due(30)
    reader = make_enrollment().subscriber
    answer = Message.objects.create(
        direction="outbound", status="scheduled", subscriber=reader, due_at=timezone.now(), body="An answer"
    )
    [(_, ids, _)] = claimed()
    assert answer.pk in ids
    assert len(ids) == 10


def test_a_rate_that_is_raised_holds_at_once_and_the_days_count_stays(admin_client):
    sender = Sender.objects.create(name=OUR_NUMBER, segments_per_second=0.01, segments_per_day=50)
    make_due(5)
    assert (taken(), taken()) == (1, 0)
    form = {"name": OUR_NUMBER, "segments_per_second": 100, "segments_per_day": 50}
    page = reverse("admin:subscribers_sender_change", args=[sender.pk])
    assert admin_client.post(page, form).status_code == 302
    assert taken() == 4
    sender.refresh_from_db()
    assert sender.segments_today == 5
