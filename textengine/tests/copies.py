"""A second database, of the kind of this test's own, to which Django is not connected."""

import sqlite3
from contextlib import closing

import psycopg


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
