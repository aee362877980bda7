"""An upgrade in the middle of a story: the first release's rows and queue, this release's migrations and worker."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from subscribers.models import Enrollment
from subscribers.tests.engine import work
from subscribers.tests.factory import OUR_NUMBER

from . import upgrading
from .databases import empty_database
from .migrating import make_tables, rows, tables
from .processes import Processes, wait_until
from .readers import assert_each_got, explained, wait_until_all_have_read
from .sandbox_process import SandboxProcess
from .upgrading import TEXTS, first_release_code, is_to_record, readers

BODIES = [body for body, _ in TEXTS]


@pytest.fixture
def own_database(transactional_db, tmp_path):
    with empty_database(tmp_path):
        yield


def start(processes: Processes) -> None:
    for name in ("web", "worker"):
        processes.start(name)
    wait_until(processes.answers, 30, processes.logged)


def upgrade() -> None:
    """Migrate what the first release left; it took its time, so that everybody's next text is due."""
    old = make_tables(upgrading.recorded)
    upgrading.load(old, timezone.now() - timedelta(seconds=upgrading.SECONDS_BETWEEN))
    # Let nobody wait long for the second text who has yet to get the first.
    old.get_model("stories", "StoryText").objects.update(delay=timedelta(seconds=1))
    columns = {table: names for table, names in tables().items() if names}
    before = rows(columns)
    call_command("migrate", verbosity=0)
    assert rows(columns) == before


def tell(sandbox: SandboxProcess) -> None:
    """Let the carrier have what it has since before the upgrade, and we do not know."""
    client = sandbox.client(settings.TWILIO_ACCOUNT_SID)
    for phone in readers()["unknown"]:
        client.messages.create(to=phone, from_=OUR_NUMBER, body=BODIES[0])


def assert_all_have_read(sandbox: SandboxProcess) -> None:
    """Everybody got every text, once; some had the first one of the carrier that is not there any more."""
    had, *others = readers().values()
    assert_each_got(sandbox, had, BODIES[1:])
    assert_each_got(sandbox, [phone for phones in others for phone in phones], BODIES)


def run_queue() -> None:
    """Run the tasks that lie in the queue, with the arguments that the first release gave them."""
    for row in OrmQ.objects.order_by("pk"):
        task = row.task
        import_string(task["func"])(*task["args"], **task["kwargs"])


def work_on() -> bool:
    """Do what a poll leads to; return whether nothing is left to do."""
    work()
    return not Enrollment.objects.filter(status=Enrollment.Status.ACTIVE).exists()


def test_an_upgrade_keeps_every_row_and_finishes_the_story_that_was_being_read(own_database, sandbox):
    upgrade()
    tell(sandbox)
    run_queue()
    wait_until(work_on, 60, pause=0.2)
    assert_all_have_read(sandbox)


@pytest.mark.slow
def test_the_worker_finishes_after_an_upgrade_what_the_first_release_began(own_database, tmp_path):
    upgrade()
    with Processes(tmp_path, starts=()) as processes, explained(processes):
        tell(processes.sandbox)
        start(processes)
        wait_until_all_have_read(sum(map(len, readers().values())), 90)
        assert processes.stop("worker") == 0
        assert_all_have_read(processes.sandbox)


@pytest.mark.slow
def test_the_first_release_itself_hands_its_story_over_to_this_one(own_database, tmp_path):
    code = first_release_code(tmp_path / "first")
    if code is None:
        pytest.skip("The history does not reach back to the first release.")
    with Processes(tmp_path, code=code, starts=()) as processes, explained(processes):
        upgrading.read_to_the_middle(processes)
        if is_to_record():
            upgrading.record(processes, timezone.now())
        processes.code = upgrading.ROOT
        call_command("migrate", verbosity=0)
        start(processes)
        everybody = [phone for phones in readers().values() for phone in phones]
        wait_until_all_have_read(len(everybody), 120)
        assert processes.stop("worker") == 0
        assert_each_got(processes.sandbox, everybody, BODIES)
