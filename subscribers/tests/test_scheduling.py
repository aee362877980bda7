"""Editing is safe while people read: what happens to readers who wait when a story changes."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from stories.models import StoryText
from stories.tests.factory import make_story
from stories.timeline import timeline
from stories.waits import parse_wait
from subscribers import scheduling, tasks
from subscribers.models import Enrollment, Message
from subscribers.scheduling import follow_story, schedule, send_next_now, texts_of

from .engine import work
from .factory import make_enrollment, make_subscriber

pytestmark = pytest.mark.django_db


@pytest.fixture
def story():
    """A story of four texts that stood before anybody read it."""
    story = make_story(texts=[("A", 0), ("B", 60), ("C", 60), ("D", 60)])
    story.texts.update(created_at=timezone.now() - timedelta(days=30))
    return story


def text(story, body) -> StoryText:
    return story.texts.get(body=body)


def arrange(story, bodies: str) -> None:
    """Bring the story's texts into this order, one letter a text, and let its readers follow."""
    story.arrange([text(story, body).pk for body in bodies], timezone.now())
    follow_story(story.pk, timezone.now())


def add(story, body, before: str = "") -> None:
    """Add a text at the end, or before another."""
    order = "".join(story.texts.order_by("position").values_list("body", flat=True))
    StoryText.objects.create(story=story, position=1000, body=body, delay=timedelta(seconds=60))
    arrange(story, order.replace(before, body + before) if before else order + body)


def waiting(enrollment) -> Message | None:
    return enrollment.messages.filter(sent_at=None).first()


def read_on(sandbox, enrollment) -> str:
    """Send this reader everything that is left, at once; return all the bodies that the phone then has."""
    for _ in range(20):
        send_next_now([enrollment.pk], timezone.now())
        if not work():
            break
    messages = sandbox.messages(str(enrollment.subscriber.phone_number))
    had = enrollment.messages.exclude(sent_at=None).order_by("step").values_list("body", flat=True)
    assert list(had)[-len(messages) :] == [message["body"] for message in messages]
    return "".join(had)


def test_a_reader_gets_every_text_once_and_in_order(sandbox, story):
    assert read_on(sandbox, make_enrollment(story=story)) == "ABCD"


def test_a_reader_who_waits_for_a_text_gets_that_text_next_wherever_it_is_moved(sandbox, story):
    enrollment = make_enrollment(story=story, sent=1)
    arrange(story, "ACDB")
    assert waiting(enrollment).text.body == "B"
    assert read_on(sandbox, enrollment) == "ABCD"


def test_a_reordered_story_never_repeats_a_text(sandbox, story):
    enrollment = make_enrollment(story=story, sent=2)
    arrange(story, "DCBA")
    assert sorted(read_on(sandbox, enrollment)) == list("ABCD")


def test_a_deleted_text_hands_its_waiting_readers_to_the_one_after_it(sandbox, story):
    enrollment = make_enrollment(story=story, sent=1)
    text(story, "B").delete()
    arrange(story, "ACD")
    assert waiting(enrollment).text.body == "C"
    assert read_on(sandbox, enrollment) == "ACD"


def test_a_deleted_last_text_completes_those_who_waited_for_it(story):
    enrollment = make_enrollment(story=story, sent=3)
    text(story, "D").delete()
    arrange(story, "ABC")
    enrollment.refresh_from_db()
    assert enrollment.status == "completed"
    assert waiting(enrollment) is None


def test_texts_that_were_read_and_deleted_leave_the_place_as_it_was(sandbox, story):
    enrollment = make_enrollment(story=story, sent=2)
    text(story, "A").delete()
    text(story, "B").delete()
    arrange(story, "CD")
    assert read_on(sandbox, enrollment) == "ABCD"


def test_a_changed_delay_moves_those_who_wait(story):
    enrollment = make_enrollment(story=story, sent=1)
    sent_at = enrollment.messages.get(step=1).sent_at
    assert waiting(enrollment).due_at == sent_at + timedelta(seconds=60)
    story.texts.filter(body="B").update(delay=timedelta(days=2))
    follow_story(story.pk, timezone.now())
    assert waiting(enrollment).due_at == sent_at + timedelta(days=2)
    story.texts.filter(body="B").update(delay=timedelta(0), at=time(8))
    follow_story(story.pk, timezone.now())
    assert waiting(enrollment).due_at.astimezone(enrollment.subscriber.zone).time() == time(8)


