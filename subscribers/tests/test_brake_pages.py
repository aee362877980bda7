"""The brake on the newsroom's pages: its button, its bar on every page, and the page that releases."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers import holds, outcomes, tasks
from subscribers.models import Hold, Message
from subscribers.outcomes import Outcome
from textengine.carrier import CarrierError
from textengine.carrier_codes import action_for

from .engine import claimed
from .factory import make_account, make_enrollment, make_message

pytestmark = [pytest.mark.django_db, pytest.mark.screens]

PUT_ON = reverse("admin:subscribers_hold_put_on")
HOME = reverse("admin:index")


def page(client, address: str) -> str:
    """Return this page's words, with one space between them."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", client.get(address).content.decode()))


def release_of(hold: Hold) -> str:
    return reverse("admin:subscribers_hold_release", args=[hold.pk])


def page_of(story) -> str:
    return reverse("admin:stories_story_change", args=[story.pk])


def hold_back(*enrollments) -> None:
    Message.objects.filter(enrollment__in=enrollments, sent_at=None).update(
        status="held", due_at=timezone.now() - timedelta(minutes=5)
    )


def test_one_press_holds_everything_from_whatever_page_and_leads_back_to_it(chief):
    there = reverse("admin:subscribers_message_changelist") + "?status=delivered"
    response = chief.post(PUT_ON, {"reason": "A wrong name", "next": there})
    assert response["Location"] == there
    hold = Hold.objects.active().get()
    assert (hold.story, hold.text, hold.reason, hold.created_by.username) == (None, None, "A wrong name", "chief")
    assert LogEntry.objects.get().get_change_message() == "Added."
    assert "Everything is on hold since" in page(chief, there)


def test_what_is_held_does_not_leave_any_more_from_the_next_moment_on(chief, sandbox):
    enrollment = make_enrollment(story=make_story([("One", 0)]))
    Message.objects.update(due_at=timezone.now())
    [(_, ids, lease)] = claimed()
    chief.post(PUT_ON, {"reason": "A wrong name"})
    tasks.send(ids, str(lease))
    assert sandbox.received(str(enrollment.subscriber.phone_number)) == []
    assert Message.objects.get().status == "held"


def test_a_storys_page_holds_the_story_or_one_of_its_texts(chief):
    story = make_story([("One", 0), ("Two", 60)], title="The River")
    text = story.texts.get(position=2)
    assert f'<option value="{text.pk}">Text 2: Two</option>' in chief.get(page_of(story)).content.decode()
    chief.post(PUT_ON, {"story": story.pk, "text": text.pk, "reason": "A wrong name", "next": page_of(story)})
    chief.post(PUT_ON, {"story": story.pk, "text": "", "reason": "All of it", "next": page_of(story)})
    assert set(Hold.objects.active().values_list("story", "text")) == {(story.pk, text.pk), (story.pk, None)}
    words = page(chief, HOME)
    assert "Text 2 of “The River” is on hold" in words
    assert "“The River” is on hold" in words


@pytest.mark.parametrize("away", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)", ""])
def test_the_button_leads_to_no_other_site(chief, away):
    assert chief.post(PUT_ON, {"reason": "r", "next": away})["Location"] == HOME


def test_what_cannot_be_held_is_refused_with_a_sentence(chief):
    story, other = make_story([("One", 0)], title="The River"), make_story([("Else", 0)])
    assert "Say why it is held" in chief.post(PUT_ON, {"reason": " "}, follow=True).content.decode()
    chief.post(PUT_ON, {"story": story.pk, "text": other.texts.get().pk, "reason": "r"})
    assert not Hold.objects.exists()
    chief.post(PUT_ON, {"story": story.pk, "reason": "r"})
    response = chief.post(PUT_ON, {"story": story.pk, "reason": "again"}, follow=True)
    assert "There is a hold on “The River” already." in response.content.decode()
    assert Hold.objects.get().reason == "r"


@pytest.mark.parametrize(
    ("group", "puts_on", "way_out"),
    [
        ("Desk chiefs", True, "Release …"),
        ("Editors", False, "See the hold"),
        ("Operators", False, "See the hold"),
        ("Journalists", False, ""),
    ],
)
def test_each_role_sees_what_is_held_and_has_the_buttons_it_may_press(log_in, group, puts_on, way_out):
    client, hold = log_in(group), Hold.objects.create(reason="A wrong name")
    words = page(client, HOME)
    assert "Everything is on hold" in words
    assert "A wrong name" in words
    assert "Hold everything" not in words
    assert ("Release all …" in words) == puts_on
    found = [each for each in ("Release …", "See the hold") if each in words]
    assert found == ([way_out] if way_out else [])
    assert client.get(release_of(hold)).status_code == (200 if puts_on else 403)
    assert client.post(release_of(hold)).status_code == (302 if puts_on else 403)
    words = page(client, HOME)
    assert ("Hold everything" in words) == puts_on
    assert "Release all" not in words
    assert client.post(PUT_ON, {"reason": "r"}).status_code == (302 if puts_on else 403)
    assert Hold.objects.active().exists() != puts_on or Hold.objects.active().get().reason == "r"


