"""A second database, of the kind of this test's own, to which Django is not connected."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from django.db import connection

from .processes import url_of_database


@contextmanager
def empty_database(folder: Path) -> Iterator[str]:
    """Make one and give its address; a file is below `folder`."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{folder / 'copy.sqlite3'}"
        return
    name = f"{connection.settings_dict['NAME']}_copy"
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    yield url_of_database().rpartition("/")[0] + f"/{name}"
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def ask(url: str, sql: str) -> list[tuple]:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
            return database.execute(sql).fetchall()
    with psycopg.connect(url) as database:
        return database.execute(sql).fetchall()


def tables(url: str) -> dict[str, list[tuple]]:
    """Return the rows of all tables, in an order that says nothing."""
    names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    if url.startswith("sqlite"):
        names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'sqlite_sequence'"
    return {name: sorted(ask(url, f'SELECT * FROM "{name}"'), key=repr) for (name,) in ask(url, names)}  # noqa: S608
