from django.db.backends.postgresql import base
from django.db.backends.postgresql.creation import DatabaseCreation
from django.db.backends.postgresql.operations import DatabaseOperations

from textengine.tests.backends import KeepsTables, MigratesOnce


class Creation(MigratesOnce, KeepsTables, DatabaseCreation):
    def exists(self, name: str) -> bool:
        with self._nodb_cursor() as cursor:
            return self._database_exists(cursor, name)

    def copy(self, source: str, target: str) -> None:
        with self._nodb_cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {self.quoted(target)} TEMPLATE {self.quoted(source)}")

    def drop(self, name: str) -> None:
        with self._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {self.quoted(name)}")


class Operations(DatabaseOperations):
    def sql_flush(self, style, tables, *, reset_sequences=False, allow_cascade=False) -> list[str]:
        """Delete the few rows that a test makes: TRUNCATE makes new files for every table and index."""
        if reset_sequences:
            return super().sql_flush(style, tables, reset_sequences=True, allow_cascade=allow_cascade)
        return [f"DELETE FROM {self.quote_name(table)}" for table in tables]


class DatabaseWrapper(base.DatabaseWrapper):
    creation_class = Creation
    ops_class = Operations
