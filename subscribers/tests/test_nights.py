"""Readers sleep: what quiet hours move when it is scheduled, and when it is about to leave; and what they do not."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from stories.models import Story
from stories.quiet import QuietHours
from stories.tests.factory import asking, make_branching_story, make_story
from stories.turns import Turn
from subscribers import claiming, holds, own_phones, rehearsals
from subscribers.callbacks import receive_callback
from subscribers.models import Enrollment, Hold, Message, Subscriber
from subscribers.outcomes import Outcome, record
from subscribers.scheduling import follow_story, lock_places, move_on, schedule, send_next_now
from textengine.carrier import CarrierError
from textengine.carrier_codes import Action

from . import webhooks
from .answers import kinds
from .engine import claimed, work
from .factory import make_enrollment, make_message, make_subscriber

pytestmark = pytest.mark.django_db

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# In Berlin it is 23:00; until eight o'clock there are nine hours more.
EVENING, NIGHT, MORNING = utc("2027-01-10 19:00"), utc("2027-01-10 22:00"), utc("2027-01-11 07:00")


@pytest.fixture(autouse=True)
def quiet_hours(settings):
    settings.QUIET_HOURS = QuietHours(time(21), time(8))


@pytest.fixture
def night_now(settings) -> datetime:
    """Let it be night everywhere in UTC as the tests run, and return when the morning comes."""
    begins = timezone.now() - HOUR
    ends = (begins + 7 * HOUR).replace(second=0, microsecond=0)
    settings.QUIET_HOURS = QuietHours(begins.time(), ends.time())
    return ends


def berliner(**fields) -> Subscriber:
    return make_subscriber(time_zone="Europe/Berlin", **fields)


def make_late(reader: Subscriber | None = None, due: datetime = EVENING, **story) -> Message:
    """Return a text that has been due since then."""
    enrollment = make_enrollment(reader or berliner(), make_story([("One", 0)], **story), created_at=due)
    return enrollment.messages.get()


def leaves(message: Message, now: datetime) -> bool:
    return bool(claimed(now)) and Message.objects.filter(pk=message.pk, status="sending").exists()


def next_after(message: Message, sent_at: datetime) -> Message:
    """Return the message that follows this one, which is sent at that moment."""
    move_on([(lock_places([message.pk])[message.pk], sent_at)], sent_at)
    return Message.objects.get(enrollment=message.enrollment, step=message.step + 1)


def due_of(message: Message) -> datetime:
    message.refresh_from_db()
    return message.due_at


def test_a_late_text_waits_for_the_morning():
    message = make_late()
    assert not leaves(message, NIGHT)
    assert (due_of(message), message.status) == (MORNING, "scheduled")
    assert not leaves(message, MORNING - MINUTE)
    assert leaves(message, MORNING)


def test_a_late_text_comes_to_whoever_has_texted_within_a_quarter_of_an_hour():
    awake = make_late(berliner(heard_at=NIGHT - 14 * MINUTE))
    asleep = make_late(berliner(heard_at=NIGHT - 16 * MINUTE))
    assert leaves(awake, NIGHT)
    assert due_of(asleep) == MORNING


def test_it_is_night_where_the_reader_is():
    assert leaves(make_late(make_subscriber(time_zone="America/New_York")), NIGHT)
    nepal = make_late(make_subscriber(time_zone="Asia/Kathmandu"))
    assert not leaves(nepal, NIGHT)
    assert due_of(nepal) == utc("2027-01-11 02:15")


def test_a_text_that_leaves_a_moment_after_the_night_has_begun_is_sent():
    nine = utc("2027-01-10 20:00")
    assert leaves(make_late(due=nine - timedelta(seconds=1)), nine + timedelta(seconds=50))
    assert not leaves(make_late(due=nine - timedelta(seconds=1)), nine + timedelta(seconds=60))


def test_a_story_that_needs_the_night_comes_in_it():
    assert leaves(make_late(quiet="off"), NIGHT)


def test_a_story_has_hours_of_its_own():
    early, late = make_late(quiet="22:00 to 6:00"), make_late(quiet="23:30 to 6:00")
    assert leaves(late, NIGHT)
    assert due_of(early) == utc("2027-01-11 05:00")
    assert due_of(late) == EVENING


def test_a_released_hold_wakes_nobody():
    Hold.objects.create(reason="A mistake")
    Hold.objects.update(created_at=EVENING)
    hold = Hold.objects.get()
    message = make_late()
    assert claimed(EVENING) == []
    assert holds.release(hold, NIGHT) == 1
    assert not leaves(message, NIGHT)
    assert due_of(message) == MORNING


@pytest.mark.parametrize("action", [Action.RETRY, Action.RETRY_FEW])
def test_a_text_that_is_tried_again_wakes_nobody(action):
    message = make_late(due=NIGHT - 2 * HOUR - MINUTE)
    [(_, [pk], lease)] = claimed(message.due_at)
    Message.objects.filter(pk=pk).update(begun_at=message.due_at, attempts=1)
    record([Outcome(pk, NIGHT - 2 * HOUR, error=CarrierError(action, "busy"))], lease)
    assert due_of(message) > NIGHT - 2 * HOUR
    assert not leaves(message, message.due_at)
    assert due_of(message) == MORNING


def test_a_text_that_the_carrier_lost_is_not_sent_again_at_night():
    enrollment = make_enrollment(berliner(), make_story([("One", 0)]), created_at=NIGHT)
    Message.objects.all().delete()
    lost = make_message(enrollment, sent_at=NIGHT, attempts=1, status="sent")
    receive_callback(lost.sid, "undelivered", 30003, None, NIGHT)
    again = lost.sent_again.get()
    assert not leaves(again, again.due_at)
    assert due_of(again) == MORNING


def test_the_next_text_is_scheduled_for_the_morning_and_its_wait_counts_from_the_one_before():
    enrollment = make_enrollment(berliner(), make_story([("One", 0), ("Two", 3600), ("Three", 3600)]))
    assert next_after(enrollment.messages.get(), NIGHT - HOUR).due_at == MORNING
    late = MORNING + timedelta(seconds=2)
    assert next_after(enrollment.messages.get(step=2), late).due_at == late + HOUR


@pytest.mark.parametrize(
    ("zone", "sent_at", "due"),
    [
        ("Europe/Berlin", "2027-03-27 20:30", "2027-03-28 06:00"),
        ("Europe/Berlin", "2027-10-30 19:30", "2027-10-31 07:00"),
        ("America/New_York", "2027-03-14 03:00", "2027-03-14 12:00"),
        ("America/New_York", "2027-11-07 02:00", "2027-11-07 13:00"),
        ("Australia/Lord_Howe", "2027-04-03 12:00", "2027-04-03 21:30"),
        ("Europe/Berlin", "2028-02-28 21:00", "2028-02-29 07:00"),
        ("Europe/Berlin", "2028-02-29 21:00", "2028-03-01 07:00"),
    ],
)
def test_the_morning_is_right_when_clocks_change_and_in_leap_years(zone, sent_at, due):
    story = make_story([("One", 0), ("Two", 3600)])
    enrollment = make_enrollment(make_subscriber(time_zone=zone), story)
    first = enrollment.messages.get()
    assert next_after(first, utc(sent_at)).due_at == utc(due)
    # The other way to it, on which the whole story is looked at.
    Message.objects.filter(pk=first.pk).update(status="sent", sent_at=utc(sent_at))
    Message.objects.filter(step=2).delete()
    schedule(Enrollment.objects.filter(pk=enrollment.pk), utc(sent_at))
    assert enrollment.messages.get(step=2).due_at == utc(due)


def test_changed_quiet_hours_move_those_who_wait():
    story = make_story([("One", 0), ("Two", 3600)])
    enrollment = make_enrollment(berliner(), story, sent=1)
    enrollment.messages.filter(step=1).update(sent_at=NIGHT - HOUR)
    for words, due in (("", MORNING), ("off", NIGHT), ("22:30 to 7:00", MORNING - HOUR), ("", MORNING)):
        Story.objects.update(quiet=words)
        follow_story(story.pk, NIGHT - HOUR)
        assert enrollment.messages.get(step=2).due_at == due


def test_a_text_that_an_editor_sends_now_comes_at_night(sandbox, night_now):
    enrollment = make_enrollment(make_subscriber(time_zone="UTC"), make_story([("One", 3 * 3600), ("Two", 0)]))
    assert enrollment.messages.get().due_at == night_now
    send_next_now([enrollment.pk], timezone.now())
    assert work() == 1
    assert sandbox.received(str(enrollment.subscriber.phone_number)) == ["One"]
    assert enrollment.messages.get(step=2).due_at == night_now


def test_a_text_that_was_to_be_sent_now_keeps_quiet_again_once_it_is_moved():
    enrollment = make_enrollment(berliner(), make_story([("One", 0)]), created_at=NIGHT)
    send_next_now([enrollment.pk], NIGHT)
    follow_story(enrollment.story_id, NIGHT)
    message = enrollment.messages.get()
    assert (message.due_at, message.at_any_hour) == (MORNING, False)


def test_a_reply_comes_at_night(night_now, settings):
    settings.CARRIER_ANSWERS = ()
    make_enrollment(make_subscriber(webhooks.READER, time_zone="UTC"), make_story([("One", 60)]))
    webhooks.text("HELP")
    webhooks.text("WHERE")
    assert kinds() == ["help", "where"]
    assert len(claimed()[0][1]) == 2


def test_a_reply_that_could_not_be_sent_for_a_quarter_of_an_hour_waits_for_the_morning(night_now, settings):
    settings.CARRIER_ANSWERS = ()
    make_subscriber(webhooks.READER, time_zone="UTC")
    webhooks.text("HELP")
    Message.objects.filter(automatic="help").update(attempts=5)
    Subscriber.objects.update(heard_at=timezone.now() - 16 * MINUTE)
    assert claimed() == []
    assert Message.objects.get(automatic="help").due_at == night_now


def test_a_story_that_is_begun_at_night_begins_at_once(night_now):
    make_story([("One", 60), ("Two", 600), ("Three", 600)], keyword="river")
    Subscriber.objects.create(phone_number=webhooks.READER, time_zone="UTC")
    webhooks.text("river")
    now = Subscriber.objects.get().heard_at
    first = Message.objects.story_texts().get()
    assert first.due_at == now + MINUTE
    second = next_after(first, first.due_at)
    assert second.due_at == now + 11 * MINUTE
    assert next_after(second, second.due_at).due_at == night_now


def test_a_first_text_that_is_long_in_coming_waits_for_the_morning(night_now):
    make_story([("One", 15 * 60)], keyword="river")
    Subscriber.objects.create(phone_number=webhooks.READER, time_zone="UTC")
    webhooks.text("river")
    assert Message.objects.story_texts().get().due_at == night_now


def test_an_answer_at_night_leads_on_at_once_and_silence_in_the_morning():
    question = asking("A", "B", answer_within=HOUR, default_answer="A")
    story = make_branching_story(("", "One?", question), ("", "Two", Turn()))
    enrollment = make_enrollment(berliner(), story, sent=1)
    enrollment.messages.filter(step=1).update(sent_at=NIGHT)
    enrollment.questions.update(asked_at=NIGHT)
    schedule([enrollment], NIGHT)
    assert enrollment.messages.get(step=2).due_at == MORNING
    Subscriber.objects.update(heard_at=NIGHT + 3 * HOUR)
    enrollment.questions.update(answered_at=NIGHT + 3 * HOUR, choice="A")
    schedule([enrollment], NIGHT + 3 * HOUR)
    assert enrollment.messages.get(step=2).due_at == NIGHT + 3 * HOUR + MINUTE


def test_a_reminder_wakes_nobody():
    question = asking("A", "B", answer_within=HOUR, reminder="Well?")
    enrollment = make_enrollment(berliner(), make_branching_story(("", "One?", question)), sent=1)
    reminder = enrollment.questions.get().reminder
    Message.objects.filter(pk=reminder.pk).update(due_at=NIGHT)
    assert not leaves(reminder, NIGHT)
    assert due_of(reminder) == MORNING


@pytest.mark.parametrize("total", [timedelta(minutes=5), None])
def test_a_rehearsal_comes_at_night(sandbox, night_now, total):
    phone = make_subscriber("+14155550123", time_zone="UTC")
    before = len(sandbox.received("+14155550123"))
    rehearsals.start(make_story([("One", 0), ("Two", 1200)]), phone, total, timezone.now())
    assert work() == 1
    assert sandbox.received("+14155550123")[before:] == ["One"]
    assert Message.objects.get(step=2).due_at < timezone.now() + 21 * MINUTE
    assert work(timezone.now() + HOUR) == 1


def test_a_compressed_rehearsal_says_when_readers_get_what_is_moved(night_now):
    phone = make_subscriber("+14155550123", time_zone="UTC")
    story = make_story([("One", 3 * 3600)])
    rehearsals.start(story, phone, MINUTE, timezone.now())
    assert f"{night_now:%-H:%M}" in Message.objects.get().lead


def test_a_code_for_an_own_phone_comes_at_night(night_now):
    own_phones.ask_code(User.objects.create_user("jo"), "+14155550123", timezone.now())
    Subscriber.objects.update(time_zone="UTC")
    assert len(claimed()) == 1


def test_a_claim_asks_no_more_often_because_of_quiet_hours(settings):
    counts = []
    for hours in (None, settings.QUIET_HOURS):
        settings.QUIET_HOURS = hours
        for _ in range(3):
            make_late(due=EVENING)
        with CaptureQueriesContext(connection) as queries:
            assert len(claimed(EVENING + MINUTE)[0][1]) == 3
        counts.append(len(queries))
        Message.objects.update(status="canceled", lease=None, lease_until=None)
    assert counts[0] == counts[1]


def test_many_are_put_off_with_one_statement():
    counts = []
    for size in (1, 20):
        for _ in range(size):
            make_late(due=EVENING)
        with CaptureQueriesContext(connection) as queries:
            claiming.claim(NIGHT)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert Message.objects.filter(due_at=MORNING).count() == 21


def test_moving_readers_on_asks_no_more_often_because_of_quiet_hours(settings):
    counts = []
    for hours in (None, settings.QUIET_HOURS):
        settings.QUIET_HOURS = hours
        enrollments = [make_enrollment(berliner(), make_story()) for _ in range(3)]
        messages = [enrollment.messages.get().pk for enrollment in enrollments]
        with CaptureQueriesContext(connection) as queries:
            move_on([(place, NIGHT) for place in lock_places(messages).values()], NIGHT)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert Message.objects.filter(step=2, due_at=MORNING).count() == 3


def ask_where(reader: Subscriber, keeps: str = "timezone") -> Enrollment:
    """Return a passage whose reader is asked for a city, and gets the next text at half past eight."""
    question = asking("anything", keeps=keeps)
    story = make_branching_story(("", "Which city?", question), ("", "Good morning.", Turn()))
    story.texts.filter(position=2).update(delay=timedelta(0), at=time(8, 30))
    return make_enrollment(reader, story, sent=1)


@pytest.mark.parametrize(
    ("said", "keeps", "zone"),
    [
        ("Adelaide", "timezone", "Australia/Adelaide"),
        ("kathmandu, Nepal", "timezone", "Asia/Kathmandu"),
        ("Somewhere", "timezone", "Europe/Berlin"),
        ("Adelaide", "name", "Europe/Berlin"),
    ],
)
def test_an_answer_says_where_its_reader_is(said, keeps, zone):
    reader = berliner(number=webhooks.READER)
    noon = make_story([("Noon", 0)])
    noon.texts.update(at=time(12))
    asked, other = ask_where(reader, keeps), make_enrollment(reader, noon)
    webhooks.text(said)
    reader.refresh_from_db()
    assert reader.time_zone == zone
    assert asked.questions.get().words == said
    due = [message.due_at.astimezone(reader.zone) for message in (asked.messages.get(step=2), other.messages.get())]
    assert [moment.time() for moment in due] == [time(8, 30), time(12)]
