"""A story that is imported again while people read it: each reader keeps the place."""

from datetime import timedelta

import pytest
from django.utils import timezone

from stories.models import Story
from stories.scripts.files import read_story
from stories.scripts.importing import import_story
from stories.scripts.pictures import Pictures
from stories.tests.factory import make_story
from subscribers import tasks
from subscribers.models import Enrollment, Message
from subscribers.scheduling import send_next_now

from .engine import work
from .factory import make_enrollment

pytestmark = pytest.mark.django_db

BODIES = [
    "The ferry leaves at eight.",
    "Nobody is on the pier tonight.",
    "The mate holds a watch.",
    "He raises the ramp again.",
]
A, B, C, D = BODIES


@pytest.fixture
def story() -> Story:
    """A story of four texts that stood before anybody read it."""
    story = make_story([(body, 60) for body in BODIES], title="The Ferry", slug="the-ferry")
    story.texts.update(created_at=timezone.now() - timedelta(days=30))
    return story


@pytest.fixture
def reader(story) -> Enrollment:
    """Somebody who had two of the four texts and waits for the third."""
    return make_enrollment(story=story, sent=2)


def bring(story: Story, *bodies: str, wait: str = "1 minute") -> None:
    """Import the story with these texts, and let its readers follow."""
    texts = "".join(f"=== {wait} ===\n{body}\n" for body in bodies)
    draft = read_story(f"---\nslug: {story.slug}\n---\n{texts}")
    import_story(draft, Pictures(draft), timezone.now())
    tasks.follow_story(story.pk)


def waiting(enrollment: Enrollment) -> Message:
    return enrollment.messages.get(sent_at=None)


def read_on(enrollment: Enrollment) -> list[str]:
    """Send this reader everything that is left, at once; return all the bodies that the reader then had."""
    while send_next_now([enrollment.pk], timezone.now()):
        work()
    return list(enrollment.messages.exclude(sent_at=None).order_by("step").values_list("body", flat=True))


def test_a_reader_gets_the_text_next_that_was_waited_for_as_it_then_reads(sandbox, story, reader):
    text = waiting(reader).text
    bring(story, A, B, "The mate still holds a watch.", D)
    assert waiting(reader).text == text
    assert read_on(reader) == [A, B, "The mate still holds a watch.", D]


def test_what_was_corrected_behind_a_reader_does_not_come_again(sandbox, story, reader):
    bring(story, "The ferry leaves at nine.", "Somebody is on the pier tonight.", C, D)
    assert read_on(reader) == [A, B, C, D]


def test_a_wholly_new_text_in_place_of_one_that_was_read_does_not_come(sandbox, story, reader):
    bring(story, A, "It rains.", C, D)
    assert read_on(reader) == [A, B, C, D]


def test_a_text_that_is_gone_hands_its_readers_to_the_one_after_it(sandbox, story, reader):
    bring(story, A, B, D)
    assert waiting(reader).text.body == D
    assert read_on(reader) == [A, B, D]


def test_a_story_that_lost_its_end_is_over_for_those_who_waited_for_it(story, reader):
    bring(story, A, B)
    reader.refresh_from_db()
    assert reader.status == "completed"


def test_texts_in_another_order_are_not_repeated_and_not_lost(sandbox, story, reader):
    bring(story, D, C, B, A)
    assert read_on(reader) == [A, B, C, D]


def test_new_texts_come_behind_a_readers_place_alone(sandbox, story, reader):
    bring(story, "Before all.", A, "After the first.", B, C, "After the third.", D, "At the end.")
    assert read_on(reader) == [A, B, C, "After the third.", D, "At the end."]


def test_a_changed_wait_moves_those_who_wait(story, reader):
    since = reader.messages.get(step=2).sent_at
    bring(story, *BODIES, wait="2 days")
    assert waiting(reader).due_at == since + timedelta(days=2)


def test_importing_the_same_again_leaves_readers_alone(story, reader):
    before = list(reader.messages.order_by("pk").values())
    bring(story, *BODIES)
    assert list(reader.messages.order_by("pk").values()) == before


def test_a_new_reader_gets_the_story_as_it_was_imported(sandbox, story):
    bring(story, D, "In between.", A)
    assert read_on(make_enrollment(story=story)) == [D, "In between.", A]
