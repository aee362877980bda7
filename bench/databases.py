"""SQLite and PostgreSQL as an operator would run them, and a fresh database for every run.

A database is a copy of a template that has been migrated and holds so many sleeping messages; making a million of
them takes longer than copying them.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Self

import psycopg
from django.core.management import call_command
from django.db import connection, connections

from textengine.settings import database as django_settings
from textengine.tests.processes import free_port

from .rows import add_sleepers, add_stories
from .usage import cpu_seconds

# pg_virtualenv spares its tests the wait for the disk; this one is to be as safe as any. A rival opens a connection for
# each request in flight. The rest are the defaults.
POSTGRESQL_OPTIONS = {"fsync": "on", "max_connections": "400"}


@dataclass(frozen=True)
class Database:
    """One database for one run; `server` is the process that works for it, if there is one."""

    url: str
    server: int | None

    def cpu(self) -> float:
        return cpu_seconds(self.server) if self.server else 0.0


class Server:
    """One kind of database; a context manager that leaves nothing behind."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.templates: dict[int, str] = {}
        self.made = 0
        self.making = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error) -> None:
        disconnect()

    @contextmanager
    def fresh(self, sleepers: int = 0) -> Iterator[Database]:
        """Give a database with the stories and so many sleeping messages, to which Django is connected."""
        with self.making:
            template = self.template(sleepers)
            self.made += 1
            name = f"run{self.made}"
        self.copy(template, name)
        connect(self.url(name))
        try:
            yield Database(self.url(name), self.pid)
        finally:
            disconnect()
            self.drop(name)

    def template(self, sleepers: int) -> str:
        if sleepers not in self.templates:
            self.templates[sleepers] = self.make(sleepers)
        return self.templates[sleepers]

    def make(self, sleepers: int) -> str:
        """Make what is copied: migrated where nobody sleeps, and a copy of that with all others."""
        name = f"sleeping{sleepers}"
        if sleepers:
            self.copy(self.template(0), name)
            connect(self.url(name))
            add_sleepers(sleepers)
        else:
            self.create(name)
            connect(self.url(name))
            call_command("migrate", verbosity=0)
            add_stories()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")
        disconnect()
        return name


class SQLite(Server):
    title = "SQLite"
    pid = None

    def url(self, name: str) -> str:
        return f"sqlite:///{self.path(name)}"

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.sqlite3"

    def create(self, name: str) -> None:
        self.path(name).touch()

    def copy(self, source: str, target: str) -> None:
        shutil.copyfile(self.path(source), self.path(target))
        # What the copy leaves to be written is not to hold up the measure.
        os.sync()

    def drop(self, name: str) -> None:
        for file in self.folder.glob(f"{name}.sqlite3*"):
            file.unlink()


class PostgreSQL(Server):
    """A throw-away cluster of Debian's postgresql-common, which is gone when its standard input closes."""

    title = "PostgreSQL"
    start = 'echo "$PGUSER:$PGPASSWORD $PGHOST $PGPORT"; exec cat'

    def __enter__(self) -> Self:
        options = [part for name, value in POSTGRESQL_OPTIONS.items() for part in ("-o", f"{name}={value}")]
        environment = os.environ | {"PGPORT": str(free_port()), "TMPDIR": str(self.folder)}
        # The server runs as another user than root, and has to reach its folder.
        self.folder.chmod(0o755)
        self.process = subprocess.Popen(
            ["pg_virtualenv", "-t", *options, "sh", "-c", self.start],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        login = next((line.split() for line in self.process.stdout if not line.startswith("Creating")), None)
        if login is None:
            raise RuntimeError("PostgreSQL did not start: is the Debian package postgresql installed?")
        user_and_password, host, port = login
        self.server = f"postgres://{user_and_password}@{host}:{port}"
        self.pid = int(Path(self.execute("SHOW data_directory")[0], "postmaster.pid").read_text().split()[0])
        return self

    def __exit__(self, *error) -> None:
        super().__exit__(*error)
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def url(self, name: str) -> str:
        return f"{self.server}/{name}"

    def execute(self, statement: str) -> tuple | None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as server:
            cursor = server.execute(statement)
            return cursor.fetchone() if cursor.description else None

    def create(self, name: str) -> None:
        self.execute(f"CREATE DATABASE {name}")

    def copy(self, source: str, target: str) -> None:
        self.execute(f"CREATE DATABASE {target} TEMPLATE {source} STRATEGY file_copy")

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")


connecting = Lock()
SERVERS = {"sqlite": SQLite, "postgresql": PostgreSQL}


def connect(url: str) -> None:
    """Have Django's models speak to this database from now on, in this thread."""
    disconnect()
    with connecting:
        connections.settings["default"] = connections.configure_settings({"default": django_settings(url)})["default"]
        del connections["default"]
        # Made at once: another thread may be about to connect elsewhere.
        connections["default"].ensure_connection()


def disconnect() -> None:
    connections["default"].close()
