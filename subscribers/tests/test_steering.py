"""What an editor does with a reader's passage: only when it is legal, and as the reader's own commands do it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from stories.tests.factory import make_pier, make_story
from subscribers import consent, steering, writing
from subscribers.models import Enrollment, Hold, Message, Placement, Question, Subscriber
from subscribers.scheduling import follow_story
from subscribers.steering import Action, Refused, Situation

from .engine import work
from .factory import OUR_NUMBER, make_enrollment, make_inbound, make_message, make_subscriber

pytestmark = pytest.mark.django_db

TEXTS = [(name, 60) for name in ("One", "Two", "Three", "Four", "Five")]


def offered(enrollment: Enrollment) -> set[str]:
    enrollment.refresh_from_db()
    return set(Situation.of(enrollment, Subscriber.objects.get(pk=enrollment.subscriber_id)).offered())


def do(action: Action, enrollment: Enrollment) -> str:
    return steering.DOES[action](enrollment.pk, timezone.now())


def place(enrollment: Enrollment, position: int) -> str:
    text = enrollment.story.texts.get(position=position)
    return steering.place(enrollment.pk, text.pk, timezone.now())


def upcoming(enrollment: Enrollment) -> Message:
    enrollment.refresh_from_db()
    return enrollment.messages.get(step=enrollment.step + 1)


def read_on(enrollment: Enrollment, texts: int) -> None:
    """Let the carrier take this many more texts, and record each as it does."""
    for _ in range(texts):
        steering.send(enrollment.pk, timezone.now())
        work()


@pytest.mark.parametrize(
    ("state", "actions"),
    [
        ("active", {"pause", "send", "place", "again", "stop"}),
        ("paused", {"resume", "place", "again", "stop"}),
        ("waiting", {"again", "stop"}),
        ("completed", {"place", "again"}),
        ("stopped", {"resume", "place", "again"}),
        ("failed", {"send", "place", "again"}),
    ],
)
def test_only_what_is_legal_in_the_present_state_is_offered(state, actions):
    assert offered(make_enrollment(status=state)) == actions


@pytest.mark.parametrize("state", Enrollment.Status.values)
def test_whatever_is_not_offered_is_refused_with_a_sentence_and_changes_nothing(state):
    enrollment = make_enrollment(status=state, sent=1)
    for action in set(steering.DOES) - offered(enrollment):
        with pytest.raises(Refused, match=r"\.$"):
            do(action, enrollment)
    enrollment.refresh_from_db()
    assert enrollment.status == state
    assert Enrollment.objects.count() == 1


@pytest.mark.parametrize("state", Enrollment.Status.values)
def test_nothing_that_sends_is_offered_for_who_opted_out(state):
    reader = make_subscriber(opted_out_at=timezone.now())
    assert offered(make_enrollment(reader, status=state)) <= {"pause", "stop"}


def test_a_rehearsal_is_left_to_its_own_page():
    assert offered(make_enrollment(pace=1.0)) == set()


def test_what_is_in_the_story_once_more_does_not_go_on_here():
    enrollment = make_enrollment(status="stopped")
    make_enrollment(enrollment.subscriber, enrollment.story)
    assert offered(enrollment) == set()


def test_a_pause_cancels_the_next_text_and_resuming_brings_it_back():
    enrollment = make_enrollment(sent=1)
    do(Action.PAUSE, enrollment)
    assert upcoming(enrollment).status == "canceled"
    assert enrollment.status == "paused"
    do(Action.RESUME, enrollment)
    assert upcoming(enrollment).status == "scheduled"
    assert enrollment.status == "active"


def test_a_stop_ends_one_passage_and_leaves_the_readers_others():
    enrollment = make_enrollment()
    other = make_enrollment(enrollment.subscriber)
    do(Action.STOP, enrollment)
    enrollment.refresh_from_db()
    other.refresh_from_db()
    assert (enrollment.status, enrollment.reason, other.status) == ("stopped", "an editor ended it", "active")
    assert upcoming(enrollment).status == "canceled"
    assert upcoming(other).status == "scheduled"
    do(Action.RESUME, enrollment)
    assert upcoming(enrollment).status == "scheduled"


def test_a_passage_that_was_ended_waits_in_line_when_the_reader_has_no_room(settings):
    settings.MAX_STORIES_AT_ONCE = 1
    enrollment = make_enrollment(status="stopped")
    make_enrollment(enrollment.subscriber)
    assert "waits in line" in do(Action.RESUME, enrollment)
    enrollment.refresh_from_db()
    assert enrollment.status == "waiting"


def test_the_next_text_is_sent_now_and_not_while_it_is_held():
    enrollment = make_enrollment(story=make_story([("One", 3600), ("Two", 3600)]))
    do(Action.SEND, enrollment)
    assert upcoming(enrollment).due_at <= timezone.now()
    Hold.objects.create(reason="a mistake")
    Message.objects.update(status="held")
    with pytest.raises(Refused, match="on hold"):
        do(Action.SEND, enrollment)


def test_a_story_begins_anew_in_a_passage_of_its_own():
    enrollment = make_enrollment(story=make_story(TEXTS), sent=3)
    do(Action.AGAIN, enrollment)
    enrollment.refresh_from_db()
    anew = Enrollment.objects.exclude(pk=enrollment.pk).get()
    assert (enrollment.status, anew.status, anew.step, anew.number) == ("stopped", "active", 0, OUR_NUMBER)
    assert upcoming(anew).text.body == "One"
    assert upcoming(enrollment).status == "canceled"


def test_only_a_published_story_is_started_again():
    enrollment = make_enrollment(story=make_story(status="archived"), status="completed")
    assert "again" not in offered(enrollment)


def test_a_reader_who_is_put_further_on_goes_on_from_there(sandbox):
    enrollment = make_enrollment(make_subscriber(), make_story(TEXTS), sent=1)
    place(enrollment, 4)
    assert (upcoming(enrollment).text.body, upcoming(enrollment).step) == ("Four", 2)
    read_on(enrollment, 2)
    enrollment.refresh_from_db()
    assert enrollment.status == "completed"
    assert sandbox.received(str(enrollment.subscriber))[-2:] == ["Four", "Five"]


def test_a_reader_who_is_put_back_gets_again_what_follows_there_and_each_step_once(sandbox):
    enrollment = make_enrollment(make_subscriber(), make_story(TEXTS), sent=4)
    place(enrollment, 3)
    read_on(enrollment, 3)
    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.step) == ("completed", 7)
    assert sandbox.received(str(enrollment.subscriber))[-3:] == ["Three", "Four", "Five"]
    assert list(enrollment.messages.order_by("step").values_list("step", flat=True)) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(("sent", "position", "rest"), [(1, 4, ["Four", "Five"]), (4, 3, ["Three", "Four", "Five"])])
def test_a_rearranged_story_keeps_to_where_the_reader_was_put(sandbox, sent, position, rest):
    """What was passed over does not come after all, and what was put back over comes once more."""
    story = make_story(TEXTS)
    story.texts.update(created_at=timezone.now() - timedelta(days=1))
    enrollment = make_enrollment(make_subscriber(), story, sent=sent)
    with transaction.atomic():
        story.reordered_at = timezone.now()
        story.save()
    place(enrollment, position)
    read_on(enrollment, len(rest))
    enrollment.refresh_from_db()
    assert enrollment.status == "completed"
    assert sandbox.received(str(enrollment.subscriber))[-len(rest) :] == rest


@pytest.mark.parametrize(("sent", "position", "following"), [(1, 3, "Four"), (4, 2, "Three")])
def test_a_text_that_is_deleted_hands_who_was_put_there_to_the_one_after_it(sent, position, following):
    enrollment = make_enrollment(story=make_story(TEXTS), sent=sent)
    place(enrollment, position)
    enrollment.story.texts.get(position=position).delete()
    follow_story(enrollment.story_id, timezone.now())
    assert upcoming(enrollment).text.body == following


def test_a_save_of_the_story_leaves_the_reader_where_an_editor_put_it():
    enrollment = make_enrollment(story=make_story(TEXTS), sent=4)
    place(enrollment, 2)
    follow_story(enrollment.story_id, timezone.now())
    assert upcoming(enrollment).text.body == "Two"


def test_being_put_elsewhere_takes_back_the_question_that_waited(sandbox):
    enrollment = make_enrollment(make_subscriber(), make_pier())
    read_on(enrollment, 2)
    assert Question.objects.waiting().exists()
    place(enrollment, 5)
    assert not Question.objects.exists()
    read_on(enrollment, 2)
    enrollment.refresh_from_db()
    assert enrollment.status == "completed"
    assert sandbox.received(str(enrollment.subscriber))[-2:] == ["Alone.", "You chose to wait."]


def test_one_who_is_through_goes_on_where_an_editor_puts_it():
    enrollment = make_enrollment(story=make_story(TEXTS), sent=5, status="completed")
    place(enrollment, 5)
    assert (enrollment.messages.get(step=6).text.body, upcoming(enrollment).status) == ("Five", "scheduled")
    assert enrollment.status == "active"


def test_one_who_is_paused_is_put_elsewhere_and_stays_paused():
    enrollment = make_enrollment(story=make_story(TEXTS), sent=1)
    do(Action.PAUSE, enrollment)
    place(enrollment, 3)
    assert (upcoming(enrollment).status, enrollment.status) == ("canceled", "paused")
    do(Action.RESUME, enrollment)
    assert (upcoming(enrollment).text.body, upcoming(enrollment).status) == ("Three", "scheduled")


def test_nobody_is_moved_while_a_text_is_on_its_way():
    enrollment = make_enrollment(story=make_story(TEXTS))
    now = timezone.now()
    fields = {"lease": "0" * 32, "lease_until": now + timedelta(minutes=1), "begun_at": now}
    enrollment.messages.update(status="sending", **fields)
    with pytest.raises(Refused, match="on its way"):
        place(enrollment, 3)
    assert not Placement.objects.exists()


# Replies


@pytest.fixture
def user():
    return User.objects.create_user("eddie")


def test_a_reply_goes_out_now_from_the_number_that_the_reader_knows(sandbox, user):
    reader = make_subscriber()
    make_inbound(reader, "Is it true?", number="+15005550009")
    message = writing.reply(reader.pk, " It is. ", user, timezone.now())
    assert (message.body, message.number, message.written_by, message.step) == ("It is.", "+15005550009", user, None)
    work()
    assert sandbox.received(str(reader)) == ["It is."]


def test_a_reply_in_a_story_moves_nobody_on(sandbox, user):
    enrollment = make_enrollment(story=make_story(TEXTS), sent=1)
    writing.reply(enrollment.subscriber_id, "Yes.", user, timezone.now())
    work()
    assert upcoming(enrollment).text.body == "Two"


def test_nobody_writes_to_who_opted_out(user):
    reader = make_subscriber(opted_out_at=timezone.now())
    with pytest.raises(Refused, match="has texted STOP"):
        writing.reply(reader.pk, "Come back!", user, timezone.now())
    assert not Message.objects.exists()


def test_a_stop_takes_back_a_reply_that_is_scheduled(sandbox, user):
    reader = make_subscriber()
    message = writing.reply(reader.pk, "Yes.", user, timezone.now())
    consent.opt_out(reader, timezone.now(), "the reader texted STOP")
    work()
    message.refresh_from_db()
    assert message.status == "canceled"
    assert sandbox.received(str(reader)) == []


@pytest.mark.parametrize(("body", "sentence"), [(" ", "nothing to send"), ("x" * 1601, "too long")])
def test_what_the_carrier_would_not_take_is_refused(user, body, sentence):
    with pytest.raises(Refused, match=sentence):
        writing.reply(make_subscriber().pk, body, user, timezone.now())


def test_a_lost_reply_is_no_text_of_a_story(user):
    enrollment = make_enrollment(sent=1)
    make_message(enrollment, enrollment=None, story=None, written_by=user, status="failed", body="Yes.")
    assert upcoming(enrollment).status == "scheduled"
