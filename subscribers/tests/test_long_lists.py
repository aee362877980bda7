"""Lists of any length: how far they lead, what finds a row in them, and what is done to many rows at once."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from stories.tests.factory import asking, make_branching_story, make_story
from stories.turns import Turn
from subscribers import bulk, tasks
from subscribers.admin import bulk as bulk_admin
from subscribers.admin import lists
from subscribers.admin.enrollments import EnrollmentAdmin
from subscribers.models import Enrollment, Message, Subscriber

from .factory import make_enrollment, make_inbound, make_subscriber

pytestmark = [pytest.mark.django_db, pytest.mark.screens]


def list_of(model: str) -> str:
    return reverse(f"admin:subscribers_{model}_changelist")


def listed(client, model: str, **params) -> list[int]:
    """Return the ids of the rows of a page of this list, in their order."""
    response = client.get(list_of(model), params)
    assert response.status_code == 200
    return [row.pk for row in response.context["cl"].result_list]


# How far a list leads


@pytest.mark.parametrize("model", ["subscriber", "enrollment", "message"])
def test_a_list_leads_to_every_row_once_the_newest_first(editor, monkeypatch, model):
    monkeypatch.setattr(lists, "ROWS_MAX", 100)
    story, now = make_story([("One", 0)]), timezone.now()
    for number in range(230):
        subscriber = Subscriber.objects.create(phone_number=f"+1212555{number:04}")
        # Three at each moment, and the ids in another order.
        joined = now - timedelta(minutes=(number * 7 % 230) // 3)
        Enrollment.objects.create(subscriber=subscriber, story=story, status="completed", created_at=joined)
        make_inbound(subscriber)
        Message.objects.filter(subscriber=subscriber).update(created_at=joined)
    seen, address = [], list_of(model)
    for _ in range(5):
        response = editor.get(address)
        seen += [row.pk for row in response.context["cl"].result_list]
        text = response.content.decode()
        following = re.search(r'<a href="([^"]*)">Older ones</a>', text) or re.search(r'href="([^"]*\bp=2[^"]*)"', text)
        address = list_of(model) + unescape(following[1]) if following else address
    order = {
        "subscriber": ["-pk"],
        "enrollment": ["-created_at", "-pk"],
        "message": ["-created_at", "-pk"],
    }[model]
    rows = {"subscriber": Subscriber, "enrollment": Enrollment, "message": Message}[model].objects
    assert seen == list(rows.order_by(*order).values_list("pk", flat=True))


def test_a_list_says_how_many_there_are_as_far_as_it_has_counted(editor, monkeypatch):
    for _ in range(3):
        make_enrollment()
    assert "3 enrollments" in editor.get(list_of("enrollment")).content.decode()
    monkeypatch.setattr(lists, "ROWS_MAX", 2)
    assert "More than 2 enrollments" in editor.get(list_of("enrollment")).content.decode()


def test_nothing_is_counted_without_an_end(editor):
    make_enrollment(sent=1)
    for model in ("subscriber", "enrollment", "message"):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            editor.get(list_of(model), {"_facets": "True"})
        counted = [query["sql"] for query in captured if "COUNT(*)" in query["sql"]]
        assert len(counted) == 1
        assert f"LIMIT {lists.ROWS_MAX + 1}" in counted[0]


def test_what_no_list_gave_out_begins_nothing(editor):
    enrollment = make_enrollment()
    for before in ("", "nonsense", "~", "2026-01-01~5", "~5", "2026-99-01T00:00:00+00:00~5", "9" * 400):
        assert listed(editor, "enrollment", before=before) == [enrollment.pk], before


# What finds a row


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("0123", {"+4930901820123", "+12125550123"}),
        ("50123", set()),
        ("+1 (212) 555-0123", {"+12125550123"}),
        ("212.555.0123", {"+12125550123"}),
        ("011 49 30 901820123", {"+4930901820123"}),
        ("+49 30 901820123", {"+4930901820123"}),
        ("9999", set()),
        ("123", set()),
        ("%0123", set()),
    ],
)
def test_readers_are_found_by_their_number_or_its_last_four_digits(editor, typed, found):
    for number in ("+4930901820123", "+12125550123", "+12125551230"):
        enrollment = make_enrollment(make_subscriber(number))
        make_inbound(enrollment.subscriber)
    for model in ("subscriber", "enrollment", "message"):
        rows = editor.get(list_of(model), {"q": typed}).context["cl"].result_list
        numbers = {str((row if model == "subscriber" else row.subscriber).phone_number) for row in rows}
        assert numbers == found, model


def test_a_reader_of_a_story_is_listed_once(editor):
    enrollment = make_enrollment(sent=2)
    make_enrollment(enrollment.subscriber, enrollment.story)
    found = listed(editor, "subscriber", enrollments__story__id__exact=enrollment.story_id)
    assert found == [enrollment.subscriber_id]


def test_messages_are_found_by_sid_and_by_their_words(editor):
    reader = make_subscriber()
    tip, other = make_inbound(reader, "I saw the Heron"), make_inbound(reader, "Hello")
    assert listed(editor, "message", q="heron") == [tip.pk]
    assert listed(editor, "message", q=other.sid) == [other.pk]


def test_passages_are_filtered_by_how_late_how_far_and_when_last_heard(editor):
    now, story = timezone.now(), make_story([("One", 0), ("Two", 86_400), ("Three", 86_400)])
    late, far, held = (make_enrollment(story=story, sent=sent) for sent in (0, 2, 1))
    Message.objects.filter(enrollment=late).update(due_at=now - timedelta(minutes=20))
    Message.objects.filter(enrollment=held, status="scheduled").update(status="held")
    Subscriber.objects.filter(enrollments=far).update(heard_at=now - timedelta(days=3))
    Subscriber.objects.filter(enrollments=held).update(heard_at=now - timedelta(days=40))
    Enrollment.objects.filter(pk=held.pk).update(created_at=now - timedelta(days=41))
    assert listed(editor, "enrollment", late="minute") == [late.pk]
    assert listed(editor, "enrollment", late="hour") == []
    assert listed(editor, "enrollment", late="held") == [held.pk]
    assert listed(editor, "enrollment", far="0") == [late.pk]
    assert listed(editor, "enrollment", far="2-5") == [far.pk]
    assert listed(editor, "enrollment", heard="day") == []
    assert listed(editor, "enrollment", heard="week") == [far.pk]
    assert listed(editor, "enrollment", heard="longer") == [held.pk]
    assert listed(editor, "subscriber", heard="week") == [far.subscriber_id]
    assert "20 minutes late" in editor.get(list_of("enrollment")).content.decode()


def test_the_last_text_was_late(editor):
    enrollment = make_enrollment(sent=1)
    sent = enrollment.messages.get(step=1)
    Message.objects.filter(pk=sent.pk).update(due_at=sent.sent_at - timedelta(minutes=7))
    assert "7 minutes late" in editor.get(list_of("enrollment")).content.decode()


# What is done to many


def act(client, action: str, enrollments: list[Enrollment], **more):
    chosen = {"action": action, "_selected_action": [enrollment.pk for enrollment in enrollments]}
    return client.post(list_of("enrollment"), chosen | more, follow=True).content.decode()


def states() -> list[str]:
    return list(Enrollment.objects.order_by("pk").values_list("status", flat=True))


def test_an_editor_is_asked_with_a_count_before_anything_happens(editor):
    enrollments = [make_enrollment(), make_enrollment(), make_enrollment(sent=2)]
    text = act(editor, "pause", enrollments)
    assert "Pause: 2 readers?" in text
    assert "1 more of those that you chose is left out" in text
    assert states() == ["active", "active", "completed"]
    assert "Paused: 2 readers." in act(editor, "pause", enrollments, confirmed="yes")
    assert states() == ["paused", "paused", "completed"]


def test_people_are_counted_and_their_passages_where_those_are_more(editor):
    reader = make_subscriber()
    enrollments = [make_enrollment(reader, make_story([("One", 86_400)])) for _ in range(2)] + [make_enrollment()]
    text = act(editor, "pause", enrollments)
    assert "<h1>Pause: 2 readers (3 passages)?</h1>" in text
    assert 'value="Pause: 2 readers (3 passages)"' in text
    assert "Paused: 2 readers (3 passages)." in act(editor, "pause", enrollments, confirmed="yes")


@pytest.mark.parametrize(
    ("action", "state", "words"),
    [
        ("pause", "active", "Paused from the list."),
        ("resume", "paused", "Resumed from the list."),
        ("stop", "active", "Stopped from the list."),
        ("send_next_now", "active", "The next text was sent at once, from the list."),
    ],
)
def test_what_is_done_to_many_stands_in_the_history_of_each(editor, action, state, words):
    story = make_story([("One", 86_400), ("Two", 86_400)], title="The River")
    enrollments = [make_enrollment(story=story) for _ in range(3)]
    if state == "paused":
        bulk.STEPS["pause"].do([each.pk for each in enrollments], timezone.now())
    with CaptureQueriesContext(connection) as queries:
        act(editor, action, [*enrollments, make_enrollment(sent=2)], confirmed="yes")
    assert sum('INSERT INTO "django_admin_log"' in query["sql"] for query in queries) == 1
    logged = LogEntry.objects.values_list("user__username", "content_type__model", "object_id", "change_message")
    assert set(logged) == {("eddie", "enrollment", str(each.pk), words) for each in enrollments} | {
        ("eddie", "subscriber", str(each.subscriber_id), f"“The River”: {words}") for each in enrollments
    }
    page = editor.get(reverse("admin:subscribers_subscriber_history", args=[enrollments[0].subscriber_id])).text
    assert words in page


def test_what_can_be_done_to_none_is_said(editor):
    text = act(editor, "resume", [make_enrollment()])
    assert "Nothing was done: none of those that you chose can be told to resume." in text


def test_paused_passages_get_nothing_and_go_on_where_they_were(editor):
    story = make_story([("One", 0), ("Two", 3600), ("Three", 3600)])
    enrollment = make_enrollment(story=story, sent=1)
    act(editor, "pause", [enrollment], confirmed="yes")
    assert enrollment.messages.get(step=2).status == "canceled"
    act(editor, "resume", [enrollment], confirmed="yes")
    coming = enrollment.messages.get(step=2)
    assert (coming.status, coming.text.position) == ("scheduled", 2)
    assert states() == ["active"]


def test_stopped_passages_are_over_and_their_readers_may_begin_again(editor):
    enrollment = make_enrollment()
    act(editor, "stop", [enrollment], confirmed="yes")
    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.reason) == ("stopped", bulk.ENDED_BY_EDITOR)
    assert enrollment.ended_at is not None
    assert enrollment.subscriber.opted_out_at is None
    assert set(enrollment.messages.values_list("status", flat=True)) == {"canceled"}


def test_what_reminds_of_a_question_waits_with_its_passage(editor):
    question = asking("A, yes", answer_within=timedelta(hours=1), reminder="Well?")
    story = make_branching_story(("", "Ready?", question), ("", "End", Turn()))
    enrollment = make_enrollment(story=story, sent=1)
    assert enrollment.messages.get(body="Well?").status == "scheduled"
    bulk.STEPS["pause"].do([enrollment.pk], timezone.now())
    assert enrollment.messages.get(body="Well?").status == "canceled"
    bulk.STEPS["resume"].do([enrollment.pk], timezone.now())
    assert enrollment.messages.get(body="Well?").status == "scheduled"


def test_nobody_who_opted_out_is_resumed():
    enrollment = make_enrollment()
    bulk.STEPS["pause"].do([enrollment.pk], timezone.now())
    Subscriber.objects.update(opted_out_at=timezone.now())
    assert bulk.STEPS["resume"].do([enrollment.pk], timezone.now()) == {}
    assert states() == ["paused"]


def test_rehearsals_are_left_alone():
    enrollment = make_enrollment(pace=1.0)
    assert [bulk.STEPS[name].do([enrollment.pk], timezone.now()) for name in ("pause", "stop")] == [{}, {}]


def test_all_that_a_filter_finds_can_be_chosen(editor):
    river, bus = make_story(title="The River"), make_story(title="The Bus")
    enrollments = [make_enrollment(story=story) for story in (river, river, river, bus)]
    chosen = {"action": "pause", "_selected_action": [enrollments[0].pk], "select_across": "1"}
    address = f"{list_of('enrollment')}?story__id__exact={river.pk}"
    assert "Pause: 3 readers?" in editor.post(address, chosen).content.decode()
    editor.post(address, chosen | {"confirmed": "yes"})
    assert states() == ["paused", "paused", "paused", "active"]


def test_very_many_are_done_by_the_cluster(editor, monkeypatch):
    monkeypatch.setattr(bulk_admin, "AT_ONCE", 2)
    enrollments = [make_enrollment(story=make_story([("One", 86_400)])) for _ in range(5)]
    assert "Stop: 5 readers, in the next moments." in act(editor, "stop", enrollments, confirmed="yes")
    assert states() == ["active"] * 5
    for queued in OrmQ.objects.order_by("pk"):
        if queued.task["func"] == "subscribers.tasks.steer":
            tasks.steer(*queued.task["args"])
    assert states() == ["stopped"] * 5
    assert LogEntry.objects.filter(user__username="eddie").count() == 10


def test_more_than_a_list_can_stand_are_refused(editor, monkeypatch):
    monkeypatch.setattr(bulk_admin, "MANY", 1)
    text = act(editor, "stop", [make_enrollment(), make_enrollment()])
    assert "more than 1 passages" in text
    assert states() == ["active", "active"]


def test_all_that_were_found_are_not_called_as_many_as_were_counted(editor, monkeypatch):
    monkeypatch.setattr(lists, "ROWS_MAX", 2)
    monkeypatch.setattr(EnrollmentAdmin, "list_per_page", 1)
    for _ in range(2):
        make_enrollment()
    assert "Select all 2 enrollments" in editor.get(list_of("enrollment")).content.decode()
    make_enrollment()
    text = editor.get(list_of("enrollment")).content.decode()
    assert "Select all that were found" in text
    assert not re.search(r"(Select a|A)ll 2", text)