def test_the_bar_costs_no_question_whether_everything_is_held_or_not(chief):
    there = reverse("admin:subscribers_message_changelist")
    chief.get(there)
    with CaptureQueriesContext(connection) as free:
        chief.get(there)
    Hold.objects.create(reason="A wrong name")
    with CaptureQueriesContext(connection) as held:
        chief.get(there)
    assert len(held) == len(free)
    assert sum("subscribers_hold" in query["sql"] for query in held) == 1


def test_what_is_held_of_one_story_leaves_the_way_to_hold_everything(chief):
    Hold.objects.create(reason="A wrong name", story=make_story())
    assert "Hold everything" in page(chief, HOME)


def test_the_page_that_releases_says_how_many_each_way_concerns(chief):
    story = make_story([("One", 0), ("Two", 60), ("Three", 60)])
    readers = [make_enrollment(story=story, sent=1) for _ in range(3)]
    hold_back(*readers)
    make_message(readers[0], enrollment=None, story=None, status="held", sid=None, body="An answer")
    hold = Hold.objects.create(reason="A wrong name")
    words = page(chief, release_of(hold))
    assert "For 3 readers the text that waits comes later by as long as the hold was on" in words
    assert "For 3 readers the text that waits goes out as soon as our numbers can send it" in words
    assert "For 3 readers the text that waits never comes" in words
    assert "1 other text, such as answers and corrections, goes out in each of these ways" in words
    hold_back(readers[0])
    Hold.objects.create(reason="One more", story=story)
    words = page(chief, release_of(hold))
    assert "For 0 readers the text" in words
    assert "3 texts are held by another hold too, and stay held" in words


@pytest.mark.parametrize(
    ("way", "next_text", "said"),
    [
        ("", "Two", "1 text that was held back goes on in rhythm."),
        ("now", "Two", "1 text that was held back goes out now."),
        ("skip", "Three", "1 text that was held back is skipped."),
    ],
)
def test_a_hold_is_released_in_the_way_that_is_chosen(chief, way, next_text, said):
    enrollment = make_enrollment(story=make_story([("One", 0), ("Two", 60), ("Three", 60)]), sent=1)
    hold_back(enrollment)
    hold = Hold.objects.create(reason="A wrong name")
    response = chief.post(release_of(hold), {"way": way}, follow=True)
    assert said in response.content.decode()
    assert "1 of 1 texts that were held back have had their turn" in re.sub(r"<[^>]*>", "", response.content.decode())
    message = Message.objects.get(enrollment=enrollment, sent_at=None, step__isnull=False)
    assert (message.status, message.text.body) == ("scheduled", next_text)
    hold.refresh_from_db()
    assert (hold.way, hold.released_by.username) == (way or "rhythm", "chief")
    assert LogEntry.objects.get().get_change_message().startswith("Released: ")


def test_a_way_that_there_is_not_releases_nothing(chief):
    hold = Hold.objects.create(reason="A wrong name")
    assert chief.post(release_of(hold), {"way": "at once"}).status_code == 200
    assert Hold.objects.active().exists()


def test_a_large_release_shows_how_far_it_is_on_every_page(chief, monkeypatch):
    monkeypatch.setattr(holds, "RELEASE_BATCH", 2)
    story = make_story([("One", 0), ("Two", 60)], title="The River")
    hold_back(*(make_enrollment(story=story, sent=1) for _ in range(5)))
    hold = Hold.objects.create(reason="A wrong name", story=story)
    chief.post(release_of(hold), {"way": "now"})
    progress = reverse("admin:subscribers_hold_progress", args=[hold.pk])
    assert "What was held of “The River” is being released: 2 of 5 texts have had their turn" in page(chief, HOME)
    assert "data-going" in chief.get(progress).content.decode()
    tasks.release(hold.pk)
    assert "5 of 5 texts that were held back have had their turn" in page(chief, progress)
    assert "data-going" not in chief.get(progress).content.decode()
    assert "being released" not in page(chief, HOME)


@pytest.mark.parametrize(
    ("code", "why"),
    [(20003, "our account’s credentials are refused (20003)"), (30034, "our number is not registered (30034)")],
)
def test_what_means_stop_everything_puts_the_brake_on_by_itself_and_says_why(chief, code, why):
    make_enrollment(story=make_story([("One", 0)]))
    Message.objects.update(due_at=timezone.now())
    [(_, ids, lease)] = claimed()
    Message.objects.update(attempts=1, begun_at=timezone.now())
    error = CarrierError(action_for(code), "No.", code)
    outcomes.record([Outcome(ids[0], timezone.now(), error=error)], lease)
    assert f"Set by itself: {why}" in page(chief, HOME)
    assert Message.objects.get().status == "scheduled"


def test_who_writes_sees_no_hold_on_a_story_of_others(log_in):
    journalist = log_in("Journalists")
    own, other = make_story(title="The River"), make_story(title="The Bus")
    other.authors.clear()
    for story in (own, other, None):
        Hold.objects.create(story=story, reason="Wrong.")
    text = page(journalist, HOME)
    assert "“The River” is on hold" in text
    assert "Everything is on hold" in text
    assert "The Bus" not in text


def test_of_two_who_release_a_hold_the_second_is_told(chief):
    hold = Hold.objects.create(reason="A wrong name")
    holds.release(hold, timezone.now(), Hold.Way.NOW, make_account("Editors", "other"))
    text = chief.post(release_of(hold), {"way": "skip"}, follow=True).content.decode()
    assert "somebody else had released this hold before you did" in text
    assert Hold.objects.get().way == "now"
