"""What stands still or is away for a while: a cluster beyond its lease, the worker, the web process."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from django.db import transaction
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers.models import Enrollment, Message
from subscribers.tests.factory import make_enrollment, make_subscriber

from .databases import is_sqlite
from .processes import children, paused, wait_until
from .readers import assert_each_got, explained, phones, text_in, wait_until_all_have_read

TEXTS = ["One", "Two", "Three"]


@pytest.mark.slow
@pytest.mark.skipif(is_sqlite(), reason="Several clusters need PostgreSQL.")
def test_a_cluster_that_stood_still_beyond_its_lease_doubles_nothing(processes):
    """What it was about to request has been sent by another when it wakes."""
    story = make_story(keyword="river", texts=[(text, 0) for text in TEXTS])
    first, last, *readers = phones(258)
    begun = Message.objects.filter(status=Message.Status.SENDING, begun_at__isnull=False)
    with explained(processes):
        # What is accepted while it stands still has to be looked up.
        processes.sandbox.faults({"callback-late": 3600})
        text_in(processes.sandbox, [first])
        wait_until_all_have_read(1, 20)
        before, pids = processes.sandbox.count(), processes.tree("worker")
        with transaction.atomic():
            for reader in readers:
                make_enrollment(subscriber=make_subscriber(reader), story=story)
        # Requests of all the cluster's workers are being made, and some are through.
        wait_until(lambda: processes.sandbox.count() > before + 4, 60, pause=0)
        with paused(pids):
            assert begun.count() > processes.sandbox.count() - before
            lease_until = max(begun.values_list("lease_until", flat=True))
            processes.start("second worker")
            wait_until(lambda: processes.sandbox.count() >= before + len(TEXTS) * len(readers), 90, pause=0.1)
            wait_until(lambda: timezone.now() > lease_until, 60, pause=0.1)
        wait_until_all_have_read(1 + len(readers), 90)
        assert processes.stop("second worker") == 0
        # The one that woke works on, alone.
        text_in(processes.sandbox, [last])
        wait_until_all_have_read(2 + len(readers), 60)
        assert processes.stop("worker") == 0
        assert_each_got(processes.sandbox, [first, *readers, last], TEXTS)


@pytest.mark.once
def test_after_an_outage_readers_go_on_in_rhythm(processes):
    delay = 2
    make_story(keyword="river", texts=[("One", 0), ("Two", delay), ("Three", delay), ("Four", delay)])
    readers = phones(3)
    with explained(processes):
        text_in(processes.sandbox, readers)
        wait_until(lambda: Message.objects.filter(step=1, sent_at__isnull=False).count() == len(readers))
        processes.kill("worker")
        away_until = time.monotonic() + 3 * delay
        wait_until(lambda: time.monotonic() > away_until, 4 * delay)
        processes.start("worker")
        wait_until_all_have_read(len(readers), 60)
        for reader in readers:
            texts = [text for text in processes.sandbox.thread(reader)["texts"] if text["from_us"]]
            assert [text["body"] for text in texts] == ["One", "Two", "Three", "Four"]
            gaps = [later["at"] - earlier["at"] for earlier, later in pairwise(texts)]
            # On a busy machine a second text may have gone out before the outage.
            assert max(gaps) > 3 * delay
            assert min(gaps) > delay - 0.2


@pytest.mark.once
def test_web_killed_while_webhooks_arrive_lets_every_text_act_once_and_the_story_go_on(processes):
    make_story(keyword="river", texts=[(text, 1) for text in TEXTS])
    readers = phones(100)
    with explained(processes), ThreadPoolExecutor(1) as beside:
        arrived = beside.submit(text_in, processes.sandbox, readers)
        wait_until(lambda: Enrollment.objects.count() >= len(readers) // 4, 30)
        # One alone: while it is started anew, on a busy machine for seconds, another one serves.
        os.kill(max(children(processes.running["web"].pid)), signal.SIGKILL)
        arrived.result()
        wait_until(lambda: Enrollment.objects.count() == len(readers), 30, lambda: str(Enrollment.objects.count()))
        wait_until(lambda: Message.objects.filter(step=2, sent_at__isnull=False).exists())
        # Whole: the callbacks of these texts reach nobody.
        processes.kill("web")
        wait_until_all_have_read(len(readers), 60)
        processes.start("web")
        wait_until(processes.answers, 20, processes.logged)
        assert Message.objects.filter(direction=Message.Direction.INBOUND).count() == len(readers)
        assert processes.stop("worker") == 0
        assert_each_got(processes.sandbox, readers, TEXTS)
