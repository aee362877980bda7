"""The reply desk without its pages: what is put there, how it is found, and how it is answered."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from stories.models import StoryText
from stories.tests.factory import asking, make_branching_story, make_story
from stories.turns import Turn
from subscribers import consent, erasing, inbound, writing
from subscribers.models import Enrollment, Message, Remark, Reply, ReplyTo, Subscriber, Tag
from subscribers.reply_desk import answering, finding, sorting
from subscribers.steering import Refused

from .desk import make_readers, make_remark, write
from .engine import work
from .factory import OUR_NUMBER, make_enrollment, make_inbound, make_message, make_subscriber

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def at_desk() -> list[str]:
    sorting.sort(timezone.now())
    return list(Remark.objects.order_by("pk").values_list("message__body", flat=True))


def test_what_a_reader_says_comes_with_the_text_that_provoked_it():
    enrollment = make_enrollment(sent=1)
    write(enrollment, "That is not how it was!")
    assert at_desk() == ["That is not how it was!"]
    remark = Remark.objects.get()
    assert (remark.story, remark.text.position, remark.read_at) == (enrollment.story, 1, None)
    assert remark.provoked_by.step == 1


@pytest.mark.parametrize(
    "body", ["stop", "Help", "PAUSE", "where", "start", "river", "rivre", "Yes", " again. ", "resume"]
)
def test_what_is_a_command_or_a_keyword_is_not_put_on_the_desk(body):
    make_story(keyword="river")
    write(make_enrollment(sent=1), body)
    assert at_desk() == []


def test_what_is_said_after_a_stop_is_read_too():
    enrollment = make_enrollment(sent=1)
    write(enrollment, "stop")
    write(enrollment, "It was too long for me")
    assert at_desk() == ["It was too long for me"]


def test_a_reader_who_has_read_all_thanks_us():
    enrollment = make_enrollment(sent=2)
    assert Enrollment.objects.get().status == Enrollment.Status.COMPLETED
    write(enrollment, "Thank you, that was lovely")
    assert at_desk() == ["Thank you, that was lovely"]


def test_a_first_text_begins_a_story_and_is_nothing_to_read():
    make_story()
    reader = make_subscriber()
    inbound.receive(
        inbound.InboundText("SM" + "a" * 32, str(reader.phone_number), OUR_NUMBER, "Hello there"), timezone.now()
    )
    assert Enrollment.objects.count() == 1
    assert at_desk() == []


def test_nothing_of_a_rehearsal_is_put_on_the_desk():
    enrollment = make_enrollment(pace=1.0)
    text = enrollment.story.texts.get(position=1)
    make_message(enrollment, text=text, step=enrollment.step + 5, sent_at=timezone.now())
    make_inbound(enrollment.subscriber, "Does it look right?")
    assert at_desk() == []


def test_answers_in_ones_own_words_are_read_and_bare_choices_are_counted_elsewhere(sandbox):
    story = make_branching_story(
        ("ask", "Where were you?", asking("A, at home", "anything")), ("on", "Go on.", Turn()), keyword="ASK"
    )
    for body in ("a", "On the bridge, with my mother"):
        enrollment = make_enrollment(make_subscriber(), story)
        work()
        write(enrollment, body)
    assert at_desk() == ["On the bridge, with my mother"]
    assert Remark.objects.get().text.label == "ask"


def test_a_text_is_put_there_once_however_often_it_is_looked_for():
    make_remark()
    Message.objects.update(sorted_at=None)
    sorting.sort(timezone.now())
    assert Remark.objects.count() == 1


def test_taking_a_text_in_asks_the_database_no_more_often_for_the_desk():
    enrollment = make_enrollment(sent=1)
    with CaptureQueriesContext(
        connection,
    ) as first:
        write(enrollment, "One")
    assert not [query for query in first.captured_queries if "subscribers_remark" in query["sql"]]
    kept = [query["sql"] for query in first.captured_queries if "subscribers_replyto" in query["sql"]]
    assert len(kept) == 1
    assert "INSERT INTO subscribers_message" in kept[0]


def test_the_unread_come_first_page_by_page():
    remarks = make_readers(5)
    Remark.objects.filter(pk__in=[remarks[4].pk, remarks[1].pk]).update(read_at=timezone.now())
    wanted = [remarks[place].pk for place in (3, 2, 0, 4, 1)]
    seen, after = [], ""
    while True:
        page = finding.page(finding.Filters(), after, size=2)
        seen += [remark.pk for remark in page.remarks]
        after = page.after
        if not after:
            break
    assert seen == wanted


def test_a_page_of_many_costs_no_more_than_a_page_of_few(django_assert_num_queries):
    make_readers(2)
    with CaptureQueriesContext(connection) as few:
        finding.page(finding.Filters())
    make_readers(4)
    with django_assert_num_queries(len(few)):
        finding.page(finding.Filters())


def test_groups_say_how_much_is_unread_and_the_unread_stand_first(monkeypatch):
    read, unread = make_readers(2), make_readers(3)
    Remark.objects.filter(pk__in=[remark.pk for remark in read]).update(read_at=timezone.now())
    late = make_remark(make_enrollment(make_subscriber(), read[0].story, sent=2))
    Remark.objects.filter(pk=late.pk).update(read_at=timezone.now())
    groups = finding.groups()
    assert [(group.story, group.text.position, group.unread) for group in groups] == [
        (unread[0].story, 1, 3),
        (read[0].story, 2, 0),
        (read[0].story, 1, 0),
    ]
    for group in groups:
        by_hand = Remark.objects.filter(story=group.story, text=group.text, read_at=None).count()
        assert group.unread == by_hand
    monkeypatch.setattr(finding, "COUNTED_MAX", 2)
    assert finding.groups()[0].counted == "1+"


def test_what_was_written_after_a_text_that_is_gone_stays_in_sight():
    remark = make_remark()
    StoryText.objects.filter(pk=remark.text_id).delete()
    [group] = finding.groups()
    assert (group.text, group.place, group.unread) == (None, "A text that was deleted", 1)
    assert finding.page(finding.Filters(story=remark.story_id, text=0)).remarks == [remark]


@pytest.mark.parametrize(
    ("words", "found"), [("TRUE", 1), ("false", 0), ("+12125559876", 1), ("(212) 555-9876", 1), ("9876", 1)]
)
def test_words_and_numbers_are_found(words, found):
    make_remark(make_enrollment(make_subscriber("+12125559876"), sent=1), "Is this true?")
    make_remark(body="Lovely")
    assert len(finding.page(finding.Filters(words=words)).remarks) == found


def test_a_search_looks_so_far_and_then_further(monkeypatch):
    monkeypatch.setattr(finding, "SEARCHED", 2)
    remarks = make_readers(3)
    Message.objects.filter(pk=remarks[0].pk).update(body="The oldest")
    page = finding.page(finding.Filters(words="oldest"))
    assert (page.remarks, page.searched) == ([], 2)
    assert finding.page(finding.Filters(words="oldest"), page.after).remarks == [remarks[0]]


def test_tags_states_and_periods_choose():
    one, two = make_readers(2)
    one.tags.add(Tag.objects.get(name="Tip"))
    Remark.objects.filter(pk=two.pk).update(answered_at=timezone.now())
    Message.objects.filter(pk=one.pk).update(created_at=timezone.now() - timedelta(days=2))
    Remark.objects.filter(pk=one.pk).update(came_at=timezone.now() - timedelta(days=2))

    def found(**filters):
        return finding.page(finding.Filters(**filters)).remarks

    assert found(tag=Tag.objects.get(name="Tip").pk) == [one]
    assert found(state="unanswered") == [one]
    assert found(since=timezone.now() - timedelta(days=1)) == [two]
    assert found(since=timezone.now() + timedelta(days=1)) == []


def reply_to(remark: Remark, body: str = "It is.", **fields) -> None:
    answering.answer(remark, body, None, timezone.now(), fields.pop("key", None) or uuid4(), **fields)


def test_an_answer_is_an_ordinary_message_from_the_number_that_was_texted(sandbox):
    remark = make_remark()
    reply_to(remark)
    message = Message.objects.get(body="It is.")
    assert (message.step, message.automatic, message.number, message.status) == (None, "", OUR_NUMBER, "scheduled")
    before = remark.subscriber.enrollments.get().step
    work()
    assert sandbox.received(str(remark.subscriber.phone_number))[-1] == "It is."
    assert remark.subscriber.enrollments.get().step == before


def test_a_form_that_is_sent_twice_answers_once():
    remark, key = make_remark(), uuid4()
    reply_to(remark, key=key)
    reply_to(remark, key=key)
    assert Message.objects.filter(body="It is.").count() == 1


def test_who_has_opted_out_is_not_answered():
    remark = make_remark()
    consent.opt_out(remark.subscriber, timezone.now(), "the reader texted STOP")
    with pytest.raises(Refused, match="has texted STOP"):
        reply_to(remark)
    assert not Message.objects.filter(body="It is.").exists()
    assert not Reply.objects.exists()


def test_a_stop_takes_an_answer_back_that_has_not_left():
    remark = make_remark()
    reply_to(remark)
    consent.opt_out(remark.subscriber, timezone.now(), "the reader texted STOP")
    assert Message.objects.get(body="It is.").status == Message.Status.CANCELED


def test_no_reader_gets_one_answer_twice():
    remark = make_remark()
    reply_to(remark)
    sent = ReplyTo.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        ReplyTo.objects.create(
            reply=sent.reply, remark=remark, subscriber=remark.subscriber, message_id=1, created_at=timezone.now()
        )


def test_yes_to_whoever_asked_is_read_and_begins_no_story():
    make_story()
    enrollment = make_enrollment(sent=2)
    remark = make_remark(enrollment)
    reply_to(remark, answering.QUOTE_WORDS, asks_to_quote=True)
    remark.refresh_from_db()
    assert remark.quoting == Remark.Quoting.ASKED
    write(enrollment, "Yes")
    assert at_desk()[-1] == "Yes"
    assert Enrollment.objects.filter(subscriber=enrollment.subscriber).count() == 1
    [answer, _] = finding.page(finding.Filters()).remarks
    assert answer.follows_question


def test_consent_without_how_and_when_cannot_be_written_down():
    remark = make_remark()
    with pytest.raises(IntegrityError), transaction.atomic():
        Remark.objects.filter(pk=remark.pk).update(quoting="granted")


def group_reply(remark: Remark, **fields) -> Reply:
    facts = {"story": remark.story, "text": remark.text, "is_to_group": True, "body": "Thank you all.", "up_to": 2**40}
    return Reply(**facts | fields)


def run(reply: Reply) -> int:
    """Go through the group as tasks do; return how many it took."""
    tasks = 1
    while answering.go_on(reply.pk, timezone.now()):
        tasks += 1
    return tasks


def told(body: str = "Thank you all.") -> list[int]:
    return sorted(Message.objects.filter(body=body).values_list("subscriber", flat=True))


def test_each_in_a_group_is_answered_once_however_often_they_wrote(monkeypatch):
    monkeypatch.setattr(answering, "BATCH", 2)
    remarks = make_readers(5)
    again = make_remark(remarks[0].subscriber.enrollments.get(), "And another thing")
    stranger = make_remark()
    consent.opt_out(remarks[3].subscriber, timezone.now(), "the reader texted STOP")
    reply_to(remarks[4])
    reply = group_reply(remarks[0])
    preview = answering.preview(reply)
    assert (preview.readers, preview.left_out) == (3, {"opted out": 1, "have an answer already": 1})
    assert (preview.segments, preview.cost.readers) == (3, 3)
    assert run(answering.begin(reply)) > 1
    assert told() == sorted(remarks[place].subscriber_id for place in (0, 1, 2))
    answered = set(Remark.objects.exclude(answered_at=None).values_list("pk", flat=True))
    assert again.pk in answered
    assert stranger.pk not in answered
    assert remarks[3].pk not in answered


def test_only_those_with_a_tag_are_answered():
    one, _two = make_readers(2)
    tag = Tag.objects.get(name="Question")
    one.tags.add(tag)
    reply = group_reply(one, tag=tag)
    assert answering.preview(reply).readers == 1
    run(answering.begin(reply))
    assert told() == [one.subscriber_id]


def test_what_is_broken_off_in_the_middle_goes_on_and_doubles_nothing(monkeypatch):
    monkeypatch.setattr(answering, "BATCH", 2)
    remarks = make_readers(5)
    reply = answering.begin(group_reply(remarks[0]))
    answering.go_on(reply.pk, timezone.now())
    real, calls = Reply.save, []

    def breaks(self, *args, **kwargs):
        calls.append(self.pk)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Reply, "save", breaks)
    with pytest.raises(KeyboardInterrupt):
        answering.go_on(reply.pk, timezone.now())
    assert len(told()) == 2
    run(reply)
    assert told() == sorted(remark.subscriber_id for remark in remarks)
    reply.refresh_from_db()
    assert reply.done_at
    assert answering.go_on(reply.pk, timezone.now()) is False


def test_two_tasks_at_once_answer_each_reader_once(monkeypatch):
    monkeypatch.setattr(answering, "BATCH", 2)
    remarks = make_readers(6)
    reply = answering.begin(group_reply(remarks[0]))

    def task(_):
        try:
            return run(reply)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(task, range(3)))
    assert told() == sorted(remark.subscriber_id for remark in remarks)


def test_who_is_answered_while_a_batch_is_written_is_left_out():
    first, second = make_readers(2)
    reply = answering.begin(group_reply(first))
    remarks = list(answering.group_of(reply))
    reply_to(second)
    with transaction.atomic():
        assert answering.still_open(reply, remarks) == [first]


@pytest.mark.parametrize(("unanswered_only", "left_out"), [(True, 1), (False, 0)])
def test_who_is_written_to_on_the_readers_page_meanwhile_has_an_answer(unanswered_only, left_out):
    first, second = make_readers(2)
    pat = User.objects.create_user("pat")
    writing.reply(first.subscriber_id, "Long ago.", pat, timezone.now())
    reply = answering.begin(group_reply(first, unanswered_only=unanswered_only, expected=2))
    writing.reply(second.subscriber_id, "Thanks.", pat, timezone.now())
    run(reply)
    assert len(told()) == 2 - left_out
    assert first.subscriber_id in told()
    said = {"somebody else has answered meanwhile": 1} if left_out else {}
    assert answering.left_out_meanwhile(reply) == said


def test_what_is_written_after_the_preview_is_not_answered_unseen():
    first = make_remark()
    reply = answering.begin(group_reply(first, up_to=first.pk))
    make_remark(make_enrollment(make_subscriber(), first.story, sent=1))
    run(reply)
    assert told() == [first.subscriber_id]


def test_forgetting_a_reader_takes_all_that_stands_at_the_desk():
    remark = make_remark()
    remark.tags.add(Tag.objects.first())
    remark.notes.create(body="Call her.")
    reply_to(remark)
    with transaction.atomic():
        erasing.forget(Subscriber.objects.locked().get(), timezone.now())
    assert not Remark.objects.exists()
    assert not ReplyTo.objects.exists()
