"""The brake: what it keeps back, and how what it kept back goes on, whatever is killed meanwhile."""

from datetime import time, timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from stories.models import StoryText
from stories.quiet import parse_quiet_hours
from stories.tests.factory import asking, make_branching_story, make_story
from stories.turns import Follows, Turn
from subscribers import dispatch, holds, tasks
from subscribers.models import Enrollment, Hold, Message
from subscribers.scheduling import follow_story, schedule
from subscribers.steering import place

from .engine import claimed, work
from .factory import make_enrollment, make_message, make_subscriber

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RHYTHM, NOW, SKIP = Hold.Way.RHYTHM, Hold.Way.NOW, Hold.Way.SKIP
TEXTS = [("One", 0), ("Two", 86_400), ("Three", 86_400), ("Four", 86_400)]


@pytest.fixture
def now():
    return timezone.now()


def hold_since(since, **fields) -> Hold:
    """Put a hold on that has been there since then."""
    hold = Hold.objects.create(reason="A mistake", **fields)
    Hold.objects.filter(pk=hold.pk).update(created_at=since)
    hold.refresh_from_db()
    return hold


def make_held(due, story=None, sent: int = 1, **fields) -> Enrollment:
    """Return a reader who has had this many texts, and whose next one fell due then and is held."""
    enrollment = make_enrollment(story=story or make_story(TEXTS), sent=sent, **fields)
    waiting(enrollment).update(due_at=due, status="held")
    return enrollment


def waiting(enrollment: Enrollment):
    return Message.objects.filter(enrollment=enrollment, sent_at=None, step__isnull=False)


def next_of(enrollment: Enrollment) -> tuple:
    message = waiting(enrollment).get()
    return message.status, message.text.body, message.due_at


# What it covers


def test_a_hold_on_one_text_lets_the_storys_other_texts_and_other_stories_go_on(sandbox):
    story = make_story(TEXTS)
    before, at_it, elsewhere = make_enrollment(story=story), make_enrollment(story=story, sent=1), make_enrollment()
    Message.objects.filter(sent_at=None).update(due_at=timezone.now())
    Hold.objects.create(story=story, text=story.texts.get(position=2), reason="A name is wrong")
    work()
    statuses = [waiting(at_it).get().status, before.messages.get(step=1).status, elsewhere.messages.get(step=1).status]
    assert statuses == ["held", "queued", "queued"]


def test_a_hold_on_one_text_stops_what_is_claimed_already(sandbox):
    story = make_story(TEXTS)
    held, free = make_enrollment(story=story, sent=1), make_enrollment(story=story, sent=2)
    Message.objects.filter(sent_at=None).update(due_at=timezone.now())
    [(_, ids, lease)] = claimed()
    assert len(ids) == 2
    Hold.objects.create(story=story, text=story.texts.get(position=2), reason="A name is wrong")
    dispatch.send(ids, lease)
    assert waiting(held).get().status == "held"
    assert sandbox.received(str(held.subscriber.phone_number)) == []
    assert sandbox.received(str(free.subscriber.phone_number)) == ["Three"]


def test_whoever_waits_for_a_held_text_that_is_deleted_goes_on_with_the_one_after_it(now):
    enrollment = make_held(now)
    text = enrollment.story.texts.get(position=2)
    Hold.objects.create(story=enrollment.story, text=text, reason="Nonsense")
    text.delete()
    follow_story(enrollment.story_id, now)
    assert next_of(enrollment)[:2] == ("scheduled", "Three")
    assert not Hold.objects.exists()


def test_an_edit_does_not_let_go_what_is_held(now):
    enrollment = make_held(now)
    Hold.objects.create(story=enrollment.story, reason="A mistake")
    follow_story(enrollment.story_id, now)
    assert next_of(enrollment)[:2] == ("held", "Two")


# Releasing


def test_in_rhythm_each_text_moves_on_by_the_time_of_the_hold(now):
    hold = hold_since(now - 6 * HOUR)
    early, late = make_held(now - 5 * HOUR), make_held(now - HOUR)
    assert holds.release(hold, now) == 2
    assert next_of(early) == ("scheduled", "Two", now + HOUR)
    assert next_of(late) == ("scheduled", "Two", now + 5 * HOUR)


