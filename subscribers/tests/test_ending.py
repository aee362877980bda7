"""What follows when a story has ended: its closing text, and the story that waited in line."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from stories.tests.factory import make_story
from subscribers import tasks
from subscribers.ending import follow_end
from subscribers.models import Enrollment, Message

from .answers import answers, kinds
from .engine import claimed, work
from .factory import OUR_NUMBER, make_enrollment, make_message, make_subscriber
from .webhooks import READER, report, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def two_at_once(settings):
    settings.MAX_STORIES_AT_ONCE = 2


@pytest.fixture
def one_at_once(settings):
    settings.MAX_STORIES_AT_ONCE = 1


def run_tasks() -> None:
    """Do what was put into the cluster's queue for the ends of stories."""
    for task in ends():
        tasks.follow_end(*task["args"])


def ends() -> list[dict]:
    return [row.task for row in OrmQ.objects.order_by("pk") if row.task["func"] == "subscribers.tasks.follow_end"]


def statuses() -> dict[str, str]:
    return dict(Enrollment.objects.values_list("story__keyword", "status"))


def test_the_closing_text_comes_after_the_last_one_and_offers_what_was_not_read(sandbox):
    closing = "That was {story}.\nMore: {offers}"
    story = make_story(title="The river", keyword="river", texts=[("One", 0)], closing=closing)
    make_story(title="The forest", keyword="forest")
    make_story(title="Elsewhere", keyword="else", number="54321")
    make_enrollment(make_subscriber(READER), story)
    work()
    run_tasks()
    message = Message.objects.get(automatic="closing")
    assert message.body == "That was The river.\nMore: FOREST (The forest)"
    assert message.due_at > timezone.now() + timedelta(seconds=50)
    assert (message.status, message.number, message.step) == ("scheduled", OUR_NUMBER, None)
    assert Enrollment.objects.get().status == "completed"


def test_a_line_that_would_offer_nothing_is_left_out():
    story = make_story(texts=[("One", 0)], closing="Thank you for reading.\nMore: {offers}")
    enrollment = make_enrollment(story=story, sent=1)
    Enrollment.objects.update(status="completed")
    for _ in range(2):
        follow_end([enrollment.pk], timezone.now())
    assert answers() == [("closing", "Thank you for reading.")]


def test_a_story_without_a_closing_text_ends_in_silence(sandbox):
    make_enrollment(story=make_story(texts=[("One", 0)]))
    work()
    assert ends() == []


def test_a_closing_text_is_not_for_who_has_stopped_or_failed():
    story = make_story(closing="Goodbye.")
    stopped = make_enrollment(story=story, status="stopped")
    gone = make_enrollment(make_subscriber(opted_out_at=timezone.now()), story, status="completed")
    follow_end([stopped.pk, gone.pk], timezone.now())
    assert kinds() == []


def test_a_closing_text_that_is_lost_ends_nothing_else():
    enrollment = make_enrollment(story=make_story(closing="Goodbye."), status="completed")
    other = make_enrollment(enrollment.subscriber)
    lost = make_message(enrollment, automatic="closing", body="Goodbye.", sent_at=timezone.now(), status="sent")
    report(lost.sid, "undelivered", error_code=30007)
    enrollment.refresh_from_db()
    other.refresh_from_db()
    assert (enrollment.status, other.status) == ("completed", "active")


@pytest.mark.parametrize(("closing", "sentence"), [("See {next}", r"\{next\} stands for nothing"), ("{", None)])
def test_placeholders_of_a_closing_text_are_checked(closing, sentence):
    story = make_story(closing=closing)
    if sentence is None:
        story.full_clean()
    else:
        with pytest.raises(ValidationError, match=sentence):
            story.full_clean()


def test_one_story_too_many_waits_in_line_and_says_so(two_at_once):
    for keyword in ("river", "forest", "desert"):
        make_story(title=f"The {keyword}", keyword=keyword)
        text(keyword)
    assert statuses() == {"RIVER": "active", "FOREST": "active", "DESERT": "waiting"}
    assert answers() == [("in_line", "The desert begins when another story has ended.")]
    assert Message.objects.story_texts().count() == 2
    text("desert")
    assert answers()[-1][1] == "The desert begins when another story has ended."
    assert Enrollment.objects.count() == 3


