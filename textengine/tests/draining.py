"""The worker is asked to end while its requests are under way: it waits for the answers, and writes them down."""

from .copies import ask
from .processes import Processes, wait_until
from .readers import assert_each_got, explained, phones, text_in

TEXTS = [f"Text {number}" for number in range(1, 4)]
UNDER_WAY = "SELECT count(*) FROM subscribers_message WHERE status = 'sending'"
NOT_KNOWN = (
    "SELECT count(*) FROM subscribers_message WHERE direction = 'outbound' AND begun_at IS NOT NULL AND sid IS NULL"
)
UNREAD = "SELECT count(*) FROM subscribers_enrollment WHERE status <> 'completed'"


def assert_drains(processes: Processes, readers: int) -> None:
    """So many readers read a story of TEXTS, the worker is replaced, and each gets each text once, in order."""
    numbers, url, sandbox = phones(readers), processes.database_url, processes.sandbox
    with explained(processes):
        text_in(sandbox, numbers)
        # The carrier has each text at once, and says so a second later.
        sandbox.faults({"latency": 1})
        before = sandbox.count()
        wait_until(lambda: sandbox.count() > before, 30, lambda: str(sandbox.count()))
        assert ask(url, UNDER_WAY) != [(0,)]
        assert processes.stop("worker") == 0
        assert (ask(url, UNDER_WAY), ask(url, NOT_KNOWN)) == ([(0,)], [(0,)])
        sent = sandbox.count()
        sandbox.faults({})
        processes.start("worker")
        wait_until(lambda: ask(url, UNREAD) == [(0,)], 60, lambda: str(ask(url, UNREAD)), pause=0.1)
        assert sandbox.count() > sent
        assert_each_got(sandbox, numbers, TEXTS)
        assert processes.stop("worker") == 0
