"""What Django's ORM lacks: transactions that are tried again, statements of our own, many rows written in one."""

import functools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import IntegrityError, InterfaceError, InternalError, OperationalError, connection, transaction
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Field, Model
from django.db.models.expressions import Col

from .logs import scrubbed

# What a database says that is away, busy, full or read-only for now; the last is PostgreSQL's InternalError.
AWAY = (OperationalError, InterfaceError, InternalError)


def unapplied() -> list[Migration]:
    """Return the migrations of this code that the database lacks."""
    executor = MigrationExecutor(connection)
    return [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]


def in_words(error: Exception) -> str:
    """Return what a database says of an error, in one line, without rows or numbers of anybody."""
    return " ".join(scrubbed(str(error)).split())[:300]


def in_turn() -> AbstractContextManager:
    """Run one statement that writes: in a transaction on SQLite, which lets only these take turns; alone elsewhere."""
    return transaction.atomic() if connection.vendor == "sqlite" else nullcontext()


def retried(
    tries: int, pause_seconds: float, context: Callable[[], AbstractContextManager] = transaction.atomic
) -> Callable:
    """Decorate a function to run as one transaction, and again from its beginning when that is broken off.

    A deadlock, a lost connection and a row that somebody deleted or inserted meanwhile break a transaction off; the
    function then reads everything anew. It gives up, with the database's error, after so many tries, with a random
    pause of about `pause_seconds` between them. Inside another transaction there is one try: that one is broken too.
    """

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def run(*args, **kwargs):
            attempt = 1
            while True:
                try:
                    with context():
                        return function(*args, **kwargs)
                except (*AWAY, IntegrityError):
                    if attempt == tries or connection.in_atomic_block:
                        raise
                attempt += 1
                connection.close_if_unusable_or_obsolete()
                time.sleep(pause_seconds * random.uniform(0.5, 1.5))  # noqa: S311

        return run

    return decorate


# For a request that somebody waits for: a deadlock is over at once, and a database that is away is reported.
retried_at_once = retried(tries=5, pause_seconds=0.05)
# The same for one statement, which is a transaction by itself.
retried_alone = retried(tries=5, pause_seconds=0.05, context=in_turn)
# For what must not be forgotten: waits about ten seconds for a database that is being restarted.
retried_patiently = retried(tries=20, pause_seconds=0.5)


@contextmanager
def planned_anew() -> Iterator[None]:
    """One transaction in which PostgreSQL plans each statement for its values, also those that it knows already.

    One plan for all values is cheap to have, and passes over millions of rows where some values are seldom.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        yield


def run_sql(sql: str, **values: Any) -> list[tuple]:
    """Run one statement of our own and return its rows, if it has any, with values as the database gives them: read().

    A list among `values` stands for `(…)`; raises ValueError for an empty one. For statements that run for every few
    texts: Django builds each query anew, which takes ten times as long as the database needs for it.
    """
    parameters = {}
    for name, value in values.items():
        if isinstance(value, list):
            if not value:
                # SQLite takes `()` for a list that holds nothing, PostgreSQL for a mistake.
                raise ValueError(f"{name} is empty.")
            names = [f"{name}_{index}" for index in range(len(value))]
            # PostgreSQL refuses `IN ()`; nothing is in `(NULL)` either.
            sql = sql.replace(f"%({name})s", f"({', '.join(f'%({each})s' for each in names) or 'NULL'})")
            parameters |= zip(names, value, strict=True)
        else:
            parameters[name] = prepared(value)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def prepared(value: Any) -> Any:
    """Return a value as the database takes it where no field tells what it is."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value


def read(model: type[Model], field: str, value: Any) -> Any:
    """Return what a column of this field says, of a value as the database gave it to a statement of our own."""
    column, converters = column_of(model, field, connection.vendor)
    for convert in converters:
        value = convert(value, column, connection)
    return value


