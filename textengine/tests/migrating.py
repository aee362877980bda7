"""Migrations from the first release's schema, with rows in it: what each takes, and for how long it lets nobody write.

`python -m textengine.tests.migrating --enrollments 1000000` fills the empty database of DATABASE_URL and prints a
table; on PostgreSQL others read and write meanwhile, as web and worker do, and the longest that one of them waits is
what a migration's lock costs.
"""

import argparse
import contextlib
import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps
from django.db.utils import Error
from django.utils import timezone

from textengine.management.commands.migrate import Command

from .databases import run

ROOT = Path(__file__).resolve().parents[2]
STORIES = TEXTS = 3
OUR_NUMBER = "+15005550006"
# What readers have behind them at each place of a handful of ten.
STATUSES = ["active"] * 6 + ["paused", "completed", "stopped", "failed"]
# How long others rest between two statements.
PROBE_PAUSE = 0.005

# For how long the one who waits the longest for a lock has waited by now, the migration itself not counted.
LOCKS = """
SELECT COALESCE(EXTRACT(epoch FROM max(clock_timestamp() - l.waitstart)), 0)::float
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE NOT l.granted AND a.query NOT SIMILAR TO '(ALTER|CREATE|DROP) %'
"""

Key = tuple[str, str]  # a migration's app and name


@dataclass
class Applied:
    """One migration: how many seconds it took, and how many of them the unluckiest other waited.

    For a lock, and for a statement altogether: a disk and a processor that are busy with an index keep others waiting
    as well, on a small machine for longer than any lock.
    """

    name: str
    seconds: float
    longest_lock: float
    longest_statement: float
    refused: list[str]


def own_apps() -> list[str]:
    return [config.label for config in apps.get_app_configs() if Path(config.path).is_relative_to(ROOT / config.label)]


def first_release(executor: MigrationExecutor) -> list[Key]:
    """Return the migrations that make the tables of the first release, and those of what the project stands on."""
    graph, own = executor.loader.graph, own_apps()
    first = [key for key in graph.root_nodes() if key[0] in own]
    return first + [key for key in graph.leaf_nodes() if key[0] not in own]


def make_tables(targets: Callable[[MigrationExecutor], list[Key]] = first_release) -> StateApps:
    """Make the tables of an earlier release, in an empty database; return its models."""
    executor = MigrationExecutor(connection)
    return executor.migrate(targets(executor)).apps


def fill(old: StateApps, enrollments: int, now: datetime) -> None:
    """Put so many readers into the first release's tables, each in the middle, at the end, or out of a story."""
    for number in range(1, STORIES + 1):
        story = old.get_model("stories", "Story").objects.create(
            title=f"Story {number}", slug=f"story-{number}", keyword=f"WORD{number}", status="published"
        )
        for position in range(1, TEXTS + 1):
            old.get_model("stories", "StoryText").objects.create(
                story=story, position=position, body=f"Text {position}", delay=timedelta(hours=position - 1)
            )
    with unchecked():
        for statement in statements(enrollments, now):
            run(statement)
    if connection.vendor == "postgresql":
        run("ANALYZE")


@contextmanager
def unchecked() -> Iterator[None]:
    """Let PostgreSQL take for granted that references lead somewhere: looking takes longer than writing."""
    if connection.vendor != "postgresql":
        yield
        return
    run("SET session_replication_role = replica")
    yield
    run("SET session_replication_role = DEFAULT")


def statements(enrollments: int, now: datetime) -> Iterator[str]:
    """Return how the tables of readers are filled, each table in one statement."""
    numbers = f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {enrollments})"  # noqa: S608
    moment = f"'{now - timedelta(days=2):%Y-%m-%d %H:%M:%S}'"
    status = " ".join(f"WHEN {place} THEN '{word}'" for place, word in enumerate(STATUSES))
    over = f"CASE WHEN i % {len(STATUSES)} > 6 THEN {moment} END"
    if connection.vendor == "postgresql":
        moment, over = f"CAST({moment} AS timestamptz)", f"CAST({over} AS timestamptz)"
    yield f"""INSERT INTO subscribers_subscriber (phone_number, time_zone, created_at)
        {numbers} SELECT '+1' || CAST(2000000000 + i AS varchar), '', {moment} FROM n"""  # noqa: S608
    yield f"""INSERT INTO subscribers_enrollment
        (status, step, number, reason, created_at, ended_at, story_id, subscriber_id)
        {numbers} SELECT CASE i % {len(STATUSES)} {status} END, {TEXTS - 1}, '{OUR_NUMBER}', '', {moment}, {over},
        1 + i % {STORIES}, i FROM n"""  # noqa: S608
    columns = """direction, status, sender, number, body, media_urls, reason, attempts, created_at, lease_owner,
        subscriber_id, enrollment_id, story_id, text_id, step, sid, due_at, sent_at"""
    common = f"'', '{OUR_NUMBER}'"
    yield f"""INSERT INTO subscribers_message ({columns}) {numbers}
        SELECT 'inbound', 'received', {common}, 'WORD', '[]', '', 0, {moment}, '', i, NULL, NULL, NULL, NULL,
        'SMin' || CAST(i AS varchar), NULL, NULL FROM n"""  # noqa: S608
    for step in range(1, TEXTS + 1):
        text = f"1 + i % {STORIES}, (i % {STORIES}) * {TEXTS} + {step}, {step}"
        sent = f"'SM{step}x' || CAST(i AS varchar), {moment}, {moment} FROM n"
        waits = f"NULL, {moment}, NULL FROM n WHERE i % {len(STATUSES)} < 6"
        yield f"""INSERT INTO subscribers_message ({columns}) {numbers}
            SELECT 'outbound', '{"delivered" if step < TEXTS else "scheduled"}', {common}, 'Text {step}', '[]', '', 1,
            {moment}, '', i, i, {text}, {sent if step < TEXTS else waits}"""