def test_the_next_in_line_begins_when_a_story_has_ended_and_counts_its_delays_from_then(one_at_once, sandbox):
    make_story(keyword="river", texts=[("River", 0)])
    make_story(keyword="forest", texts=[("Forest", 90)])
    make_story(keyword="desert", texts=[("Desert", 0)])
    for keyword in ("river", "forest", "desert"):
        text(keyword)
    Enrollment.objects.update(created_at=timezone.now() - timedelta(days=1))
    Message.objects.exclude(automatic="").delete()
    work()
    run_tasks()
    assert statuses() == {"RIVER": "completed", "FOREST": "active", "DESERT": "waiting"}
    first = Message.objects.get(text__body="Forest")
    assert first.due_at > timezone.now() + timedelta(seconds=80)


def test_a_story_that_failed_makes_room_too(one_at_once, sandbox):
    make_story(keyword="river", texts=[("River", 0)])
    make_story(keyword="forest")
    text("river")
    text("forest")
    Message.objects.exclude(automatic="").delete()
    sandbox.faults({"numbers": {READER: 21617}})
    work()
    run_tasks()
    assert statuses() == {"RIVER": "failed", "FOREST": "active"}


def test_a_paused_story_keeps_its_place(one_at_once):
    make_story(keyword="river")
    make_story(keyword="forest")
    text("river")
    text("pause")
    text("forest")
    assert statuses() == {"RIVER": "paused", "FOREST": "waiting"}


def test_stop_ends_what_waits_in_line_and_start_lines_it_up_again(one_at_once):
    make_story(keyword="river")
    make_story(keyword="forest")
    for body in ("river", "forest", "stop"):
        text(body)
    assert set(statuses().values()) == {"stopped"}
    text("start")
    assert statuses() == {"RIVER": "active", "FOREST": "waiting"}


def test_an_end_that_is_followed_twice_lets_in_one(one_at_once):
    reader = make_subscriber(READER)
    ended = make_enrollment(reader, make_story(keyword="river"), status="completed")
    for keyword in ("forest", "desert"):
        make_enrollment(reader, make_story(keyword=keyword), status="waiting")
    for _ in range(2):
        follow_end([ended.pk], timezone.now())
    assert statuses() == {"RIVER": "completed", "FOREST": "active", "DESERT": "waiting"}


def test_without_a_limit_nothing_waits():
    for keyword in ("river", "forest", "desert"):
        make_story(keyword=keyword)
        text(keyword)
    assert set(statuses().values()) == {"active"}
    assert len(claimed()) == 1


def test_stories_in_line_begin_when_more_at_once_are_allowed_oldest_first(one_at_once, settings):
    for keyword in ("river", "forest", "desert"):
        make_story(keyword=keyword)
        text(keyword)
    gone = make_enrollment(make_subscriber(opted_out_at=timezone.now()), status="waiting")
    tasks.begin_with_room()
    assert statuses()["FOREST"] == "waiting"
    settings.MAX_STORIES_AT_ONCE = 2
    tasks.begin_with_room()
    assert statuses() | {"FOREST": "active", "DESERT": "waiting"} == statuses()
    settings.MAX_STORIES_AT_ONCE = None
    tasks.begin_with_room()
    assert statuses()["DESERT"] == "active"
    assert Message.objects.story_texts().count() == 3
    gone.refresh_from_db()
    assert gone.status == "waiting"


def test_whether_there_is_room_is_looked_at_every_hour():
    schedule = Schedule.objects.get(func="subscribers.tasks.begin_with_room")
    assert (schedule.schedule_type, schedule.repeats) == (Schedule.HOURLY, -1)


def test_a_pause_with_a_story_in_line_alone_says_that_it_waits(one_at_once):
    make_story(title="The river", keyword="river")
    text("river")
    Enrollment.objects.update(status="waiting")
    text("pause")
    assert kinds() == ["where"]
    assert answers()[0][1] == "The river begins when another story has ended."