def test_a_text_added_at_the_end_reaches_readers_who_are_still_in_the_story(sandbox, story):
    enrollment = make_enrollment(story=story, sent=3)
    add(story, "E")
    assert read_on(sandbox, enrollment) == "ABCDE"


def test_a_text_added_at_the_end_does_not_reach_those_who_completed_the_story(story):
    enrollment = make_enrollment(story=story, sent=4)
    enrollment.refresh_from_db()
    assert enrollment.status == "completed"
    add(story, "E")
    assert waiting(enrollment) is None


def test_a_text_added_before_a_readers_place_is_not_sent_after_it(sandbox, story):
    enrollment = make_enrollment(story=story, sent=2)
    add(story, "X", before="B")
    assert read_on(sandbox, enrollment) == "ABCD"


def test_a_text_added_in_front_of_the_text_that_a_reader_waits_for_comes_not_before_it(sandbox, story):
    enrollment = make_enrollment(story=story, sent=1)
    add(story, "X", before="B")
    assert waiting(enrollment).text.body == "B"


def test_a_text_added_further_on_is_read_in_its_place(sandbox, story):
    enrollment = make_enrollment(story=story, sent=1)
    add(story, "X", before="D")
    assert read_on(sandbox, enrollment) == "ABCXD"


def test_editing_a_held_message_leaves_it_held(story):
    enrollment = make_enrollment(story=story, sent=1)
    enrollment.messages.filter(sent_at=None).update(status="held")
    story.texts.filter(body="B").update(delay=timedelta(days=2))
    follow_story(story.pk, timezone.now())
    assert waiting(enrollment).status == "held"


def test_editing_does_not_touch_a_message_whose_request_began(story):
    enrollment = make_enrollment(story=story, sent=1)
    now = timezone.now()
    enrollment.messages.filter(sent_at=None).update(
        status="sending", begun_at=now, lease="12345678-1234-5678-1234-567812345678", lease_until=now
    )
    before = list(enrollment.messages.values())
    arrange(story, "ACDB")
    assert list(enrollment.messages.values()) == before


def test_editing_does_not_cut_a_wait_after_an_error_short(story):
    enrollment = make_enrollment(story=story, sent=1)
    later = timezone.now() + timedelta(minutes=10)
    enrollment.messages.filter(sent_at=None).update(attempts=3, due_at=later)
    follow_story(story.pk, timezone.now())
    assert waiting(enrollment).due_at == later


def test_a_revised_story_is_followed_by_the_cluster(story):
    story.revised()
    [task] = [row.task for row in OrmQ.objects.all()]
    assert (task["func"], task["args"]) == ("subscribers.tasks.follow_story", (story.pk,))


def test_many_readers_follow_with_a_fixed_number_of_queries_a_batch(story, django_assert_max_num_queries):
    for _ in range(30):
        make_enrollment(story=story, sent=1)
    with django_assert_max_num_queries(14):
        follow_story(story.pk, timezone.now())


def test_a_storys_texts_are_read_at_once_with_all_that_says_when_they_come(story, django_assert_num_queries):
    enrollment = make_enrollment(story=story)
    with django_assert_num_queries(1):
        [texts] = texts_of([enrollment]).values()
        assert [text.wait.delay.total_seconds() for text in texts] == [0, 60, 60, 60]


def test_readers_follow_in_batches_until_all_have(story, monkeypatch):
    monkeypatch.setattr(scheduling, "FOLLOW_BATCH", 2)
    enrollments = [make_enrollment(story=story, sent=1) for _ in range(5)]
    story.texts.filter(body="B").update(delay=timedelta(days=2))
    OrmQ.objects.all().delete()
    tasks.follow_story(story.pk)
    while task := OrmQ.objects.first():
        task.delete()
        tasks.follow_story(*task.task["args"])
    assert all(waiting(e).due_at > timezone.now() + timedelta(days=1) for e in enrollments)


