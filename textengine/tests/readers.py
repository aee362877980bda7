"""Many readers of one story, and the judge of what they got: the carrier's own record of what it accepted."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from subscribers.models import Enrollment, Message

from .processes import Processes, wait_until
from .sandbox_process import SandboxProcess

LOG_SHOWN = 4000


def phones(count: int) -> list[str]:
    """Return so many numbers of readers."""
    return [f"+1415555{number:04}" for number in range(count)]


def text_in(sandbox: SandboxProcess, readers: list[str], at_once: int = 4) -> None:
    """Let each of these readers text the keyword of the story, so many at the same moment."""
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda phone: sandbox.text(phone, "river"), readers))


def wait_until_all_have_read(count: int, timeout: float) -> None:
    """Wait until so many passages are completed: then nothing is on its way any more."""
    completed = Enrollment.objects.filter(status=Enrollment.Status.COMPLETED)
    wait_until(lambda: completed.count() >= count, timeout, unfinished, pause=0.1)


def unfinished() -> str:
    """Say what the first of those still wait for who have not completed the story."""
    waiting = Message.objects.filter(sent_at=None, subscriber__isnull=False, direction=Message.Direction.OUTBOUND)
    fields = ("pk", "enrollment", "step", "status", "attempts", "reason", "due_at", "begun_at", "lease_until")
    rows = "\n".join(str(row) for row in waiting.order_by("due_at").values_list(*fields)[:20])
    live = Enrollment.objects.exclude(status=Enrollment.Status.COMPLETED).count()
    return f"{live} of {Enrollment.objects.count()} have not read all; they wait for {fields}:\n{rows}"


def assert_each_got(sandbox: SandboxProcess, readers: list[str], texts: list[str]) -> None:
    """Each of these readers got these texts, each once, in this order."""
    received = {phone: sandbox.received(phone) for phone in readers}
    wrong = {phone: got for phone, got in received.items() if got != texts}
    assert not wrong, f"{len(wrong)} of {len(readers)} readers got something else: {wrong}"


@contextmanager
def explained(processes: Processes, explain: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Add to a failure what `explain` says, and the end of the log."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"{explain()}\n…{processes.logged()[-LOG_SHOWN:]}")
        raise