def test_in_rhythm_what_had_not_fallen_due_keeps_its_time(now):
    hold, enrollment = hold_since(now - HOUR), make_enrollment(sent=1)
    due = waiting(enrollment).get().due_at
    holds.release(hold, now)
    assert waiting(enrollment).get().due_at == due


def test_in_rhythm_a_text_of_a_time_of_day_waits_for_that_time_to_come_again(now, settings):
    story = make_story(TEXTS)
    story.texts.filter(position=2).update(at=time(8), days=1, delay=timedelta(0))
    reader = make_subscriber(time_zone="Asia/Tokyo")
    due = (now - DAY).replace(hour=23, minute=0, second=0, microsecond=0)  # eight in Tokyo
    enrollment = make_held(due, story=story, subscriber=reader)
    hold = hold_since(due - HOUR)
    holds.release(hold, due + HOUR)
    assert next_of(enrollment) == ("scheduled", "Two", due + DAY)


def test_an_edit_after_the_release_keeps_the_rhythm(now):
    enrollment = make_held(now - HOUR)
    sent_at = now - 2 * DAY
    Message.objects.filter(enrollment=enrollment, step=1).update(sent_at=sent_at)
    waiting(enrollment).update(due_at=sent_at + DAY)
    holds.release(hold_since(sent_at + DAY), now)
    assert next_of(enrollment)[2] == now
    enrollment.story.texts.filter(position=2).update(delay=DAY + HOUR)
    follow_story(enrollment.story_id, now)
    assert next_of(enrollment) == ("scheduled", "Two", now + HOUR)


def test_two_holds_that_overlap_move_a_text_on_by_the_time_of_both_together(now):
    enrollment = make_held(now - 4 * HOUR + timedelta(minutes=1))
    everything = hold_since(now - 4 * HOUR)
    story = hold_since(now - 3 * HOUR, story=enrollment.story)
    holds.release(everything, now - 2 * HOUR)
    assert next_of(enrollment)[0] == "held"
    holds.release(story, now - HOUR)
    # Held from four hours ago until one hour ago.
    assert next_of(enrollment) == ("scheduled", "Two", now - HOUR + timedelta(minutes=1))


def test_what_is_due_goes_out_at_once_when_that_is_chosen(now, sandbox):
    hold, enrollment = hold_since(now - 6 * HOUR), make_held(now - 5 * HOUR)
    holds.release(hold, now, NOW, by=User.objects.create(username="eddie"))
    assert next_of(enrollment) == ("scheduled", "Two", now)
    work()
    assert sandbox.received(str(enrollment.subscriber.phone_number)) == ["Two"]
    hold.refresh_from_db()
    assert (hold.way, hold.released_by.username, hold.waiting, hold.let_go) == ("now", "eddie", 1, 1)


def test_whoever_skips_goes_on_with_the_text_after_it_in_rhythm(now):
    hold, enrollment = hold_since(now - 6 * HOUR), make_held(now - 5 * HOUR)
    holds.release(hold, now, SKIP)
    assert next_of(enrollment) == ("scheduled", "Three", now + HOUR + DAY)
    assert waiting(enrollment).get().step == 2
    assert Message.objects.skipped().get().text.body == "Two"


def test_a_skipped_text_does_not_come_later_however_the_story_is_changed(now, sandbox):
    enrollment = make_held(now - HOUR)
    story = enrollment.story
    holds.release(hold_since(now - 2 * HOUR), now, SKIP)
    follow_story(story.pk, now)
    assert next_of(enrollment)[1] == "Three"
    story.texts.get(body="Three").delete()
    follow_story(story.pk, now)
    assert next_of(enrollment)[1] == "Four"
    ids = {text.body: text.pk for text in story.texts.all()}
    story.arrange([ids["One"], ids["Four"], ids["Two"]], now)
    follow_story(story.pk, now)
    waiting(enrollment).update(due_at=timezone.now())
    work()
    enrollment.refresh_from_db()
    assert enrollment.status == Enrollment.Status.COMPLETED
    assert sandbox.received(str(enrollment.subscriber.phone_number)) == ["Four"]


