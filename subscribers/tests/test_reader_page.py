"""A reader's page: what it shows, what it offers, and that nobody else can press what it offers."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers import erasing, writing
from subscribers.error_codes import in_words
from subscribers.models import Correction, Enrollment, Message, Recipient, Subscriber

from .factory import make_enrollment, make_inbound, make_message, make_subscriber

pytestmark = [pytest.mark.django_db, pytest.mark.screens]


def url(name: str, enrollment: Enrollment, *more) -> str:
    return reverse(f"admin:subscribers_subscriber_{name}", args=[enrollment.subscriber_id, enrollment.pk, *more])


def page_of(subscriber: Subscriber, name: str = "change") -> str:
    return reverse(f"admin:subscribers_subscriber_{name}", args=[subscriber.pk])


def html(client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def press(client, enrollment: Enrollment, action: str) -> str:
    return client.post(url("do", enrollment, action), follow=True).content.decode()


def labels(text: str) -> list[str]:
    return re.findall(r'data-key="\w+-\d+"[^>]*>([^<]*)<', text)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("active", ["Pause", "Send the next text now", "Put at another text …", "Start again …", "Stop"]),
        ("paused", ["Resume", "Put at another text …", "Start again …", "Stop"]),
        ("completed", ["Put at another text …", "Start again …"]),
    ],
)
def test_the_page_offers_what_is_legal(editor, state, expected):
    assert labels(html(editor, page_of(make_enrollment(status=state).subscriber))) == expected


def test_what_is_done_is_said_and_is_on_record_with_who_did_it(editor):
    enrollment = make_enrollment()
    assert "Paused: no text of this story comes" in press(editor, enrollment, "pause")
    enrollment.refresh_from_db()
    assert enrollment.status == "paused"
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_id) == ("eddie", str(enrollment.subscriber_id))
    assert "Paused" in html(editor, page_of(enrollment.subscriber, "history"))


def test_a_history_in_which_nothing_stands_says_so_truly(editor):
    enrollment = make_enrollment()
    for name, pk in (("subscriber", enrollment.subscriber_id), ("enrollment", enrollment.pk)):
        text = html(editor, reverse(f"admin:subscribers_{name}_history", args=[pk]))
        assert "Nobody has changed anything here by these pages yet." in text
        assert "probably" not in text


def test_what_the_state_does_not_allow_any_more_is_refused_with_a_sentence(editor):
    enrollment = make_enrollment(status="completed")
    assert "the reader’s passage is now “completed”." in press(editor, enrollment, "pause")
    assert not LogEntry.objects.exists()


def test_a_reader_is_put_at_another_text_and_asked_before_texts_come_twice(editor):
    story = make_story([(name, 60) for name in ("One", "Two", "Three", "Four")])
    enrollment = make_enrollment(story=story, sent=3)
    place = url("place", enrollment)
    text = html(editor, place)
    assert re.findall(r"<label for=\"id_text_\d\">(.*?)</label>", text) == [
        "1. One (had)",
        "2. Two (had)",
        "3. Three (had)",
        "4. Four (comes next)",
    ]
    second = story.texts.get(position=2).pk
    assert "has had 2 texts already" in editor.post(place, {"text": second}).content.decode()
    assert enrollment.messages.get(step=4).text.body == "Four"
    editor.post(place, {"text": second, "repeats": "on"})
    assert enrollment.messages.get(step=4).text.body == "Two"
    assert "Choose the text that comes next." in editor.post(place, {}).content.decode()
    story.texts.get(position=2).delete()
    assert "is not in the story any more" in editor.post(place, {"text": second, "repeats": "on"}).content.decode()


def test_a_story_is_started_again_after_a_question(editor):
    enrollment = make_enrollment(sent=1)
    assert "all of it comes once more" in html(editor, url("again", enrollment))
    assert Enrollment.objects.count() == 1
    editor.post(url("again", enrollment))
    assert Enrollment.objects.filter(status="active").exclude(pk=enrollment.pk).count() == 1


def test_a_reply_goes_out_and_stands_in_the_thread_with_its_writer(editor):
    reader = make_subscriber()
    make_inbound(reader, "Is it true?")
    text = editor.post(page_of(reader, "reply"), {"body": "It is."}, follow=True).content.decode()
    assert "Your reply goes out now." in text
    assert "Reply by eddie · Scheduled" in text
    assert Message.objects.get(direction="outbound").body == "It is."
    assert "It is." not in LogEntry.objects.get().change_message


def known(editor, reader: Subscriber) -> int:
    """Return the last message of the newsroom to this reader that the page shows at this moment."""
    return editor.get(page_of(reader)).context["reply_form"].initial["known"]


def test_a_reply_goes_out_once_though_its_button_is_pressed_twice(editor):
    reader = make_subscriber()
    for body in ("It is.", "It is.\r\n", "It is. Really.", "It is."):
        fields = {"body": body, "known": known(editor, reader)}
        assert "Your reply goes out now." in editor.post(page_of(reader, "reply"), fields, follow=True).text
    assert [message.body for message in Message.objects.order_by("pk")] == ["It is.", "It is. Really."]
    assert LogEntry.objects.count() == 2
    Message.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    editor.post(page_of(reader, "reply"), {"body": "It is.", "known": known(editor, reader)})
    assert Message.objects.count() == 3


def test_who_writes_after_somebody_else_is_told_and_sends_only_when_that_is_meant(editor):
    reader = make_subscriber()
    seen = known(editor, reader)
    pat = User.objects.create_user("pat")
    now = timezone.now()
    first = writing.reply(reader.pk, "It is not.", pat, now, seen)
    page = editor.post(page_of(reader, "reply"), {"body": "It is.", "known": seen})
    at = f"{timezone.localtime(first.created_at):%H:%M}"
    assert f"was answered by pat at {at}: “It is not.” Send yours as well?" in page.text
    assert "Send mine as well" in page.text
    assert ">\nIt is.</textarea>" in page.text
    assert [message.body for message in Message.objects.all()] == ["It is not."]
    assert f'name="known" value="{first.pk}"' in page.text
    writing.reply(reader.pk, "Sorry, it is.", pat, now, first.pk)
    page = editor.post(page_of(reader, "reply"), {"body": "It is.", "known": first.pk})
    assert "“Sorry, it is.” Send yours as well?" in page.text
    second = page.context["reply_form"]["known"].value()
    assert (
        "Your reply goes out now."
        in editor.post(page_of(reader, "reply"), {"body": "It is.", "known": second}, follow=True).text
    )
    assert Message.objects.filter(body="It is.").count() == 1


def test_a_correction_is_no_answer(editor):
    reader = make_subscriber()
    message = writing.message_to(reader.pk, "", "It was 1963.", User.objects.get().pk, timezone.now())
    message.save()
    story = make_story([("It was 1936.", 0)])
    correction = Correction.objects.create(story=story, place=1, body="It was 1963.", until=timezone.now(), readers=1)
    Recipient.objects.create(correction=correction, subscriber=reader, message=message)
    page = editor.post(page_of(reader, "reply"), {"body": "Thank you.", "known": 0}, follow=True)
    assert "Your reply goes out now." in page.text


def test_a_reply_that_is_refused_is_not_lost(editor):
    reader = make_subscriber()
    Subscriber.objects.update(opted_out_at=timezone.now())
    text = editor.post(page_of(reader, "reply"), {"body": "A long answer"}).content.decode()
    assert "has texted STOP" in text
    assert ">\nA long answer</textarea>" in text
    assert not Message.objects.exists()


def test_nobody_is_offered_to_write_to_who_opted_out(editor):
    reader = make_subscriber(opted_out_at=timezone.now())
    text = html(editor, page_of(reader))
    assert "nothing is sent to this number until it texts START" in text
    assert "<textarea" not in text


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("It is.", "6 <span"),
        ("x" * 161, "2 texts"),
        ("Ja, “so” ist es.", "are special characters and take more room"),
        ("x" * 1601, "too long: 1600 characters at most"),
        ("“" + "x" * 70, "0.0256 USD"),
        ("", "Nothing written yet"),
    ],
)
def test_the_words_are_counted_while_they_are_written(editor, body, said):
    text = editor.post(reverse("admin:subscribers_subscriber_size"), {"body": body}).content.decode()
    assert said in text
    assert "data-plain" not in text


def test_the_thread_goes_on_without_a_reload_and_says_nothing_new_where_there_is_none(editor):
    enrollment = make_enrollment()
    live = page_of(enrollment.subscriber, "live")
    first = editor.get(live)
    assert editor.get(live, {"known": first.headers["X-Digest"]}).status_code == 204
    make_inbound(enrollment.subscriber, "And now?")
    second = editor.get(live, {"known": first.headers["X-Digest"]})
    assert "And now?" in second.content.decode()


def test_each_message_tells_its_times_and_why_it_failed(editor, settings):
    enrollment = make_enrollment(make_subscriber("+12125550177"))
    sent_at = timezone.now().replace(month=1, day=5, hour=15, minute=4, second=5)
    make_message(enrollment, body="Hi", status="undelivered", error_code=30003, sent_at=sent_at, segments=2)
    text = html(editor, page_of(enrollment.subscriber))
    assert f"Undelivered · {in_words(30003)}" in text
    newsroom = sent_at.astimezone(settings.NEWSROOM_ZONE).strftime("%H:%M:%S")
    assert f"5 Jan, 10:04:05 (newsroom: 5 Jan, {newsroom})" in text
    assert "2 segments" in text


def test_the_next_text_comes_by_both_clocks(editor):
    enrollment = make_enrollment(make_subscriber("+12125550178"), make_story([("One", 3600)]))
    text = html(editor, page_of(enrollment.subscriber))
    due = enrollment.messages.get().due_at.astimezone(enrollment.subscriber.zone)
    assert f"For the reader: {due.day} {due:%b, %H:%M} in America/New York" in text


def test_the_page_asks_as_often_for_twenty_passages_as_for_two(editor):
    def queries(count: int) -> int:
        reader = make_subscriber()
        for place in range(count):
            make_enrollment(reader, sent=1, status="active" if place % 2 else "stopped")
        editor.get(page_of(reader, "live"))
        with CaptureQueriesContext(connection) as captured:
            assert editor.get(page_of(reader, "live")).status_code == 200
        return len(captured)

    assert queries(20) == queries(2)


@pytest.mark.parametrize("group", ["", "Journalists"])
def test_nobody_else_steers_or_writes(client, group):
    user = User.objects.create_user("other", is_staff=True)
    user.groups.add(*Group.objects.filter(name=group))
    client.force_login(user)
    enrollment = make_enrollment()
    posts = [url("do", enrollment, "stop"), url("place", enrollment), url("again", enrollment)]
    posts += [page_of(enrollment.subscriber, "reply"), reverse("admin:subscribers_subscriber_size")]
    assert {client.post(address, {"body": "x"}).status_code for address in posts} == {403}
    assert client.get(page_of(enrollment.subscriber, "live")).status_code == 403
    assert Message.objects.count() == 1


def test_a_passage_of_another_reader_is_not_found_on_this_ones_page(editor):
    enrollment, other = make_enrollment(), make_enrollment()
    address = reverse("admin:subscribers_subscriber_do", args=[other.subscriber_id, enrollment.pk, "stop"])
    assert editor.post(address).status_code == 404
    assert editor.post(url("do", enrollment, "fly")).status_code == 404


def test_what_an_editor_wrote_is_erased_with_its_reader(editor):
    reader = make_subscriber()
    editor.post(page_of(reader, "reply"), {"body": "It is."})
    press(editor, make_enrollment(reader), "stop")
    erasing.erase_by_hand(Subscriber.objects.all(), timezone.now())
    assert not Message.objects.exists()
    assert {entry.object_repr for entry in LogEntry.objects.all()} == {erasing.ERASED}
