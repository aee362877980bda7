"""What a reader can text, through the real processes: the phone's own record says what came back."""

import time

import pytest

from stories.tests.factory import make_story
from subscribers.models import Enrollment, Subscriber
from subscribers.models.words import SystemText

from .processes import wait_until
from .test_whole_way import READER, bodies


@pytest.fixture
def phone(processes):
    """A phone that texts us, and waits until so many texts in all have come."""

    def text(body: str, count: int) -> list[str]:
        processes.sandbox.text(READER, body)
        if count:
            processes.sandbox.wait_for(READER, lambda messages: len(bodies(messages)) >= count, 15)
        return bodies(processes.sandbox.messages(READER))

    return text


@pytest.mark.once
def test_a_reader_asks_pauses_goes_on_stops_and_comes_back(processes, phone):
    make_story(title="The river", keyword="river", texts=[("One", 0), ("Two", 4), ("Three", 3600)])
    assert phone("Rivver!", 1) == ["One"]
    [_, where] = phone("where?", 2)
    assert where.startswith("The river: 1 of 3 texts. Next: ")
    assert phone("pause", 3)[2:] == ["The river waits for you. Reply RESUME to go on."]
    for _ in range(10):
        time.sleep(0.5)
        assert len(bodies(processes.sandbox.messages(READER))) == 3
    assert phone("again", 4)[3:] == ["One"]
    assert sorted(phone("resume", 6)[4:]) == ["The river goes on.", "Two"]
    assert phone("Stop!", 7)[6:] == ["Our newsroom: you will get no more texts from us. Reply START to come back."]
    assert phone("where", 0) == phone("river", 0)
    # The carrier took "Stop!" for no STOP, so that it answers no START to it.
    assert phone("START", 8)[7:][0].startswith("Our newsroom: welcome back.")
    assert phone("where", 9)[8:][0].startswith("The river: 2 of 3 texts.")
    assert Enrollment.objects.get().status == "active"


@pytest.mark.once
def test_a_welcome_comes_before_the_first_text_and_the_end_offers_another_story(processes, phone):
    SystemText.objects.create(kind="welcome", body="Welcome to {story}. Reply STOP to end.")
    make_story(title="The river", keyword="river", texts=[("One", 0)], closing="More: {offers}")
    make_story(title="The forest", keyword="forest")
    assert phone("river", 2) == ["Welcome to The river. Reply STOP to end.", "One"]
    wait_until(lambda: Subscriber.objects.get().messages.filter(automatic="closing", status="scheduled").exists())
    Subscriber.objects.get().messages.filter(automatic="closing").update(due_at="2026-01-01T00:00Z")
    processes.sandbox.wait_for(READER, lambda messages: bodies(messages)[2:] == ["More: FOREST (The forest)"], 10)


LAST_WORD = "Everything that we knew about you is erased. Text us whenever you like to begin anew."


@pytest.mark.once
def test_a_reader_is_forgotten_here_and_at_the_carrier(processes, phone):
    make_story(keyword="river", texts=[("One", 0), ("Two", 3600)])
    phone("river", 1)
    phone("forget", 0)
    seen = set()

    def told_and_erased() -> bool:
        # The last word is erased, too, within a minute.
        had = bodies(processes.sandbox.messages(READER))
        seen.update(had)
        return LAST_WORD in seen and "One" not in had

    wait_until(told_and_erased, 30)
    assert not Enrollment.objects.exists()
