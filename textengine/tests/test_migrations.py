"""Migrations from the first release's schema: interrupted anywhere, and with a million readers."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from threading import Event, Timer
from time import monotonic

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations import AddConstraint, AddIndex, AlterField, RemoveIndex
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from textengine import operations

from .databases import empty_database, is_sqlite, run
from .migrating import apply_all, fill, make_tables, own_apps, rows, tables, told

# Those whose rows are counted by the million.
LARGE = {"subscriber", "enrollment", "message"}
ENROLLMENTS = int(os.environ.get("MIGRATED_ENROLLMENTS") or 1_000_000)
SECONDS_OF_A_LOCK = 2
# Each step of theirs looks for itself what is there.
REPEATABLE_BY_THEMSELVES = {
    ("subscribers", "0007_let_go_of_deleted_texts"),
    ("subscribers", "0030_find_how_far_readers_are"),
}
only_postgresql = pytest.mark.skipif(is_sqlite(), reason="On SQLite each migration is one transaction.")


def own_migrations() -> dict:
    loader = MigrationLoader(None)
    first = loader.graph.root_nodes()
    return {key: each for key, each in loader.disk_migrations.items() if key[0] in own_apps() and key not in first}


def test_no_migration_after_the_first_builds_an_index_of_a_large_table_while_nobody_may_write():
    """Take those of textengine/operations.py for it, with `atomic = operations.in_one_transaction()`."""
    locking = [
        (*key, operation.describe())
        for key, migration in own_migrations().items()
        for operation in migration.operations
        if isinstance(operation, AddIndex | RemoveIndex | AddConstraint)
        and operation.model_name.lower() in LARGE
        and not type(operation).__module__.startswith(operations.__name__)
    ]
    assert not locking


@only_postgresql
def test_a_migration_of_several_transactions_has_only_operations_that_can_be_done_once_more():
    # Changing a field drops what is there to be dropped.
    repeatable = (AlterField, operations.AddField, operations.AddIndex, operations.RemoveIndex, operations.CreateModel)
    repeatable += (operations.AddConstraint, operations.ReplaceConstraint)
    found = [
        (*key, operation.describe())
        for key, migration in own_migrations().items()
        for operation in migration.operations
        if not migration.atomic and not isinstance(operation, repeatable) and key not in REPEATABLE_BY_THEMSELVES
    ]
    assert not found


@pytest.mark.once
def test_an_index_that_an_earlier_migration_made_when_it_was_first_written_stops_no_later_one(
    transactional_db, tmp_path
):
    with empty_database(tmp_path):
        for made_in, made_again_in, index, columns in (
            ("0020", "0022", "message_unsorted", "id"),
            ("0028", "0029", "message_held", "id, story_id"),
        ):
            call_command("migrate", "subscribers", made_in, verbosity=0)
            run(f"CREATE INDEX {index} ON subscribers_message ({columns})")
            call_command("migrate", "subscribers", made_again_in, verbosity=0)
            with connection.cursor() as cursor:
                found = connection.introspection.get_constraints(cursor, "subscribers_message")
            assert found[index]["index"]


@pytest.mark.slow
@only_postgresql
def test_migrations_that_are_interrupted_before_any_statement_end_as_if_they_had_not_been(transactional_db, tmp_path):
    with empty_database(tmp_path):
        call_command("migrate", verbosity=0)
        expected = indexes_and_constraints()
    with empty_database(tmp_path):
        fill(make_tables(), 20, timezone.now())
        columns = tables()
        before = rows(columns)
        interruptions = sum(interrupt(*key) for key in sorted(careful_migrations()))
        call_command("migrate", verbosity=0)
        assert interruptions > 50
        assert rows(columns) == before
        assert indexes_and_constraints() == expected


@pytest.mark.slow
@only_postgresql
def test_a_migration_that_has_to_wait_for_a_table_keeps_nobody_else_waiting(transactional_db, tmp_path):
    held, let_go, waited = Event(), Event(), []

    def read_for_long() -> None:
        with closing(connection), transaction.atomic():
            run("SELECT count(*) FROM subscribers_message")
            held.set()
            let_go.wait(60)

    def read_often() -> None:
        with closing(connection):
            while not let_go.is_set():
                begun = monotonic()
                run("SELECT count(*) FROM subscribers_message")
                waited.append(monotonic() - begun)

    with empty_database(tmp_path), ThreadPoolExecutor(2) as others:
        call_command("migrate", "subscribers", "0005", verbosity=0)
        others.submit(read_for_long)
        assert held.wait(10)
        often = others.submit(read_often)
        Timer(5, let_go.set).start()
        call_command("migrate", "subscribers", "0008", verbosity=0)
        often.result()
        assert let_go.is_set()
        assert len(waited) > 10
        assert max(waited) < 2


class Interrupted(Exception):
    """A power cut."""


def careful_migrations() -> list[tuple[str, str]]:
    return [key for key, migration in own_migrations().items() if not migration.atomic]


def interrupt(app: str, name: str) -> int:
    """Interrupt this migration before each of its changes, one after the other; return how often."""
    [before] = {key for key in MigrationLoader(None).get_migration(app, name).dependencies if key[0] == app}
    call_command("migrate", *before, verbosity=0)
    for reached in count():
        try:
            with connection.execute_wrapper(PowerCut(reached)):
                call_command("migrate", app, name, verbosity=0)
        except Interrupted:
            continue
        return reached


class PowerCut:
    """Let so many changes of tables through."""

    def __init__(self, left: int):
        self.left = left

    def __call__(self, execute, sql, params, many, context):
        if str(sql).startswith(("ALTER", "CREATE", "DROP")):
            if not self.left:
                raise Interrupted
            self.left -= 1
        return execute(sql, params, many, context)


def indexes_and_constraints() -> set[tuple]:
    return {
        *run("SELECT indexdef, '' FROM pg_indexes WHERE schemaname = 'public'"),
        *run(
            "SELECT conname, pg_get_constraintdef(oid) || convalidated FROM pg_constraint "
            "WHERE connamespace = 'public'::regnamespace"
        ),
    }


@pytest.mark.slow
@only_postgresql
def test_a_million_readers_are_migrated_while_others_read_and_write(transactional_db, tmp_path):
    """What `python -m textengine.tests.migrating` tells of each migration; docs/robustness.md has what it said."""
    found = []
    with empty_database(tmp_path):
        fill(make_tables(), ENROLLMENTS, timezone.now())
        columns = tables()
        counted = {table: run(f"SELECT count(*) FROM {table}") for table in columns}  # noqa: S608
        apply_all(found.append)
        # Others have added some.
        assert all(run(f"SELECT count(*) FROM {table}") >= rows for table, rows in counted.items())  # noqa: S608
    print(*map(told, found), sep="\n")  # noqa: T201
    assert not [each for each in found if each.refused]
    assert not [each for each in found if each.longest_lock > SECONDS_OF_A_LOCK]