def test_whoever_skips_the_last_text_has_finished(now):
    enrollment = make_held(now - HOUR, sent=3)
    holds.release(hold_since(now - 2 * HOUR), now, SKIP)
    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.step) == ("completed", 3)
    assert not waiting(enrollment).exists()


@pytest.mark.parametrize(
    ("turn", "comes"),
    [
        (Turn(Follows.LEAD, leads_to="last"), "The end"),
        (asking("A -> last", "B -> b", answer_within=HOUR, default_answer="A"), "The end"),
        (asking("A -> last", "B -> b"), "At B"),
        (Turn(Follows.END), None),
    ],
)
def test_a_skipped_text_leads_where_it_would_have_led_without_an_answer(now, turn, comes):
    texts = [("", "One", Turn()), ("", "Two", turn), ("b", "At B", Turn()), ("last", "The end", Turn(Follows.END))]
    enrollment = make_held(now - HOUR, story=make_branching_story(*texts))
    holds.release(hold_since(now - 2 * HOUR), now, SKIP)
    found = waiting(enrollment).first()
    assert (found and found.text.body) == comes


def test_where_texts_come_again_a_skipped_one_does_too(now, sandbox):
    round_and_round = make_branching_story(
        ("start", "Ready?", asking("yes -> loop")), ("loop", "Round", Turn()), ("", "Back", asking("yes -> loop"))
    )
    enrollment = make_enrollment(story=round_and_round, sent=1)
    say_yes(enrollment, now)
    waiting(enrollment).update(status="held", due_at=now - HOUR)
    holds.release(hold_since(now - 2 * HOUR), now, SKIP)
    assert next_of(enrollment)[1] == "Back"
    work(next_of(enrollment)[2])
    enrollment.refresh_from_db()
    say_yes(enrollment, timezone.now())
    assert next_of(enrollment)[1] == "Round"


def say_yes(enrollment: Enrollment, now) -> None:
    enrollment.questions.filter(step=enrollment.step).update(answered_at=now, choice="yes")
    with transaction.atomic():
        schedule([enrollment], now)


def test_whoever_is_put_at_a_text_that_was_skipped_gets_it(now):
    enrollment = make_held(now - HOUR)
    holds.release(hold_since(now - 2 * HOUR), now, SKIP)
    place(enrollment.pk, enrollment.story.texts.get(position=2).pk, timezone.now())
    assert next_of(enrollment)[1] == "Two"


def test_whoever_was_put_at_a_text_that_is_skipped_goes_on_behind_it(now):
    enrollment = make_enrollment(story=make_story(TEXTS), sent=1)
    place(enrollment.pk, enrollment.story.texts.get(position=3).pk, now)
    waiting(enrollment).update(status="held", due_at=now - HOUR)
    holds.release(hold_since(now - 2 * HOUR), timezone.now(), SKIP)
    assert next_of(enrollment)[1] == "Four"


def test_in_rhythm_nobody_is_woken_when_the_story_is_changed_after_the_release(now, settings):
    settings.QUIET_HOURS = parse_quiet_hours("from 21:00 to 8:00")
    night = now.replace(hour=2, minute=0, second=0, microsecond=0)
    reader = make_subscriber(time_zone="Africa/Abidjan")
    enrollment = make_held(night - 8 * HOUR, subscriber=reader)
    Message.objects.filter(enrollment=enrollment, step=1).update(sent_at=night - 8 * HOUR - DAY)
    holds.release(hold_since(night - 8 * HOUR), night)
    follow_story(enrollment.story_id, night)
    assert next_of(enrollment) == ("scheduled", "Two", night + 6 * HOUR)


def test_a_new_try_of_a_lost_text_is_not_made_by_whoever_skips(now):
    enrollment = make_enrollment(sent=1)
    again = make_message(enrollment, again=enrollment.messages.get(step=1), status="held", sid=None, due_at=now - HOUR)
    holds.release(hold_since(now - 2 * HOUR), now, SKIP)
    again.refresh_from_db()
    assert again.status == "canceled"


