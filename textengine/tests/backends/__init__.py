"""The project's databases for tests: quick to empty, and to fill again with what migrations made.

Django keeps these rows as JSON and saves them one by one, with two queries each: half the processor time of a test that
empties the tables.
"""

from django.db import transaction

# What keeps the rows of a table is named after it.
KEPT = "kept_by_tests_"


class KeepsTables:
    """Of a backend's creation of test databases: keep whole tables inside the database, and put them back."""

    def serialize_db_to_string(self) -> str:
        """Keep what is in the tables, and return their names."""
        tables = [table for table in self.tables() if self.execute(f"SELECT 1 FROM {self.quoted(table)} LIMIT 1")]
        for table in tables:
            self.execute(f"DROP TABLE IF EXISTS {self.quoted(KEPT + table)}")
            self.execute(f"CREATE TABLE {self.quoted(KEPT + table)} AS SELECT * FROM {self.quoted(table)}")
        return " ".join(tables)

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
