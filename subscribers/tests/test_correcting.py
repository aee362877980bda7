"""Corrections: exactly those who received a text, once each, whatever is killed, stopped or says STOP meanwhile."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_q.models import OrmQ

from stories import history
from stories.models import Story
from stories.tests.factory import make_story
from subscribers import consent, correcting, erasing, tasks
from subscribers.models import Correction, Enrollment, Hold, Message, Recipient, Subscriber
from subscribers.steering import Refused

from .engine import work
from .factory import OUR_NUMBER, make_enrollment, make_message, make_subscriber

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    return User.objects.create_user("eddie")


@pytest.fixture
def story() -> Story:
    return make_story([("One", 60), ("Two", 60), ("Three", 3600)])


def start(story: Story, user: User, position: int = 2, wording: str = "", body: str = "It was Tuesday.") -> Correction:
    now = timezone.now()
    return correcting.start(story.texts.get(position=position), wording, body, now, user, now)


def write_all(correction: Correction) -> None:
    while correcting.write_batch(correction.pk, timezone.now()):
        pass
    correction.refresh_from_db()


def written_to(correction: Correction) -> set[int]:
    return set(Message.objects.filter(correction__correction=correction).values_list("subscriber", flat=True))


def test_it_goes_to_exactly_those_who_received_the_text(story, user):
    had = [make_enrollment(story=story, sent=sent).subscriber_id for sent in (2, 3)]
    make_enrollment(story=story, sent=1)
    make_enrollment(sent=2)
    make_enrollment(story=story, sent=2, pace=1.0)
    correction = start(story, user)
    write_all(correction)
    assert written_to(correction) == set(had)
    assert (correction.status, correction.readers, correction.written) == ("written", 2, 2)


def test_who_had_it_in_two_passages_gets_it_once(story, user):
    first = make_enrollment(story=story, sent=3, status="completed")
    make_enrollment(first.subscriber, story, sent=2)
    correction = start(story, user)
    write_all(correction)
    assert Message.objects.filter(body="It was Tuesday.").count() == correction.readers == 1


def test_who_gets_the_text_after_the_preview_gets_the_words_of_then_and_no_correction(story, user):
    make_enrollment(story=story, sent=2)
    correction = start(story, user)
    make_enrollment(story=story, sent=2).messages.filter(step=2).update(sent_at=timezone.now() + timedelta(seconds=9))
    write_all(correction)
    assert correction.written == 1


def test_a_text_that_was_lost_was_not_received_unless_it_was_sent_again(story, user):
    lost, again = make_enrollment(story=story, sent=2), make_enrollment(story=story, sent=2)
    for enrollment in (lost, again):
        enrollment.messages.filter(step=2).update(status="undelivered", error_code=30003)
    repeated = again.messages.get(step=2)
    make_message(again, again=repeated, body=repeated.body, sent_at=timezone.now())
    correction = start(story, user)
    write_all(correction)
    assert written_to(correction) == {again.subscriber_id}


def test_it_goes_to_one_wording_of_the_text(story, user):
    text = story.texts.get(position=2)
    history.keep(story, timezone.now())
    early = make_enrollment(story=story, sent=2)
    text.body = "Two, put right"
    text.save()
    history.keep(story, timezone.now())
    make_enrollment(story=story, sent=2)
    assert correcting.wordings(text) == ["Two, put right", "Two"]
    correction = start(story, user, wording="Two")
    write_all(correction)
    assert written_to(correction) == {early.subscriber_id}


def test_a_wording_with_readers_own_words_is_known_by_when_it_went_out(user):
    story = make_story([("Hello {name|friend}, it was Monday.", 0)])
    text, now = story.texts.get(), timezone.now()
    history.keep(story, now - timedelta(hours=3))
    text.body = "Hello {name|friend}, it was Tuesday."
    text.save()
    history.keep(story, now - timedelta(hours=1))
    readers = {}
    for hours in (4, 2, 0):
        enrollment = make_enrollment(story=story, sent=1)
        enrollment.messages.update(body="Hello Ana, it was a day.", begun_at=now - timedelta(hours=hours))
        readers[hours] = enrollment.subscriber_id
    monday = correcting.received(text, "Hello {name|friend}, it was Monday.", timezone.now())
    assert set(monday.values_list("subscriber", flat=True)) == {readers[4], readers[2]}
    tuesday = correcting.received(text, text.body, timezone.now())
    assert set(tuesday.values_list("subscriber", flat=True)) == {readers[0]}


def test_the_preview_counts_by_state_and_says_who_is_left_out_and_why(story, user):
    for status in ("active", "active", "completed", "stopped"):
        make_enrollment(story=story, sent=2, status=status)
    make_enrollment(make_subscriber(opted_out_at=timezone.now()), story, sent=2)
    unreachable = make_enrollment(story=story, sent=2, status="failed")
    make_message(unreachable, status="undelivered", error_code=30006, sent_at=timezone.now())
    reach = correcting.reach(story.texts.get(position=2), "", timezone.now())
    assert reach.states == {"Active": 2, "Completed": 1, "Stopped": 1}
    assert {why.partition(":")[0]: count for why, count in reach.left_out.items()} == {
        "have texted STOP": 1,
        "cannot be reached": 1,
    }
    assert (reach.readers, reach.had) == (4, 6)
    correction = start(story, user)
    write_all(correction)
    assert len(written_to(correction)) == reach.readers


def test_who_asked_to_be_forgotten_is_left_out(story, user):
    enrollment = make_enrollment(story=story, sent=2)
    Subscriber.objects.update(forgotten_at=timezone.now())
    with pytest.raises(Refused, match="nobody to send it to"):
        start(story, user)
    Subscriber.objects.update(forgotten_at=None)
    correction = start(story, user)
    write_all(correction)
    with transaction.atomic():
        erasing.forget(Subscriber.objects.get(pk=enrollment.subscriber_id), timezone.now())
    erasing.erase(timezone.now())
    assert not Recipient.objects.exists()


def test_it_arrives_from_the_number_that_the_reader_knows_and_moves_nobody_on(sandbox, story, user):
    enrollment = make_enrollment(story=story, sent=2)
    correction = start(story, user)
    write_all(correction)
    message = Message.objects.get(correction__correction=correction)
    assert (message.number, message.step, message.enrollment, message.story) == (OUR_NUMBER, None, None, story)
    work()
    assert sandbox.received(str(enrollment.subscriber.phone_number)) == ["It was Tuesday."]
    enrollment.refresh_from_db()
    assert (enrollment.step, enrollment.status) == (2, "active")
    assert correcting.State.of(correction).sent == 1


def test_one_who_has_read_it_to_the_end_and_one_who_was_ended_get_it(sandbox, story, user):
    readers = [make_enrollment(story=story, sent=3, status=status) for status in ("completed", "stopped")]
    write_all(start(story, user))
    work()
    assert [sandbox.received(str(each.subscriber.phone_number)) for each in readers] == [["It was Tuesday."]] * 2


def test_a_killed_task_goes_on_and_doubles_nothing(story, user, monkeypatch):
    monkeypatch.setattr(correcting, "BATCH", 2)
    readers = {make_enrollment(story=story, sent=2).subscriber_id for _ in range(5)}
    correction = start(story, user)
    tasks.correct(correction.pk)
    # What the killed task had written is kept; the task is handed out again, and so is one that ran meanwhile.
    tasks.correct(correction.pk)
    tasks.correct(correction.pk)
    correction.refresh_from_db()
    Correction.objects.update(reached=0)
    write_all(correction)
    assert written_to(correction) == readers
    assert Message.objects.filter(body="It was Tuesday.").count() == correction.written == 5


def test_nobody_is_written_to_twice_by_constraint(story, user):
    make_enrollment(story=story, sent=2)
    correction = start(story, user)
    write_all(correction)
    recipient = Recipient.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Recipient.objects.create(correction=correction, subscriber=recipient.subscriber)


def test_a_preview_that_is_confirmed_twice_is_one_correction(story, user):
    make_enrollment(story=story, sent=2)
    OrmQ.objects.all().delete()
    text, until = story.texts.get(position=2), timezone.now()
    for _ in range(2):
        correcting.start(text, "", "It was Tuesday.", until, user, timezone.now())
    assert Correction.objects.count() == OrmQ.objects.count() == 1


def test_a_stopped_correction_goes_to_nobody_else(sandbox, story, user, monkeypatch):
    monkeypatch.setattr(correcting, "BATCH", 2)
    readers = [make_enrollment(story=story, sent=2).subscriber for _ in range(5)]
    correction = start(story, user)
    correcting.write_batch(correction.pk, timezone.now())
    assert correcting.stop(correction.pk, timezone.now()) == 2
    write_all(correction)
    work()
    assert (correction.status, correction.written) == ("stopped", 2)
    assert [sandbox.received(str(reader.phone_number)) for reader in readers] == [[]] * 5
    with pytest.raises(Refused, match="gone out already"):
        correcting.stop(correction.pk, timezone.now())


def test_a_stop_of_the_reader_wins_over_a_correction_that_is_scheduled(sandbox, story, user):
    reader = make_enrollment(story=story, sent=2).subscriber
    correction = start(story, user)
    write_all(correction)
    consent.opt_out(reader, timezone.now(), "the reader texted STOP")
    work()
    assert sandbox.received(str(reader.phone_number)) == []
    assert correcting.State.of(correction).canceled == 1


def test_a_hold_on_the_story_holds_its_corrections(sandbox, story, user):
    reader = make_enrollment(story=story, sent=2).subscriber
    write_all(start(story, user))
    Hold.objects.create(story=story, reason="a mistake")
    work()
    assert sandbox.received(str(reader.phone_number)) == []
    assert Message.objects.get(body="It was Tuesday.").status == "held"


def test_a_correction_that_is_lost_ends_nobodys_passage(sandbox, story, user):
    enrollment = make_enrollment(make_subscriber("+12125550555"), story, sent=2)
    correction = start(story, user)
    write_all(correction)
    Message.objects.filter(correction__correction=correction).update(status="failed")
    enrollment.refresh_from_db()
    assert enrollment.status == "active"
    assert correcting.State.of(correction).lost == 1


def test_many_are_spread_over_time_so_that_the_storys_own_texts_get_through(story, user, monkeypatch):
    monkeypatch.setattr(correcting, "PER_SECOND", 1)
    monkeypatch.setattr(correcting, "BATCH", 2)
    for _ in range(5):
        make_enrollment(story=story, sent=2)
    correction = start(story, user)
    write_all(correction)
    due = list(
        Message.objects.filter(correction__correction=correction).order_by("pk").values_list("due_at", flat=True)
    )
    assert [round((moment - correction.created_at).total_seconds()) for moment in due] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("body", "sentence"), [("  ", "nothing to send"), ("x" * 1601, "too long")])
def test_what_the_carrier_would_not_take_is_refused(story, user, body, sentence):
    make_enrollment(story=story, sent=2)
    with pytest.raises(Refused, match=sentence):
        start(story, user, body=body)


def test_who_looked_while_another_waited_to_send_is_told_of_what_was_sent(story, user):
    make_enrollment(story=story, sent=2)
    text, now = story.texts.get(position=2), timezone.now()
    pressed, looked = now - timedelta(seconds=3), now - timedelta(seconds=1)
    Message.objects.update(sent_at=now - timedelta(minutes=1))
    first = correcting.start(text, "", "It was Tuesday.", pressed, user, pressed)
    assert first.created_at >= now
    with pytest.raises(Refused, match="This text was corrected by"):
        correcting.start(text, "", "It was Friday.", looked, user, timezone.now())
    assert correcting.looked_at(text) > first.created_at


def test_a_text_that_was_deleted_before_it_was_sent_is_said_to_be(story, user):
    make_enrollment(story=story, sent=2)
    text = story.texts.get(position=2)
    story.texts.filter(position=2).delete()
    with pytest.raises(correcting.TextDeleted, match="The text was deleted meanwhile"):
        correcting.start(text, "", "It was Tuesday.", timezone.now(), user, timezone.now())
    assert not Correction.objects.exists()


def test_a_text_that_is_deleted_meanwhile_ends_it(story, user):
    make_enrollment(story=story, sent=2, status="completed")
    correction = start(story, user)
    story.texts.get(position=2).delete()
    write_all(correction)
    assert (correction.status, correction.written) == ("deleted", 0)
    assert Enrollment.objects.count() == 1
