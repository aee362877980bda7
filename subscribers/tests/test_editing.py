"""Editing is safe while people read: the same promises as in test_scheduling.py, kept through the admin's own forms."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from stories import history
from stories.models import Story
from stories.tests.factory import make_story
from stories.tests.test_admin import form_of, page_of
from subscribers import tasks
from subscribers.models import Enrollment

from .factory import make_enrollment
from .test_scheduling import read_on, waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def journalist(client):
    client.force_login(User.objects.create_superuser("jo"))
    return client


@pytest.fixture
def story():
    """A story of four texts that stood before anybody read it."""
    story = make_story(texts=[("A", 0), ("B", 60), ("C", 60), ("D", 60)])
    long_ago = timezone.now() - timedelta(days=30)
    story.texts.update(created_at=long_ago)
    history.keep(story, long_ago)
    return story


def save(client, story: Story, rows=(), **fields) -> None:
    """Post the story's form, changed by these rows, and let its readers follow as the cluster would."""
    assert client.post(page_of(story), form_of(story, list(rows), **fields)).status_code == 302
    follow()


def put_back(client, story: Story, entry) -> None:
    url = reverse("admin:stories_story_put_back", args=[story.pk, entry.pk])
    assert client.post(url).status_code == 302
    follow()


def follow() -> None:
    while task := OrmQ.objects.first():
        task.delete()
        tasks.follow_story(*task.task["args"])


def test_a_reader_gets_the_text_that_was_waited_for_as_it_now_reads(journalist, sandbox, story):
    enrollment = make_enrollment(story=story, sent=1)
    save(journalist, story, [{}, {"body": "b"}])
    assert read_on(sandbox, enrollment) == "AbCD"


def test_a_text_that_is_moved_further_on_is_still_the_next_for_those_who_wait_for_it(journalist, sandbox, story):
    enrollment = make_enrollment(story=story, sent=1)
    save(journalist, story, [{}, {"ORDER": 4}, {"ORDER": 2}, {"ORDER": 3}])
    assert waiting(enrollment).text.body == "B"
    assert read_on(sandbox, enrollment) == "ABCD"


def test_a_deleted_text_hands_its_readers_to_the_one_after_it(journalist, sandbox, story):
    enrollment = make_enrollment(story=story, sent=1)
    save(journalist, story, [{}, {"DELETE": "on"}])
    assert read_on(sandbox, enrollment) == "ACD"


def test_a_changed_delay_moves_those_who_wait(journalist, story):
    enrollment = make_enrollment(story=story, sent=1)
    save(journalist, story, [{}, {"wait": "2 days"}])
    assert waiting(enrollment).due_at == enrollment.messages.get(step=1).sent_at + timedelta(days=2)


def test_a_reordered_story_never_repeats_a_text(journalist, sandbox, story):
    enrollment = make_enrollment(story=story, sent=2)
    save(journalist, story, [{"ORDER": 4}, {"ORDER": 3}, {"ORDER": 2}, {"ORDER": 1}])
    assert sorted(read_on(sandbox, enrollment)) == list("ABCD")


def test_texts_added_at_the_end_reach_those_who_read_and_not_those_who_completed(journalist, sandbox, story):
    reading, completed = make_enrollment(story=story, sent=3), make_enrollment(story=story, sent=4)
    save(journalist, story, [{}, {}, {}, {}, {"body": "E"}])
    assert waiting(completed) is None
    assert read_on(sandbox, reading) == "ABCDE"


def test_everything_at_once_repeats_nothing_and_loses_nothing(journalist, sandbox, story):
    enrollment = make_enrollment(story=story, sent=2)
    rows = [{"DELETE": "on"}, {"ORDER": 4}, {"ORDER": 2, "body": "c"}, {"ORDER": 1}, {"body": "E", "ORDER": 5}]
    save(journalist, story, rows)
    assert sorted(read_on(sandbox, enrollment)) == ["A", "B", "D", "E", "c"]


@pytest.mark.parametrize("action", ["unpublish", "archive"])
def test_a_story_that_nobody_can_start_any_more_is_read_to_its_end(journalist, sandbox, story, action):
    enrollment = make_enrollment(story=story, sent=1)
    page = journalist.post(reverse(f"admin:stories_story_{action}", args=[story.pk]), follow=True).content.decode()
    assert "1 reader is still reading" in page
    follow()
    assert read_on(sandbox, enrollment) == "ABCD"