def test_each_way_tells_whom_it_concerns(now):
    story = make_story(TEXTS)
    StoryText.objects.filter(story=story, position=2).update(at=time(8))
    clock, plain, covered = make_held(now, story=story), make_held(now), make_held(now)
    make_held(now, story=plain.story, subscriber=clock.subscriber)
    make_held(now, pace=0.5)
    make_message(plain, step=None, automatic="help", enrollment=None, story=None, status="held", sid=None)
    make_enrollment(sent=1)
    hold = Hold.objects.create(reason="all")
    Hold.objects.create(story=covered.story, reason="one")
    concerned = holds.concerned(hold)
    assert (concerned.readers, concerned.by_the_clock, concerned.others, concerned.elsewhere) == (2, 1, 1, 1)


# In batches


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(holds, "RELEASE_BATCH", 3)


def make_many(now, count: int = 8) -> list[Enrollment]:
    story = make_story(TEXTS)
    return [make_held(now - HOUR, story=story) for _ in range(count)]


def due_of(enrollments: list[Enrollment]) -> list[tuple]:
    return [next_of(enrollment) for enrollment in enrollments]


@pytest.mark.parametrize(
    ("way", "comes", "after"), [(RHYTHM, "Two", HOUR), (NOW, "Two", timedelta(0)), (SKIP, "Three", HOUR + DAY)]
)
def test_a_release_is_finished_by_the_cluster_wherever_it_was_broken_off(now, small_batches, way, comes, after):
    hold, enrollments = hold_since(now - 2 * HOUR), make_many(now)
    assert holds.release(hold, now, way) == 3
    assert [row.task["func"] for row in OrmQ.objects.all()] == ["subscribers.tasks.release"]
    # Two tasks at the same work, of which one is killed in the middle of a batch: what it did is rolled back.
    assert holds.release_batch(hold.pk, now) == 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holds, "keep_progress", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            holds.release_batch(hold.pk, now)
    hold.refresh_from_db()
    assert (hold.let_go, hold.done_at) == (6, None)
    tasks.release(hold.pk)
    tasks.release(hold.pk)
    hold.refresh_from_db()
    assert (hold.let_go, hold.waiting) == (8, 8)
    assert hold.done_at
    assert due_of(enrollments) == [("scheduled", comes, now + after)] * 8
    assert Message.objects.skipped().count() == (8 if way == SKIP else 0)


def test_a_release_whose_task_is_lost_goes_on_by_itself(now, small_batches):
    hold, enrollments = hold_since(now - 2 * HOUR), make_many(now)
    holds.release(hold, now)
    OrmQ.objects.all().delete()
    tasks.resume_releases()
    assert not OrmQ.objects.exists()
    Hold.objects.update(worked_at=now - 2 * timedelta(minutes=1))
    tasks.resume_releases()
    [row] = OrmQ.objects.all()
    tasks.release(*row.task["args"])
    assert {status for status, *_ in due_of(enrollments)} == {"scheduled"}
    assert Schedule.objects.get(name="Releases").func == "subscribers.tasks.resume_releases"


@pytest.mark.parametrize("way", [RHYTHM, NOW, SKIP])
def test_a_hold_that_is_put_on_while_another_is_released_keeps_the_rest(now, small_batches, way):
    hold, enrollments = hold_since(now - 2 * HOUR), make_many(now)
    holds.release(hold, now, way)
    second = Hold.objects.create(story=enrollments[0].story, reason="Wait again")
    tasks.release(hold.pk)
    assert [status for status, *_ in due_of(enrollments)] == ["scheduled"] * 3 + ["held"] * 5
    hold.refresh_from_db()
    assert hold.done_at
    holds.release(second, timezone.now(), NOW)
    tasks.release(second.pk)
    assert {status for status, *_ in due_of(enrollments)} == {"scheduled"}


def test_nobody_gets_a_text_twice_or_none_of_a_release_in_parts(now, small_batches, sandbox):
    hold, enrollments = hold_since(now - 2 * HOUR), make_many(now)
    holds.release(hold, now, NOW)
    work()
    tasks.release(hold.pk)
    work()
    work()
    assert [sandbox.received(str(enrollment.subscriber.phone_number)) for enrollment in enrollments] == [["Two"]] * 8


def test_holds_that_were_released_before_are_done():
    migration = import_module("subscribers.migrations.0028_release_holds_in_three_ways")
    hold = Hold.objects.create(reason="An old one", released_at=timezone.now())
    migration.finish_earlier_releases(apps, None)
    hold.refresh_from_db()
    assert hold.done_at == hold.released_at
