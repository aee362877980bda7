"""The whole way, through the real processes: a reader texts, the story arrives in its own time."""

import os
import re
import signal
from datetime import timedelta
from itertools import pairwise

import pytest
from django.conf import settings
from django.db import connection

from stories.tests.factory import make_story
from subscribers.models import Enrollment, Message
from subscribers.tests.factory import make_enrollment

from .processes import children, parents, wait_until

READER, OTHER_READER = "+14155550101", "+14155550102"
RANDOM_CHARACTERS = "Random character test:)!(#&*$^(&$!)#(œ∑´®†\\¨ˆˆøø¬µ√ƒ\\∂®≈ƒç˙©∆√˙∫˚∆˜."


def outbound(messages: list[dict]) -> list[dict]:
    return [message for message in messages if message["direction"] == "outbound-api"]


def bodies(messages: list[dict]) -> list[str]:
    return [message["body"] for message in outbound(messages)]


def read_story(processes, phone: str, count: int, timeout: float) -> list[str]:
    messages = processes.sandbox.wait_for(phone, lambda messages: len(outbound(messages)) >= count, timeout)
    return bodies(messages)


def assert_rhythm(delays: list[float]) -> None:
    """The one enrollment was completed, and its texts came after these waits, a second more or less."""
    wait_until(lambda: Enrollment.objects.get().status == Enrollment.Status.COMPLETED)
    started = Enrollment.objects.get().created_at
    sent = list(Message.objects.story_texts().order_by("step").values_list("sent_at", flat=True))
    waits = [(later - earlier).total_seconds() for earlier, later in pairwise([started, *sent])]
    assert waits == pytest.approx(delays, abs=1)


def assert_in_time() -> None:
    """Every text left within a second of its due time."""
    lateness = [message.sent_at - message.due_at for message in Message.objects.story_texts()]
    assert max(lateness) < timedelta(seconds=1)


@pytest.mark.once
def test_stories_are_chosen_by_keyword_and_each_reader_gets_their_own(processes):
    make_story(keyword="river", texts=[("River one", 0), ("River two", 1)])
    make_story(keyword="forest", texts=[("Forest one", 0), ("Forest two", 1)])
    processes.sandbox.text(READER, "river")
    processes.sandbox.text(OTHER_READER, "Forest!")
    assert read_story(processes, READER, 2, 10) == ["River one", "River two"]
    assert read_story(processes, OTHER_READER, 2, 10) == ["Forest one", "Forest two"]
    processes.sandbox.text(READER, "FOREST")
    assert read_story(processes, READER, 4, 10) == ["River one", "River two", "Forest one", "Forest two"]
    way = {"message.received", "enrollment.started", "message.queued", "message.status"}
    wait_until(lambda: told(processes) == [way] * 3, describe=processes.logged)


def told(processes) -> list[set[str]]:
    """Return what the log of all processes tells of under the trace of each text that began a story."""
    lines = re.findall(r" ([a-z]+\.[a-z_]+) [a-z]+=.* trace=(\w+)$", processes.logged(), re.MULTILINE)
    begun = [trace for event, trace in lines if event == "enrollment.started"]
    return [{event for event, found in lines if found == trace} for trace in begun]


@pytest.mark.slow
def test_a_killed_worker_that_starts_again_continues_the_story(processes):
    make_story(keyword="river", texts=[("One", 0), ("Two", 3), ("Three", 1)])
    processes.sandbox.text(READER, "river")
    read_story(processes, READER, 1, 10)
    processes.kill("worker")
    processes.start("worker")
    assert read_story(processes, READER, 3, 30) == ["One", "Two", "Three"]


def test_a_worker_killed_while_the_carrier_is_asked_doubles_and_loses_nothing(processes):
    make_story(keyword="river", texts=[("One", 0), ("Two", 0)])
    processes.sandbox.faults({"latency": 3})
    processes.sandbox.text(READER, "river")
    wait_until(lambda: Message.objects.filter(begun_at__isnull=False).exists())
    processes.kill("worker")
    processes.sandbox.faults({})
    processes.start("worker")
    assert read_story(processes, READER, 2, 90) == ["One", "Two"]


