"""An upgrade in the middle of a story: the first release's rows and queue, this release's migrations and worker."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db.migrations.state import StateApps
from django.utils import timezone

from . import upgrading
from .databases import empty_database
from .migrating import make_tables, rows, tables
from .processes import Processes, wait_until
from .readers import assert_each_got, explained, wait_until_all_have_read
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


def quicken(old: StateApps) -> None:
    """Let nobody wait for the second text who has yet to get the first."""
    old.get_model("stories", "StoryText").objects.update(delay=timedelta(seconds=1))


def test_an_upgrade_keeps_every_row_and_finishes_the_story_that_was_being_read(own_database, tmp_path):
    part = readers()
    old = make_tables(upgrading.recorded)
    # The upgrade took its time, so that everybody's next text is due.
    upgrading.load(old, timezone.now() - timedelta(seconds=upgrading.SECONDS_BETWEEN))
    quicken(old)
    columns = {table: names for table, names in tables().items() if names}
    before = rows(columns)
    call_command("migrate", verbosity=0)
    assert rows(columns) == before
    with Processes(tmp_path, starts=()) as processes, explained(processes):
        # What the carrier has since before the upgrade.
        client = processes.sandbox.client(processes.environment["TWILIO_ACCOUNT_SID"])
        for phone in part["unknown"]:
            client.messages.create(to=phone, from_="+15005550006", body=BODIES[0])
        start(processes)
        everybody = [phone for phones in part.values() for phone in phones]
        wait_until_all_have_read(len(everybody), 90)
        assert processes.stop("worker") == 0
        # Those had the first text from the carrier that is not there any more.
        assert_each_got(processes.sandbox, part["read"], BODIES[1:])
        assert_each_got(processes.sandbox, everybody[len(part["read"]) :], BODIES)


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
