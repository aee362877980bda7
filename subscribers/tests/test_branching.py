"""Stories that ask: answers, hints, time-outs, and what editing does to readers who wait at a question."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from stories import history
from stories.models import StoryText
from stories.tests.factory import asking, make_branching_story, make_pier, make_story
from stories.turns import Choice, Follows, Turn
from subscribers import consent, dispatch, housekeeping
from subscribers.holds import release
from subscribers.inbound import InboundText, receive
from subscribers.models import Enrollment, Hold, Message, Question
from subscribers.outcomes import Outcome, record
from subscribers.progress import progress_of, with_progress
from subscribers.scheduling import follow_story, send_next_now
from subscribers.threads import thread_of
from textengine.carrier import Accepted

from .engine import claimed, work
from .factory import OUR_NUMBER, make_enrollment, make_subscriber

pytestmark = pytest.mark.django_db


def text_in(enrollment: Enrollment, body: str, now=None, our_number: str = OUR_NUMBER) -> None:
    number = str(enrollment.subscriber.phone_number)
    receive(InboundText(f"SM{uuid4().hex}", number, our_number, body), now or timezone.now())


def read_on(enrollment: Enrollment) -> list[str]:
    """Send all that is scheduled, whenever it is due; return what the reader then has, hints and reminders too."""
    for _ in range(20):
        enrollment.messages.filter(status="scheduled").update(due_at=timezone.now())
        if not work():
            break
    enrollment.refresh_from_db()
    return list(enrollment.messages.exclude(sent_at=None).order_by("sent_at", "pk").values_list("body", flat=True))


def read_texts_on(enrollment: Enrollment) -> list[str]:
    """The same, without what is not due yet."""
    while work(timezone.now() + timedelta(minutes=2)):
        pass
    enrollment.refresh_from_db()
    return list(enrollment.messages.exclude(sent_at=None).order_by("sent_at", "pk").values_list("body", flat=True))


def waiting(enrollment) -> Message | None:
    return enrollment.messages.filter(status="scheduled").first()


def question(enrollment) -> Question:
    return enrollment.questions.latest("step")


def answered(sandbox, story, *bodies: str) -> tuple[Enrollment, list[str]]:
    enrollment = make_enrollment(story=story)
    read_on(enrollment)
    for body in bodies:
        text_in(enrollment, body)
        had = read_on(enrollment)
    return enrollment, had


def set_turn(story, body: str, **fields) -> None:
    story.texts.filter(body=body).update(**fields)
    follow_story(story.pk, timezone.now())


@pytest.mark.parametrize(
    ("body", "ending"),
    [("Board!", ["At sea.", "The end at sea."]), ("b) please", ["Alone.", "You chose to B."])],
)
def test_an_answer_leads_to_its_ending_and_what_was_said_is_used(sandbox, body, ending):
    enrollment, had = answered(sandbox, make_pier(), body)
    assert had == ["Once. Reply STOP to end.", "Board, or stay?", *ending]
    assert enrollment.status == "completed"
    received = [message["body"] for message in sandbox.messages(str(enrollment.subscriber.phone_number))]
    assert received == had


def test_nothing_is_scheduled_while_an_answer_is_waited_for_and_the_wait_counts_from_it(sandbox):
    enrollment = make_enrollment(story=make_pier())
    read_on(enrollment)
    assert (enrollment.step, enrollment.status, waiting(enrollment)) == (2, "active", None)
    now = timezone.now() + timedelta(days=3)
    text_in(enrollment, "stay", now)
    assert (waiting(enrollment).text.body, waiting(enrollment).due_at) == ("Alone.", now + timedelta(seconds=60))
    assert (question(enrollment).choice, question(enrollment).answered_at) == ("B", now)


def test_what_fits_no_answer_gets_the_hint_at_most_twice(sandbox):
    enrollment, had = answered(sandbox, make_pier(), "hm", "why?", "what", "hello?")
    assert had[2:] == ["Answer A or B.", "Answer A or B."]
    text_in(enrollment, "A")
    assert read_on(enrollment)[-1] == "The end at sea."


def test_a_second_answer_changes_nothing_and_is_no_answer_to_anything(sandbox):
    enrollment = make_enrollment(story=make_pier())
    read_on(enrollment)
    text_in(enrollment, "A")
    text_in(enrollment, "B")
    assert read_on(enrollment)[2:] == ["At sea.", "The end at sea."]


def test_a_storys_keyword_is_one_unless_the_story_waits_for_that_word(sandbox):
    other = make_story(keyword="river")
    make_story(keyword="stay")
    enrollment = make_enrollment(story=make_pier())
    read_on(enrollment)
    text_in(enrollment, "RIVER")
    assert enrollment.subscriber.enrollments.filter(story=other).exists()
    assert question(enrollment).hints == 0
    text_in(enrollment, "stay")
    assert question(enrollment).choice == "B"
    assert enrollment.subscriber.enrollments.count() == 2


def test_the_story_that_asked_last_gets_the_answer_and_then_the_one_before(sandbox):
    reader = make_subscriber()
    first, second = make_enrollment(reader, make_pier()), None
    read_on(first)
    second = make_enrollment(reader, make_branching_story(("", "Yes?", asking("A", hint="A!")), ("", "End.", Turn())))
    read_on(second)
    text_in(second, "A")
    assert (question(first).answered_at, question(second).choice) == (None, "A")
    text_in(first, "A")
    assert question(first).choice == "A"


def test_an_answer_is_what_was_texted_to_the_number_that_asked(sandbox):
    anything = make_branching_story(("", "Your name?", asking("anything")), ("", "End.", Turn()))
    enrollment = make_enrollment(story=anything, number=OUR_NUMBER)
    read_on(enrollment)
    other = make_story(keyword="forest", number="+14155550199")
    text_in(enrollment, "forest", our_number="+14155550199")
    assert other.enrollments.get().number == "+14155550199"
    assert question(enrollment).answered_at is None
    text_in(enrollment, "Forest")
    assert question(enrollment).choice == "anything"


def test_stop_and_help_come_before_any_answer_and_start_goes_on_at_the_question(sandbox):
    story = make_branching_story(("", "What now?", asking("anything", keeps="plan")), ("", "So {plan|that}.", Turn()))
    enrollment = make_enrollment(story=story)
    read_on(enrollment)
    text_in(enrollment, "help")
    assert question(enrollment).answered_at is None
    text_in(enrollment, "Stop")
    text_in(enrollment, "swim")
    enrollment.refresh_from_db()
    assert (enrollment.status, question(enrollment).answered_at) == ("stopped", None)
    text_in(enrollment, "START")
    enrollment.refresh_from_db()
    assert (enrollment.status, waiting(enrollment)) == ("active", None)
    text_in(enrollment, "swim")
    assert read_on(enrollment)[-1] == "So swim."


def test_who_stopped_after_the_answer_goes_on_where_it_led(sandbox):
    enrollment = make_enrollment(story=make_pier())
    read_on(enrollment)
    text_in(enrollment, "B")
    text_in(enrollment, "STOP")
    text_in(enrollment, "START")
    assert read_on(enrollment)[2:] == ["Alone.", "You chose to B."]


def timed(**fields):
    return make_pier(answer_within=timedelta(hours=2), **fields)


def test_the_default_is_taken_when_the_time_is_over(sandbox):
    enrollment = make_enrollment(story=timed(default_answer="stay"))
    had = read_texts_on(enrollment)
    asked_at = enrollment.messages.get(step=2).sent_at
    message = waiting(enrollment)
    assert (len(had), message.text.body, message.step) == (2, "Alone.", 3)
    assert message.due_at == asked_at + timedelta(hours=2, seconds=60)
    assert read_on(enrollment)[2:] == ["Alone.", "You chose to wait."]
    assert (question(enrollment).answered_at, enrollment.status) == (None, "completed")


def test_an_answer_in_time_takes_the_defaults_place_also_when_that_was_claimed_already(sandbox):
    enrollment = make_enrollment(story=timed(default_answer="stay"))
    read_texts_on(enrollment)
    enrollment.messages.filter(step=3).update(due_at=timezone.now())
    [(_, [old], _)] = claimed()
    text_in(enrollment, "board")
    assert not Message.objects.filter(pk=old).exists()
    assert read_on(enrollment)[2:] == ["At sea.", "The end at sea."]


def test_an_answer_that_comes_while_the_defaults_request_is_under_way_is_too_late(sandbox):
    enrollment = make_enrollment(story=timed(default_answer="stay"))
    read_texts_on(enrollment)
    now = timezone.now()
    enrollment.messages.filter(step=3).update(status="sending", begun_at=now, lease=uuid4(), lease_until=now)
    text_in(enrollment, "board")
    assert question(enrollment).answered_at is None
    assert enrollment.messages.get(step=3).text.body == "Alone."


def test_a_reader_may_answer_before_it_is_recorded_that_the_question_was_sent(sandbox):
    enrollment = make_enrollment(story=make_pier(), sent=1)
    enrollment.messages.filter(step=2).update(due_at=timezone.now())
    [(_, ids, lease)] = claimed()
    text_in(enrollment, "B")
    assert not Question.objects.exists()
    [request] = dispatch.begin(ids, lease, timezone.now())
    text_in(enrollment, "hm?")
    text_in(enrollment, "B")
    text_in(enrollment, "A")
    assert (question(enrollment).step, question(enrollment).choice) == (2, "B")
    assert enrollment.messages.count() == 2
    now = timezone.now()
    record([Outcome(request.message_id, now, Accepted(f"SM{uuid4().hex}", request.body, "queued", 1, now))], lease)
    message = waiting(enrollment)
    assert (message.text.body, message.due_at) == ("Alone.", question(enrollment).answered_at + timedelta(seconds=60))


def test_a_reminder_comes_once_and_moves_nobody_on(sandbox):
    enrollment = make_enrollment(story=timed(reminder="Still there, {way|friend}?"))
    assert len(read_texts_on(enrollment)) == 2
    assert waiting(enrollment).due_at == question(enrollment).asked_at + timedelta(hours=2)
    assert read_on(enrollment)[2:] == ["Still there, friend?"]
    assert (enrollment.step, enrollment.status) == (2, "active")
    follow_story(enrollment.story_id, timezone.now())
    assert waiting(enrollment) is None
    text_in(enrollment, "A")
    assert read_on(enrollment)[3:] == ["At sea.", "The end at sea."]


def test_no_reminder_comes_after_the_answer_nor_while_the_reader_is_opted_out(sandbox):
    reader = make_enrollment(story=timed(reminder="Still there?"))
    read_texts_on(reader)
    consent.opt_out(reader.subscriber, timezone.now(), "STOP")
    assert waiting(reader) is None
    consent.opt_in(reader.subscriber, timezone.now())
    assert waiting(reader).body == "Still there?"
    text_in(reader, "A")
    assert "Still there?" not in read_on(reader)


def test_an_ending_in_the_middle_completes_the_story(sandbox):
    story = make_branching_story(("", "One.", Turn()), ("", "Two.", Turn(Follows.END)), ("", "Never.", Turn()))
    enrollment = make_enrollment(story=story)
    assert read_on(enrollment) == ["One.", "Two."]
    assert enrollment.status == "completed"


def test_texts_lead_to_others_by_name_and_a_loop_sends_a_text_again(sandbox):
    story = make_branching_story(
        ("again", "Knock.", Turn()),
        ("", "Once more?", asking("yes -> bell", "no -> away", hint="Yes or no?")),
        ("bell", "Ring.", Turn(Follows.LEAD, "again")),
        ("away", "You leave.", Turn()),
    )
    enrollment, had = answered(sandbox, story, "yes", "YES", "no")
    assert had == ["Knock.", "Once more?", "Ring."] * 2 + ["Knock.", "Once more?", "You leave."]
    assert enrollment.status == "completed"
    assert list(enrollment.questions.order_by("step").values_list("step", "choice")) == [
        (2, "yes"),
        (5, "yes"),
        (8, "no"),
    ]


def test_nobody_is_sent_round_for_ever(sandbox):
    """Such a story cannot be published; but one that some read may be a draft."""
    story = make_branching_story(("a", "A.", Turn()), ("b", "B.", Turn(Follows.LEAD, "a")))
    enrollment = make_enrollment(story=story)
    assert read_on(enrollment) == ["A.", "B."]
    assert enrollment.status == "completed"
    asks = asking("yes -> a", "no -> b", hint="?", answer_within=timedelta(hours=1), default_answer="yes")
    story = make_branching_story(("a", "A.", Turn()), ("", "Yes?", asks), ("b", "B.", Turn()))
    enrollment = make_enrollment(story=story)
    assert read_on(enrollment) == ["A.", "Yes?"]
    assert (enrollment.status, waiting(enrollment)) == ("active", None)
    text_in(enrollment, "yes")
    assert read_on(enrollment)[2:] == ["A.", "Yes?"]
    text_in(enrollment, "no")
    assert read_on(enrollment)[4:] == ["B."]


def test_two_machines_that_answer_each_other_in_a_loop_fall_silent_for_an_hour(sandbox, settings):
    settings.ANSWERS_PER_HOUR = 3
    asks = asking("yes -> a", "no -> b")
    story = make_branching_story(("a", "Again?", asks), ("b", "Bye.", Turn()))
    enrollment, had = answered(sandbox, story, *["yes"] * 6)
    assert had == ["Again?"] * 4
    text_in(enrollment, "no")
    assert read_on(enrollment) == had
    enrollment.questions.update(answered_at=timezone.now() - timedelta(hours=2))
    enrollment.questions.filter(step=4).update(answered_at=None)
    text_in(enrollment, "no")
    assert read_on(enrollment) == [*had, "Bye."]


def test_in_a_story_that_only_asks_no_text_comes_twice_however_it_is_rearranged(sandbox):
    story = make_branching_story(
        ("", "A", Turn()), ("", "B", asking("anything", keeps="name")), ("", "C", Turn()), ("", "D {name|d}", Turn())
    )
    story.texts.update(created_at=timezone.now() - timedelta(days=30))
    enrollment = make_enrollment(story=story)
    read_on(enrollment)
    story.arrange([story.texts.get(body__startswith=body).pk for body in "DCBA"], timezone.now())
    follow_story(story.pk, timezone.now())
    text_in(enrollment, "Marta")
    assert sorted(read_on(enrollment)) == ["A", "B", "C", "D Marta"]


def test_what_two_answers_keep_under_one_name_is_what_was_said_last_and_another_reader_has_none_of_it(sandbox):
    name = asking("anything", keeps="name")
    story = make_branching_story(("", "Who?", name), ("", "Really?", name), ("", "{name|Nobody} {it|it}", Turn()))
    _, had = answered(sandbox, story, "Marta", "Ann {name|x}")
    assert had[-1] == "Ann {name|x} it"
    other = make_branching_story(("", "{name|Nobody}", Turn()))
    assert read_on(make_enrollment(story=other)) == ["Nobody"]


def test_words_that_were_filled_in_are_those_by_which_a_message_is_looked_up_and_sent_again(sandbox):
    story = make_branching_story(("", "Who?", asking("anything", keeps="name")), ("", "{name|Nobody}", Turn()))
    enrollment = make_enrollment(story=story)
    read_on(enrollment)
    text_in(enrollment, "Marta {name|x}")
    message = waiting(enrollment)
    Message.objects.filter(pk=message.pk).update(due_at=timezone.now(), body="{name|Nobody}", attempts=1)
    assert read_on(enrollment)[-1] == "Marta {name|x}"
    story.texts.last().delete()
    again = Message.objects.create(
        **{name: getattr(message, name) for name in ("direction", "subscriber", "number", "enrollment", "story")},
        status="scheduled",
        body="Marta {name|x}",
        due_at=timezone.now(),
    )
    work()
    again.refresh_from_db()
    assert (again.status, again.body) == ("queued", "Marta {name|x}")


def test_a_hold_keeps_hints_and_the_default_back(sandbox):
    enrollment = make_enrollment(story=timed(default_answer="stay"))
    read_texts_on(enrollment)
    Hold.objects.create(story=enrollment.story, reason="Wait")
    text_in(enrollment, "hm")
    read_on(enrollment)
    assert set(enrollment.messages.filter(sent_at=None).values_list("status", flat=True)) == {"held"}
    text_in(enrollment, "A")
    assert enrollment.messages.get(step=3).text.body == "At sea."
    hold = Hold.objects.get()
    release(hold, timezone.now())
    assert read_on(enrollment)[2:] == ["Answer A or B.", "At sea.", "The end at sea."]


# What editing does to who waits at a question


def test_a_changed_time_and_another_default_move_those_who_wait(sandbox):
    story = timed(default_answer="stay")
    enrollment = make_enrollment(story=story)
    read_texts_on(enrollment)
    set_turn(story, "Board, or stay?", answer_within=timedelta(days=1), default_answer="A")
    message = waiting(enrollment)
    assert (message.text.body, message.step) == ("At sea.", 3)
    assert message.due_at == question(enrollment).asked_at + timedelta(days=1, seconds=60)
    set_turn(story, "Board, or stay?", answer_within=None, default_answer="")
    assert waiting(enrollment) is None
    set_turn(story, "Board, or stay?", answer_within=timedelta(days=1), reminder="Well?")
    assert waiting(enrollment).body == "Well?"
    set_turn(story, "Board, or stay?", answer_within=timedelta(days=1), reminder="And?")
    assert waiting(enrollment).body == "And?"
    set_turn(story, "Board, or stay?", reminder="")
    assert waiting(enrollment) is None


def test_new_answers_count_for_who_was_asked_with_the_old_ones(sandbox):
    story = make_pier()
    enrollment = make_enrollment(story=story)
    read_on(enrollment)
    set_turn(story, "Board, or stay?", choices=(Choice(("swim",), "pier"), Choice(("A",), "ship")))
    text_in(enrollment, "swim")
    assert read_on(enrollment)[2:] == ["Alone.", "You chose to swim."]


def test_a_question_that_is_taken_out_lets_those_go_on_who_were_asked(sandbox):
    story = make_pier()
    enrollment = make_enrollment(story=story)
    read_on(enrollment)
    set_turn(story, "Board, or stay?", follows="next", choices=())
    assert waiting(enrollment).text.body == "At sea."
    text_in(enrollment, "B")
    assert read_on(enrollment)[2:] == ["At sea.", "The end at sea."]


def test_who_had_a_text_before_it_asked_is_not_asked(sandbox):
    story = make_story([("One.", 0), ("Two.", 60)])
    enrollment = make_enrollment(story=story, sent=1)
    set_turn(story, "One.", follows="answer", choices=(Choice(("A",)),))
    assert waiting(enrollment).text.body == "Two."
    assert not Question.objects.exists()


def test_a_deleted_question_hands_its_readers_to_the_text_after_it(sandbox):
    story = make_pier()
    enrollment = make_enrollment(story=story)
    read_on(enrollment)
    story.texts.get(body="Board, or stay?").delete()
    follow_story(story.pk, timezone.now())
    assert waiting(enrollment).text.body == "At sea."
    text_in(enrollment, "B")
    assert read_on(enrollment)[2:] == ["At sea.", "The end at sea."]


def test_a_deleted_text_that_an_answer_led_to_hands_over_who_waits_for_it(sandbox):
    story = make_pier()
    enrollment = make_enrollment(story=story)
    read_on(enrollment)
    text_in(enrollment, "B")
    story.texts.get(label="pier").delete()
    follow_story(story.pk, timezone.now())
    # No text has the name any more: the next one comes, as for who answers now.
    assert waiting(enrollment).text.body == "At sea."


def test_who_waits_for_the_text_that_an_answer_led_to_gets_it_wherever_it_is_moved_or_however_it_is_named(sandbox):
    story = make_pier()
    enrollment = make_enrollment(story=story)
    read_on(enrollment)
    text_in(enrollment, "B")
    story.texts.filter(label="pier").update(label="quay")
    order = list(story.texts.order_by("position").values_list("pk", flat=True))
    story.arrange([*order[:2], *order[4:], *order[2:4]], timezone.now())
    follow_story(story.pk, timezone.now())
    assert read_on(enrollment)[2:] == ["Alone.", "You chose to B."]


def test_a_text_with_a_readers_own_words_that_was_deleted_and_put_back_is_not_sent_again(sandbox):
    story = make_branching_story(
        ("", "Who?", asking("anything", keeps="name")), ("", "So, {name|you}.", Turn()), ("", "Then.", Turn())
    )
    story.texts.update(created_at=timezone.now() - timedelta(days=30))
    history.keep(story, timezone.now() - timedelta(days=30))
    enrollment = make_enrollment(story=story)
    read_on(enrollment)
    text_in(enrollment, "Marta")
    work(timezone.now() + timedelta(minutes=2))
    entry = story.history.get()
    story.texts.exclude(position=1).delete()
    StoryText.objects.create(story=story, position=9, body="Meanwhile.", delay=timedelta(days=1))
    history.keep(story, timezone.now())
    follow_story(story.pk, timezone.now())
    history.put_back(story, entry, timezone.now())
    follow_story(story.pk, timezone.now())
    assert read_on(enrollment) == ["Who?", "So, Marta.", "Then."]


def test_a_question_that_was_deleted_and_put_back_takes_answers_again(sandbox):
    story = make_pier()
    history.keep(story, timezone.now())
    enrollment = make_enrollment(story=story)
    read_on(enrollment)
    entry = story.history.get()
    story.texts.exclude(position=1).delete()
    StoryText.objects.create(story=story, position=9, body="Meanwhile.", delay=timedelta(days=1))
    history.keep(story, timezone.now())
    follow_story(story.pk, timezone.now())
    assert waiting(enrollment).text.body == "Meanwhile."
    history.put_back(story, entry, timezone.now())
    follow_story(story.pk, timezone.now())
    text_in(enrollment, "B")
    assert read_on(enrollment)[-1] == "You chose to B."


def test_an_editor_may_send_what_comes_without_an_answer_and_nothing_where_nothing_would(sandbox):
    with_default, without = make_enrollment(story=timed(default_answer="stay")), make_enrollment(story=make_pier())
    read_texts_on(with_default)
    read_texts_on(without)
    assert send_next_now([with_default.pk, without.pk], timezone.now()) == 1


def test_erasing_a_reader_and_the_time_that_messages_are_kept_take_what_was_kept(sandbox, settings):
    settings.MESSAGE_RETENTION = timedelta(days=10)
    enrollment, _ = answered(sandbox, make_pier(), "A")
    reading = make_enrollment(story=make_pier())
    read_on(reading)
    text_in(reading, "A")
    later = timezone.now() + timedelta(days=20)
    while housekeeping.sweep(later):
        pass
    assert (question(enrollment).words, question(enrollment).choice) == ("", "A")
    assert question(reading).words == "A"
    reading.subscriber.delete()
    assert Question.objects.count() == 1


def statements(story, count: int) -> int:
    """Return how many statements it takes to send so many readers their first text, and to record that."""
    enrollments = [make_enrollment(story=story) for _ in range(count)]
    with CaptureQueriesContext(connection) as queries:
        work()
    assert Message.objects.filter(enrollment__in=enrollments, step=1, status="queued").count() == count
    return len(queries)


@pytest.mark.parametrize(
    "turn", [Turn(Follows.END), asking("A", "B", reminder="Well {name|friend}?", answer_within=timedelta(days=1))]
)
def test_what_turns_costs_a_fixed_number_of_statements_and_what_does_not_costs_none(sandbox, monkeypatch, turn):
    # Otherwise, who is slow to answer decides how many are recorded together.
    monkeypatch.setattr(dispatch, "LINGER", 1)
    statements(make_story(), 1)
    linear = [statements(make_story(), count) for count in (2, 12)]
    turning = [statements(make_branching_story(("", "E", turn), ("", "N", Turn())), count) for count in (2, 12)]
    assert linear[0] == linear[1]
    assert turning[0] == turning[1] <= linear[0] + 12


def test_whoever_rehearses_a_story_answers_it_and_waits_as_short_as_the_story_does(sandbox):
    story = make_pier(answer_within=timedelta(hours=20), default_answer="stay")
    reader = make_subscriber()
    rehearsal = make_enrollment(reader, story, pace=0.01)
    while rehearsal.step < 2:
        rehearsal.messages.filter(status="scheduled").update(due_at=timezone.now())
        work()
        rehearsal.refresh_from_db()
    asked_at = question(rehearsal).asked_at
    assert waiting(rehearsal).due_at - asked_at == timedelta(hours=0.2, seconds=2)
    text_in(rehearsal, "A")
    assert waiting(rehearsal).text.body == "At sea."
    assert list(reader.enrollments.all()) == [rehearsal]


# How far readers are


def progress(enrollment):
    return progress_of(with_progress(Enrollment.objects.filter(pk=enrollment.pk)).get())


def test_how_far_a_reader_is_is_counted_on_the_ways_from_here(sandbox):
    story = make_branching_story(
        ("", "Short?", asking("A", "B -> long", hint="?")),
        ("", "Short.", Turn(Follows.END)),
        ("long", "Long.", Turn()),
        ("", "Longer.", Turn()),
    )
    enrollment = make_enrollment(story=story)
    assert str(progress(enrollment)) == "0 of 2 to 3"
    read_on(enrollment)
    assert str(progress(enrollment)) == "1 of 2 to 3"
    assert progress(enrollment).at_question
    text_in(enrollment, "B")
    assert str(progress(enrollment)) == "1 of 3"
    assert not progress(enrollment).at_question
    read_on(enrollment)
    assert str(progress(enrollment)) == "3 of 3"


def test_where_a_way_leads_back_nobody_knows_the_most(sandbox):
    story = make_branching_story(
        ("again", "Once more?", asking("yes -> again", "no", hint="?")), ("", "Well.", Turn()), ("", "End.", Turn())
    )
    enrollment = make_enrollment(story=story)
    assert str(progress(enrollment)) == "0 of 3 or more"
    _, had = answered(sandbox, story, "yes", "no")
    assert had == ["Once more?", "Once more?", "Well.", "End."]


def test_an_editor_sees_who_waits_for_an_answer_and_what_was_answered(sandbox, admin_client):
    waits, has_default = make_enrollment(story=make_pier()), make_enrollment(story=timed(default_answer="stay"))
    read_texts_on(waits)
    read_texts_on(has_default)
    page = admin_client.get(reverse("admin:subscribers_enrollment_changelist")).content.decode()
    assert page.count("Waits for an answer") == 2
    assert "without one, text 5" in page
    assert page.count("2 of 4") == 2
    text_in(waits, "a")
    page = admin_client.get(reverse("admin:subscribers_enrollment_change", args=[waits.pk])).content.decode()
    assert "way: A" in page


def test_the_thread_says_what_a_text_to_come_will_say_to_this_reader(sandbox):
    story = make_branching_story(("", "Who?", asking("anything", keeps="name")), ("", "So, {name|you}.", Turn()))
    enrollment = make_enrollment(story=story)
    read_on(enrollment)
    text_in(enrollment, "Marta")
    assert thread_of(enrollment.subscriber).bubbles[-1].body == "So, Marta."


def test_looking_how_far_many_readers_are_asks_a_fixed_number_of_times(django_assert_num_queries, sandbox):
    for _ in range(3):
        read_on(make_enrollment(story=make_pier()))
    with django_assert_num_queries(3):
        assert {str(progress_of(row)) for row in with_progress(Enrollment.objects.all())} == {"2 of 4"}
