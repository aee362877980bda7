"""The pages of corrections: nothing goes out that was not seen before, and every figure is the one that is sent."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.urls import reverse
from django.utils import timezone

from stories import history
from stories.tests.factory import make_story
from subscribers import correcting
from subscribers.models import Correction, Message

from .factory import make_enrollment, make_subscriber

pytestmark = [pytest.mark.django_db, pytest.mark.screens]


@pytest.fixture
def story():
    story = make_story([("One", 60), ("It was Monday.", 60)])
    history.keep(story, timezone.now())
    return story


def write_url(story, position: int = 2) -> str:
    text = story.texts.get(position=position)
    return reverse("admin:subscribers_correction_write", args=[story.pk, text.pk])


def page_of(correction: Correction, name: str) -> str:
    return reverse(f"admin:subscribers_correction_{name}", args=[correction.pk])


def hidden(text: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="(wording|body|until)" value="([^"]*)">', text)
    return dict(found) | {"send": "yes"}


def preview(client, story, **fields) -> str:
    return client.post(write_url(story), {"wording": "", "body": "It was Tuesday."} | fields).content.decode()


def confirm(client, story, **fields) -> Correction:
    client.post(write_url(story), hidden(preview(client, story, **fields)))
    return Correction.objects.get()


def test_the_preview_says_who_how_many_segments_and_what_it_costs(editor, story):
    for _ in range(3):
        make_enrollment(story=story, sent=2, status="completed")
    make_enrollment(make_subscriber(opted_out_at=timezone.now()), story, sent=2)
    text = re.sub(r"<[^>]*>", "", preview(editor, story, body="It was Tuesday. " * 11))
    assert "3 of 4 readers who received it get this." in text
    assert re.search(r"Completed\s*3", text)
    assert re.search(r"have texted STOP\s*1", text)
    assert "2 segments each, 6 in all: about 0.0768 USD" in text
    assert "Send to 3 readers" in text
    assert not Correction.objects.exists()
    assert not Message.objects.filter(step=None).exists()


def test_a_text_that_is_deleted_after_the_preview_is_said_to_be(editor, story, monkeypatch):
    make_enrollment(story=story, sent=2)
    address, fields, real = write_url(story), hidden(preview(editor, story)), correcting.start
    told = "The text was deleted meanwhile, so that nobody knows any more who received it. Nothing was sent."

    def late(text, *rest):
        story.texts.filter(position=2).delete()
        return real(text, *rest)

    monkeypatch.setattr(correcting, "start", late)
    for _ in range(2):
        page = editor.post(address, fields, follow=True)
        assert told in page.text
        assert page.redirect_chain[-1][0] == reverse("admin:subscribers_correction_of_story", args=[story.pk])
    assert not Correction.objects.exists()


def test_what_was_seen_is_sent_and_on_record(editor, story):
    reader = make_enrollment(story=story, sent=2).subscriber
    correction = confirm(editor, story, body=" It was\r\nTuesday. ")
    assert (correction.body, correction.readers, correction.created_by.username) == ("It was\nTuesday.", 1, "eddie")
    while correcting.write_batch(correction.pk, timezone.now()):
        pass
    assert Message.objects.get(correction__correction=correction).subscriber == reader
    assert LogEntry.objects.get().object_id == str(correction.pk)
    thread = editor.get(reverse("admin:subscribers_subscriber_change", args=[reader.pk])).content.decode()
    assert "Correction · Scheduled" in thread


def test_the_button_pressed_twice_is_one_correction(editor, story):
    make_enrollment(story=story, sent=2)
    fields = hidden(preview(editor, story))
    for _ in range(2):
        assert editor.post(write_url(story), fields).status_code == 302
    assert Correction.objects.count() == 1


def test_a_wording_is_chosen_by_its_words(editor, story):
    make_enrollment(story=story, sent=2)
    text = story.texts.get(position=2)
    text.body = "It was Tuesday."
    text.save()
    history.keep(story, timezone.now())
    make_enrollment(story=story, sent=2)
    page = editor.get(write_url(story)).content.decode()
    choices = dict(re.findall(r'value="(\w*)"[^>]*>\s*<label[^>]*>([^<]*)</label>', page))
    assert list(choices.values()) == [
        "Everybody who received this text",
        "Who received it as: It was Tuesday.",
        "Who received it as: It was Monday.",
    ]
    digest = next(value for value, label in choices.items() if "Monday" in label)
    assert confirm(editor, story, wording=digest).readers == 1
    assert Correction.objects.get().wording == "It was Monday."


@pytest.mark.parametrize(
    ("body", "sentence"), [(" ", "There is nothing to send."), ("x" * 1601, "This is too long: the carrier takes 1600")]
)
def test_what_cannot_be_sent_has_no_preview(editor, story, body, sentence):
    make_enrollment(story=story, sent=2)
    text = preview(editor, story, body=body)
    assert sentence in text
    assert "data-seen" not in text


def test_nobody_to_send_to_is_said_and_has_no_button(editor, story):
    text = preview(editor, story)
    assert "There is nobody to send it to." in text
    assert 'name="send"' not in text


def test_a_text_that_was_corrected_before_is_warned_of(editor, story):
    make_enrollment(story=story, sent=2)
    confirm(editor, story)
    assert "The same words were sent as a correction before" in preview(editor, story)
    assert re.search("This text was corrected before, .*: “It was Tuesday.”", preview(editor, story, body="Or not."))


@pytest.mark.parametrize("body", ["It was Tuesday.", "Sorry: Tuesday it was."])
def test_of_two_who_correct_a_text_at_once_the_second_is_asked_to_look_again(editor, story, body):
    make_enrollment(story=story, sent=2)
    seen = hidden(preview(editor, story, body=body))
    confirm(editor, story)
    text = editor.post(write_url(story), seen).content.decode()
    assert "This text was corrected by eddie since you looked: “It was Tuesday.”" in text
    assert Correction.objects.count() == 1
    # The words are still there, seen anew.
    assert editor.post(write_url(story), hidden(text)).status_code == 302
    assert sorted(Correction.objects.values_list("body", flat=True)) == sorted(["It was Tuesday.", body])


@pytest.mark.parametrize("until", ["2026-13-45T00:00:00+00:00", "2026-11-25", "2026-11-25T08:00:00", "soon"])
def test_a_moment_that_is_none_is_taken_for_now(editor, story, until):
    make_enrollment(story=story, sent=2)
    editor.post(write_url(story), {"wording": "", "body": "It was Tuesday.", "send": "yes", "until": until})
    correction = Correction.objects.get()
    assert timedelta() <= correction.created_at - correction.until < timedelta(seconds=30)


def test_the_progress_is_what_the_messages_say_and_it_can_be_stopped(editor, story):
    for _ in range(4):
        make_enrollment(story=story, sent=2)
    correction = confirm(editor, story)
    while correcting.write_batch(correction.pk, timezone.now()):
        pass
    messages = list(Message.objects.filter(correction__correction=correction))
    for message, status in zip(messages, ["delivered", "sent", "undelivered"], strict=False):
        Message.objects.filter(pk=message.pk).update(status=status)
    text = editor.get(page_of(correction, "progress")).content.decode()
    figures = {name: int(count) for name, count in re.findall(r'row">([^<]*)</th><td>(\d+)', text)}
    assert figures == {"Waiting": 1, "Sent": 2, "of them delivered": 1, "Did not arrive": 1, "Withdrawn": 0}
    assert "data-going" in text
    page = editor.post(page_of(correction, "stop"), follow=True).content.decode()
    assert "Stopped: 1 that had not gone out do not go out." in page
    assert "Stop it" not in page
    assert "gone out already" in editor.post(page_of(correction, "stop"), follow=True).content.decode()


def test_the_storys_page_leads_to_its_corrections(editor, story):
    make_enrollment(story=story, sent=2)
    correction = confirm(editor, story)
    of_story = reverse("admin:subscribers_correction_of_story", args=[story.pk])
    desk = editor.get(reverse("admin:stories_story_change", args=[story.pk])).content.decode()
    assert f'<a href="{of_story}">Corrections (1)</a>' in desk
    text = editor.get(of_story).content.decode()
    assert correction.body in text
    assert "Correct text 2" in text
    assert "It was Tuesday." in editor.get(reverse("admin:subscribers_correction_changelist")).content.decode()


@pytest.mark.parametrize("group", ["", "Journalists"])
def test_nobody_else_corrects(client, story, editor, group):
    make_enrollment(story=story, sent=2)
    correction = confirm(editor, story)
    user = User.objects.create_user("other", is_staff=True)
    user.groups.add(*Group.objects.filter(name=group))
    client.force_login(user)
    gets = [write_url(story), reverse("admin:subscribers_correction_of_story", args=[story.pk])]
    gets += [page_of(correction, name) for name in ("change", "progress")]
    assert {client.get(address).status_code for address in gets} == {403}
    posts = [write_url(story), page_of(correction, "stop")]
    assert {client.post(address, {"body": "x", "send": "yes"}).status_code for address in posts} == {403}


def test_one_who_only_looks_is_offered_no_correction(client, story):
    user = User.objects.create_user("looker", is_staff=True)
    user.user_permissions.add(*Group.objects.get(name="Editors").permissions.filter(codename="view_correction"))
    client.force_login(user)
    page = client.get(reverse("admin:subscribers_correction_of_story", args=[story.pk])).content.decode()
    assert "Correct text" not in page