def test_a_draft_can_be_corrected_while_some_still_read_it(journalist, sandbox, story):
    enrollment = make_enrollment(story=story, sent=1)
    journalist.post(reverse("admin:stories_story_unpublish", args=[story.pk]))
    save(journalist, story, [{}, {"body": "b"}])
    assert read_on(sandbox, enrollment) == "AbCD"


def test_putting_an_older_version_back_repeats_nothing_and_keeps_the_place(journalist, sandbox, story):
    enrollment = make_enrollment(story=story, sent=2)
    first = story.history.get()
    save(journalist, story, [{"ORDER": 4}, {"ORDER": 3}, {"ORDER": 2, "body": "c"}, {"ORDER": 1}])
    put_back(journalist, story, first)
    assert waiting(enrollment).text.body == "C"
    assert read_on(sandbox, enrollment) == "ABCD"


def test_a_text_that_was_deleted_and_put_back_is_not_sent_to_those_who_had_it(journalist, sandbox, story):
    enrollment = make_enrollment(story=story, sent=2)
    first = story.history.get()
    save(journalist, story, [{}, {"DELETE": "on"}, {"DELETE": "on"}, {}])
    put_back(journalist, story, first)
    assert read_on(sandbox, enrollment) == "ABD"


def test_a_text_put_back_is_not_repeated_even_if_nothing_that_the_reader_waits_for_is_left(journalist, sandbox, story):
    """The last text that the reader had is gone, and so is the next one: only its words tell that it was had."""
    enrollment = make_enrollment(story=story, sent=2)
    first = story.history.get()
    rows = [{}, {"DELETE": "on"}, {"DELETE": "on"}, {"DELETE": "on"}, {"body": "X"}]
    save(journalist, story, rows)
    assert waiting(enrollment).text.body == "X"
    put_back(journalist, story, first)
    assert read_on(sandbox, enrollment) == "ABCD"


def test_a_picture_without_words_is_known_again_too(journalist, sandbox, story):
    story.texts.filter(body="B").update(body="", media_url="https://example.org/b.png")
    history.keep(story, timezone.now() - timedelta(days=20))
    enrollment = make_enrollment(story=story, sent=2)
    enrollment.messages.filter(step=2).update(body="", media_urls=["https://example.org/b.png"])
    before = story.history.first()
    save(journalist, story, [{}, {"DELETE": "on"}, {"DELETE": "on"}, {"DELETE": "on"}, {"body": "X"}])
    put_back(journalist, story, before)
    assert waiting(enrollment).text.body == "C"


def test_of_two_texts_with_the_same_words_one_message_is_one(journalist, sandbox, story):
    story.texts.filter(body="D").update(body="B")
    history.keep(story, timezone.now() - timedelta(days=20))
    enrollment = make_enrollment(story=story, sent=2)
    before = story.history.first()
    save(journalist, story, [{}, *[{"DELETE": "on"}] * 3, {"body": "X"}])
    put_back(journalist, story, before)
    assert read_on(sandbox, enrollment) == "ABCB"


def test_a_text_that_was_written_after_the_same_words_were_sent_is_another(journalist, sandbox, story):
    enrollment = make_enrollment(story=story, sent=2)
    save(journalist, story, [{}, {"DELETE": "on"}, {}, {}, {"body": "B"}])
    before = story.history.first()
    save(journalist, story, [{}, *[{"DELETE": "on"}] * 3, {"body": "X"}])
    put_back(journalist, story, before)
    assert read_on(sandbox, enrollment) == "ABCDB"


def test_those_who_began_in_between_read_what_is_put_back_in_its_place(journalist, sandbox, story):
    first = story.history.get()
    save(journalist, story, [{}, {}, {"DELETE": "on"}, {}])
    enrollment = make_enrollment(story=story, sent=1)
    put_back(journalist, story, first)
    assert read_on(sandbox, enrollment) == "ABCD"


def test_putting_back_can_be_undone(journalist, sandbox, story):
    enrollment = make_enrollment(story=story, sent=1)
    first = story.history.get()
    save(journalist, story, [{}, {"body": "b"}, {"DELETE": "on"}])
    second = story.history.first()
    put_back(journalist, story, first)
    put_back(journalist, story, second)
    assert read_on(sandbox, enrollment) == "AbD"


def test_putting_back_brings_nobody_back_who_completed_the_story(journalist, story):
    enrollment = make_enrollment(story=story, sent=3)
    first = story.history.get()
    save(journalist, story, [{}, {}, {}, {"DELETE": "on"}])
    enrollment.refresh_from_db()
    assert enrollment.status == Enrollment.Status.COMPLETED
    put_back(journalist, story, first)
    assert waiting(enrollment) is None