class Others:
    """Who reads and writes meanwhile, as web and worker of the first release do: a context manager on PostgreSQL."""

    STATEMENTS = (
        "SELECT count(*) FROM stories_story WHERE status = 'published'",
        "SELECT status FROM subscribers_message WHERE id = %(id)s",
        "UPDATE subscribers_subscriber SET opted_out_at = opted_out_at WHERE id = %(id)s",
        "UPDATE subscribers_enrollment SET step = step WHERE id = %(id)s",
        "UPDATE subscribers_message SET status = status WHERE id = %(id)s",
        """WITH reader AS (
            INSERT INTO subscribers_subscriber (phone_number, time_zone, created_at)
            VALUES ('+1' || CAST(3000000000 + %(count)s AS varchar), '', now()) RETURNING id
        ), began AS (
            INSERT INTO subscribers_enrollment (status, step, number, reason, created_at, story_id, subscriber_id)
            SELECT 'active', 0, '', '', now(), 1, id FROM reader RETURNING id, subscriber_id
        ) INSERT INTO subscribers_message (direction, status, sender, number, body, media_urls, reason, attempts,
            created_at, lease_owner, subscriber_id, enrollment_id, story_id, text_id, step, due_at)
        SELECT 'outbound', 'scheduled', '', '', '', '[]', '', 0, now(), '', subscriber_id, id, 1, 1, 1, now()
        FROM began""",
    )

    def __init__(self):
        self.ended = threading.Event()
        self.locked, self.waited, self.refused = 0.0, 0.0, []
        self.begun: dict[int, float] = {}

    def __enter__(self):
        self.threads = [threading.Thread(target=self.go_on, args=each) for each in enumerate(self.STATEMENTS)]
        self.threads.append(threading.Thread(target=self.watch_locks))
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc_info):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def go_on(self, place: int, statement: str) -> None:
        # A thread has a connection of its own.
        with contextlib.closing(connection):
            for turn in count():
                self.begun[place] = time.monotonic()
                try:
                    run(statement, {"id": 1 + turn % 100, "count": turn})
                except Error as error:
                    self.refused.append(f"{str(error).partition(chr(10))[0]}: {statement[:40]}")
                self.waited = max(self.waited, time.monotonic() - self.begun.pop(place))
                if self.ended.wait(PROBE_PAUSE):
                    return

    def watch_locks(self) -> None:
        with contextlib.closing(connection), connection.cursor() as cursor:
            while not self.ended.wait(PROBE_PAUSE):
                cursor.execute(LOCKS)
                self.locked = max(self.locked, cursor.fetchone()[0])

    def take(self) -> tuple[float, float, list[str]]:
        """Return the longest waits since the last time, with those that wait still, and what was refused."""
        still = [time.monotonic() - begun for begun in list(self.begun.values())]
        taken = self.locked, max([self.waited, *still]), self.refused
        self.locked, self.waited, self.refused = 0.0, 0.0, []
        return taken


@contextmanager
def others() -> Iterator[Others | None]:
    """Others, where they can be there at the same moment: on SQLite whoever writes waits for the migration's end."""
    if connection.vendor != "postgresql":
        yield None
        return
    with Others() as found:
        yield found


class TimedMigrate(Command):
    """The command that an operator gives, which tells of each migration when it is applied."""

    def __init__(self, around: Others | None, told: Callable[[Applied], None]):
        super().__init__()
        self.around, self.told = around, told

    def migration_progress_callback(self, action, migration=None, fake=False):
        if action == "apply_start":
            self.take()
            self.begun = time.monotonic()
        elif action == "apply_success":
            name, seconds = f"{migration.app_label}.{migration.name}", time.monotonic() - self.begun
            self.told(Applied(name, seconds, *self.take()))

    def take(self) -> tuple[float, float, list[str]]:
        return self.around.take() if self.around else (0.0, 0.0, [])


def apply_all(told: Callable[[Applied], None]) -> None:
    """Apply every migration that is not applied, and tell of each what it took."""
    with others() as around:
        call_command(TimedMigrate(around, told), verbosity=1, stdout=io.StringIO(), interactive=False)


def tables() -> dict[str, list[str]]:
    """Return the project's tables as they are now, with their columns."""
    with connection.cursor() as cursor:
        return {
            table: [column.name for column in connection.introspection.get_table_description(cursor, table)]
            for table in connection.introspection.table_names(cursor)
            if table.partition("_")[0] in own_apps()
        }


def rows(columns: dict[str, list[str]]) -> dict[str, list[tuple]]:
    """Return what stands in these columns of each of these tables."""
    found = {}
    for table, names in columns.items():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY id")  # noqa: S608
            found[table] = cursor.fetchall()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--enrollments", type=int, default=1_000_000)
    enrollments = parser.parse_args().enrollments
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "textengine.tests.settings")
    django.setup()
    begun = time.monotonic()
    fill(make_tables(), enrollments, timezone.now())
    say(f"{settings.DATABASES['default']['ENGINE']}: {enrollments:,} enrollments ({time.monotonic() - begun:.0f} s)")
    say("| migration | seconds | longest wait for a lock | longest statement of others |\n| --- | ---: | ---: | ---: |")
    apply_all(lambda each: say(told(each)))


def told(each: Applied) -> str:
    waits = f"{each.longest_lock:.2f} | {each.longest_statement:.2f}"
    return f"| {each.name} | {each.seconds:.1f} | {waits} |{' '.join(each.refused)}"


def say(words: str) -> None:
    print(words, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