# Asked for every row of many.
@lru_cache
def column_of(model: type[Model], field: str, vendor: str) -> tuple[Col, list[Callable]]:
    """Return this column, and what turns its values into Python's on this kind of database."""
    column = Col("", model._meta.get_field(field))
    return column, connection.ops.get_db_converters(column) + column.get_db_converters(connection)


Row = tuple  # the primary key, or what stands in the first field, and then a value for each of the others


def update_rows(
    model: type[Model],
    fields: Sequence[str],
    rows: Sequence[Row],
    condition: str = "TRUE",
    returning: Sequence[str] = (),
    **common: Any,
) -> list[Row]:
    """Give each of these rows its own values for `fields`, and all of them those in `common`, in one statement.

    Each of `rows` is a primary key and the values. Only those that meet the SQL `condition` (on `{table}`) are
    changed; of them the columns in `returning` come back, or the primary key alone. bulk_update() spends several
    times as long on building its CASE expressions as the database on running them.
    """
    if not rows:
        return []
    columns = [model._meta.pk, *(model._meta.get_field(name) for name in fields)]
    shared = [model._meta.get_field(name).get_db_prep_save(value, connection) for name, value in common.items()]
    sql = update_sql(connection.vendor, model, (*fields,), (*common,), len(rows), condition, (*returning,))
    with connection.cursor() as cursor:
        cursor.execute(sql, values_of(columns, rows) + shared)
        return cursor.fetchall()


@lru_cache(maxsize=1000)
def update_sql(
    vendor: str,  # what the columns' types are called differs
    model: type[Model],
    fields: tuple[str, ...],
    common: tuple[str, ...],
    count: int,
    condition: str,
    returning: tuple[str, ...],
) -> str:
    columns = [model._meta.pk, *(model._meta.get_field(name) for name in fields)]
    table, pk = quote(model._meta.db_table), quote(columns[0].column)
    changes = [f"{quote(field.column)} = {given(field)}" for field in columns[1:]]
    changes += [f"{quote(model._meta.get_field(name).column)} = %s" for name in common]
    return (
        f"WITH {given_rows(columns, count)} UPDATE {table} SET {', '.join(changes)} FROM given "  # noqa: S608
        f"WHERE {table}.{pk} = {given(columns[0])} AND {condition.format(table=table)} "
        f"RETURNING {', '.join(f'{table}.{quote(name)}' for name in returning or [columns[0].column])}"
    )


def write_rows(rows: Sequence[Model], fields: Sequence[str]) -> None:
    """Write these fields of rows of one model, in one statement; a row that is gone stays gone."""
    if rows:
        names = [type(rows[0])._meta.get_field(name).attname for name in fields]
        update_rows(type(rows[0]), fields, [(row.pk, *(getattr(row, name) for name in names)) for row in rows])


def quote(name: str) -> str:
    return connection.ops.quote_name(name)


def given_rows(columns: Sequence[Field], count: int) -> str:
    """Return the table `given` of so many rows, as a common table expression with placeholders."""
    row = f"({', '.join(['%s'] * len(columns))})"
    return f"given ({', '.join(quote(field.column) for field in columns)}) AS (VALUES {', '.join([row] * count)})"


def given(field: Field) -> str:
    """Return a column of the table `given`, of the field's own type: PostgreSQL takes all of them for text."""
    column = f"given.{quote(field.column)}"
    if connection.vendor != "postgresql":
        return column
    # Without a length, since a cast would cut a value that is too long instead of refusing it.
    return f"CAST({column} AS {field.db_type(connection).partition('(')[0]})"


def values_of(columns: Sequence[Field], rows: Sequence[Row]) -> list:
    """Return all values of these rows, one after the other, as the database takes them."""
    by_column = [
        [field.get_db_prep_save(value, connection) for value in values]
        for field, values in zip(columns, zip(*rows, strict=True), strict=True)
    ]
    return [value for row in zip(*by_column, strict=True) for value in row]
