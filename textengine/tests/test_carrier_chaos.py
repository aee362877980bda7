"""A carrier that loses answers, breaks off, hangs and talks rubbish, and whose callbacks come as they like."""

import pytest

from stories.tests.factory import make_story
from subscribers.models import Message

from .processes import wait_until
from .readers import assert_each_got, explained, phones, text_in, wait_until_all_have_read

ACCEPTED = ["drop-after", "500-after", "hang-after", "garbage"]
NOT_ACCEPTED = ["drop-before", "500", "hang", "429"]
TEXTS = ["One", "Two", "Three"]


def faulty(kinds: list[str]) -> list[dict]:
    """Return faults that hit one request after the other, and each of these kinds twice."""
    return [{"kind": kind, "count": 2} for kind in kinds]


@pytest.mark.once
def test_whatever_the_carrier_answers_every_reader_gets_every_text_once(processes):
    make_story(keyword="river", texts=[(text, 0) for text in TEXTS])
    readers = phones(2 * len(ACCEPTED + NOT_ACCEPTED))
    sent = Message.objects.filter(sent_at__isnull=False)
    with explained(processes):
        # Nobody tells what became of the first texts: each has to be looked up.
        processes.sandbox.faults({"next": faulty(ACCEPTED + NOT_ACCEPTED), "callback-late": 3600})
        text_in(processes.sandbox, readers)
        wait_until(lambda: not processes.sandbox.faults()["next"], 20, processes.sandbox.faults)
        # The others' callbacks come before the answer, twice, and the last one first.
        odd = {"callback-doubled": 1, "callback-reversed": 1}
        processes.sandbox.faults({"next": faulty(ACCEPTED), "latency": 0.5, "rates": odd})
        wait_until_all_have_read(len(readers), 60)
        delivered = sent.filter(step__gt=1, status=Message.Status.DELIVERED)
        wait_until(lambda: delivered.count() == 2 * len(readers), 20, lambda: f"{delivered.count()} delivered")
        assert processes.stop("worker") == 0
        assert_each_got(processes.sandbox, readers, TEXTS)
        assert "message.doubled" not in processes.logged()