def test_send_next_now_skips_the_wait_and_keeps_the_order(sandbox, story):
    enrollment = make_enrollment(story=story, sent=1)
    assert send_next_now([enrollment.pk], timezone.now()) == 1
    work()
    assert enrollment.messages.get(step=2).status == "queued"
    gaps = list(enrollment.messages.order_by("step").values_list("step", flat=True))
    assert all(later == earlier + 1 for earlier, later in pairwise(gaps))


@pytest.mark.parametrize("status", ["paused", "completed", "stopped"])
def test_send_next_now_leaves_readers_alone_who_are_not_reading(story, status):
    enrollment = make_enrollment(story=story, sent=1)
    enrollment.messages.filter(sent_at=None).update(status="canceled")
    Enrollment.objects.update(status=status)
    assert send_next_now([enrollment.pk], timezone.now()) == 0


def test_send_next_now_tries_a_failed_text_again(sandbox, story):
    enrollment = make_enrollment(story=story, sent=1)
    enrollment.messages.filter(sent_at=None).update(status="failed", error_code=21617, attempts=1)
    Enrollment.objects.update(status="failed", reason="21617")
    assert send_next_now([enrollment.pk], timezone.now()) == 1
    work()
    assert enrollment.messages.get(step=2).status == "queued"
    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.reason) == ("active", "")


def test_send_next_now_does_not_bring_a_failed_passage_beside_a_live_one_back(story):
    subscriber = make_subscriber()
    failed = make_enrollment(subscriber, story, sent=1, status="failed")
    make_enrollment(subscriber, story)
    assert send_next_now([failed.pk], timezone.now()) == 0


def test_a_clock_time_is_that_of_the_readers_place():
    story = make_story(texts=[("Morning", 0)])
    story.texts.update(at=time(8))
    berlin = make_enrollment(make_subscriber("+4930901820"), story)
    local = waiting(berlin).due_at.astimezone(berlin.subscriber.zone)
    assert (local.time(), str(local.tzinfo)) == (time(8), "Europe/Berlin")


@pytest.mark.parametrize(("sent_at", "day"), [("2026-11-23 22:50", 24), ("2026-11-23 23:10", 25)])
def test_the_next_day_is_the_one_after_the_day_on_which_the_readers_calendar_saw_the_text_before(story, sent_at, day):
    berlin = make_enrollment(make_subscriber("+4930901820"), story, sent=1)
    story.texts.filter(body="B").update(days=1, at=time(8), delay=timedelta(0))
    berlin.messages.filter(step=1).update(sent_at=datetime.fromisoformat(sent_at).replace(tzinfo=UTC))
    follow_story(story.pk, timezone.now())
    assert waiting(berlin).due_at == datetime(2026, 11, day, 8, tzinfo=berlin.subscriber.zone)


def test_the_timeline_of_a_story_says_when_its_texts_are_scheduled(story):
    for body, words in [("A", "2 minutes"), ("B", "next day at 8:00"), ("C", "after 24 hours, at 21:07"), ("D", "")]:
        saved = text(story, body)
        saved.wait = parse_wait(words)
        saved.save()
    berlin = make_enrollment(make_subscriber("+4930901820"), story)
    for moment in timeline(story.texts.order_by("position"), berlin.created_at, berlin.subscriber.zone, None):
        message = waiting(berlin)
        assert (message.text, message.due_at) == (moment.text, moment.due)
        berlin.messages.filter(pk=message.pk).update(sent_at=message.due_at)
        berlin.step += 1
        berlin.save()
        schedule([berlin], timezone.now())
    assert waiting(berlin) is None


def test_a_number_that_lies_in_several_zones_has_the_newsrooms(settings):
    settings.NEWSROOM_ZONE = ZoneInfo("Asia/Kathmandu")
    assert str(make_subscriber("+18005550100").zone) == "Asia/Kathmandu"
    assert str(make_subscriber("+12125550100").zone) == "America/New_York"
    # British mobiles could lie in four zones, whose clocks always show the same.
    summer = datetime(2026, 7, 1, tzinfo=make_subscriber("+447400123456").zone)
    assert summer.utcoffset() == timedelta(hours=1)
    assert str(make_subscriber("+12125550101", time_zone="Europe/Rome").zone) == "Europe/Rome"
