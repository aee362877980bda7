"""The project's databases for tests: quick to make, to empty, and to fill again with what migrations made.

Of many processes one migrates, and the others copy its database. As for filling again: Django keeps rows as JSON and
saves them one by one, with two queries each: half the processor time of a test that empties the tables.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import transaction

# What keeps the rows of a table is named after it.
KEPT = "kept_by_tests_"
# What names the run of tests to which this process belongs, with others; set by conftest.py. Empty: it is alone.
RUN = "TEST_RUN"


class MigratesOnce:
    """Of a backend's creation of test databases: let one process of a run of tests migrate, and the others copy.

    A backend has `exists(name)`, `copy(source, target)`, which finds no target, and `drop(name)`.
    """

    def create_test_db(self, *args, **kwargs) -> str:
        """Make this process's test database as Django does, or as a copy; return its name."""
        if not os.environ.get(RUN):
            return super().create_test_db(*args, **kwargs)
        with one_at_a_time():
            return self.copy_migrated() if self.exists(self.migrated()) else self.migrate_first(*args, **kwargs)

    def migrate_first(self, *args, **kwargs) -> str:
        name = super().create_test_db(*args, **kwargs)
        self.connection.close()
        self.copy(name, self.migrated())
        return name

    def copy_migrated(self) -> str:
        name = self._get_test_db_name()
        self.drop(name)
        self.copy(self.migrated(), name)
        settings.DATABASES[self.connection.alias]["NAME"] = self.connection.settings_dict["NAME"] = name
        self.connection._test_serialized_contents = self.kept()
        return name

    def drop_migrated(self) -> None:
        """Let nothing stay of it when the run is over."""
        self.drop(self.migrated())
        lock().unlink(missing_ok=True)

    def migrated(self) -> str:
        """Return the name of the database that is copied and in which nobody tests."""
        return os.environ[RUN]


@contextmanager
def one_at_a_time() -> Iterator[None]:
    with lock().open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def lock() -> Path:
    return Path(tempfile.gettempdir()) / f"{os.environ[RUN]}.lock"


class KeepsTables:
    """Of a backend's creation of test databases: keep whole tables inside the database, and put them back."""

    def serialize_db_to_string(self) -> str:
        """Keep what is in the tables, and return their names."""
        tables = [table for table in self.tables() if self.execute(f"SELECT 1 FROM {self.quoted(table)} LIMIT 1")]
        for table in tables:
            self.execute(f"DROP TABLE IF EXISTS {self.quoted(KEPT + table)}")
            self.execute(f"CREATE TABLE {self.quoted(KEPT + table)} AS SELECT * FROM {self.quoted(table)}")
        return " ".join(tables)

    def kept(self) -> str:
        """Return what serialize_db_to_string returned in the database of which this one is a copy."""
        with self.connection.cursor() as cursor:
            names = self.connection.introspection.table_names(cursor)
        return " ".join(name.removeprefix(KEPT) for name in names if name.startswith(KEPT))

    def deserialize_db_from_string(self, data: str) -> None:
        """Let these tables hold what was kept of them, and nothing else."""
        # References are looked at when the transaction ends.
        with transaction.atomic(using=self.connection.alias):
            for table in data.split():
                self.execute(f"DELETE FROM {self.quoted(table)}")
                self.execute(f"INSERT INTO {self.quoted(table)} SELECT * FROM {self.quoted(KEPT + table)}")

    def tables(self) -> list[str]:
        return self.connection.introspection.django_table_names(only_existing=True, include_views=False)

    def quoted(self, table: str) -> str:
        return self.connection.ops.quote_name(table)

    def execute(self, statement: str) -> list[tuple]:
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