@pytest.mark.parametrize(
    "victims",
    [
        "the master",
        pytest.param("the sentinel", marks=pytest.mark.slow),
        pytest.param("the sentinel's children", marks=pytest.mark.slow),
        "one worker",
    ],
)
def test_whatever_is_killed_of_the_cluster_the_story_goes_on(processes, victims):
    make_story(keyword="river", texts=[("One", 0), ("Two", 2), ("Three", 0)])
    processes.sandbox.text(READER, "river")
    read_story(processes, READER, 1, 10)
    [master] = children(processes.running["worker"].pid)
    [sentinel] = children(master)
    workers = children(sentinel)
    dying = {
        "the master": [master],
        "the sentinel": [sentinel],
        "the sentinel's children": workers,
        # The first to wait for a task holds the queue's lock, and takes it along.
        "one worker": workers[:1],
    }
    for pid in dying[victims]:
        os.kill(pid, signal.SIGKILL)
    assert read_story(processes, READER, 3, 75) == ["One", "Two", "Three"]
    assert processes.stop("worker") == 0


def sentinel_of(processes, name: str) -> int | None:
    """Return the sentinel of a worker's cluster, once it has started all processes of its own."""
    sentinels = [child for master in children(processes.running[name].pid) for child in children(master)]
    return next((sentinel for sentinel in sentinels if len(children(sentinel)) > 5), None)


@pytest.mark.slow
def test_a_cluster_that_cannot_end_is_killed_when_asked_to_end_and_when_nobody_is_left_to_ask(processes):
    processes.start("second worker")
    make_story(keyword="river", texts=[("One", 0), ("Two", 1)])
    sentinels = [wait_until(lambda name=name: sentinel_of(processes, name), 20) for name in ("worker", "second worker")]
    processes.sandbox.text(READER, "river")
    read_story(processes, READER, 2, 20)
    for sentinel in sentinels:
        os.kill(sentinel, signal.SIGSTOP)
    processes.kill_front("second worker")
    assert processes.stop("worker") == 0
    assert "cluster.killed" in processes.logged()
    wait_until(lambda: not processes.left_behind(), 15)
    wait_until(lambda: not dict(parents()).keys() & set(sentinels))


@pytest.mark.in_time
def test_a_text_leaves_within_a_second_of_its_due_time(processes):
    make_story(keyword="river", texts=[(f"Text {number}", 1) for number in range(5)])
    processes.sandbox.text(READER, "river")
    read_story(processes, READER, 5, 20)
    wait_until(lambda: Message.objects.filter(sent_at__isnull=False).count() == 5)
    assert_in_time()


@pytest.mark.slow
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no server whose connections are counted.")
def test_a_cluster_and_the_web_process_need_no_more_than_a_dozen_connections(processes):
    story = make_story(keyword="river", texts=[("One", 0), ("Two", 0)])
    for _ in range(300):
        make_enrollment(story=story)
    wait_until(lambda: not Message.objects.filter(sent_at=None).exists(), 30, processes.logged)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        # One of them is this test's.
        assert cursor.fetchone()[0] <= 12 + 1


@pytest.mark.once
def test_statuses_arrive_from_the_carrier(processes):
    make_story(keyword="river", texts=[("One", 0)])
    processes.sandbox.text(READER, "river")
    wait_until(lambda: Message.objects.filter(step=1, status=Message.Status.DELIVERED).exists(), 10, processes.logged)


@pytest.mark.once
def test_stop_ends_the_story_and_start_lets_it_go_on(processes):
    make_story(keyword="river", texts=[("One", 0), ("Two", 2), ("Three", 0)])
    processes.sandbox.text(READER, "river")
    read_story(processes, READER, 1, 10)
    processes.sandbox.text(READER, " Stop. ")
    processes.sandbox.text(READER, "stop")
    assert Enrollment.objects.get().status == Enrollment.Status.STOPPED
    due = Message.objects.get(step=2).due_at
    processes.sandbox.text(OTHER_READER, "river")
    # The other reader's third text comes after the moment at which the first one's second was due.
    others = Message.objects.filter(enrollment__subscriber__phone_number=OTHER_READER, sent_at__isnull=False)
    wait_until(lambda: others.count() == 3)
    assert others.get(step=3).sent_at > due
    assert bodies(processes.sandbox.messages(READER)) == ["One"]
    processes.sandbox.text(READER, "START")
    assert read_story(processes, READER, 3, 10) == ["One", "Two", "Three"]


@pytest.mark.once
def test_logs_hold_no_bodies_no_whole_numbers_and_no_secrets(processes):
    make_story(keyword="river", texts=[("A secret body", 0)])
    processes.sandbox.text(READER, "river, or something private")
    processes.sandbox.text(READER, "river")
    wait_until(lambda: Message.objects.filter(status=Message.Status.DELIVERED).exists())
    log = processes.logged()
    assert "message.received" in log
    assert "message.queued" in log
    assert "secret" not in log
    assert "private" not in log
    assert READER[1:] not in log
    assert not [secret for secret in (settings.SECRET_KEY, settings.TWILIO_AUTH_TOKEN) if secret in log]
