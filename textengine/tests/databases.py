"""Databases of a test's own, and what can be wrong with one: full, or read-only."""

import contextlib
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from django.db import connection

from .processes import Processes

TMPFS_BYTES = 16_000_000


def is_sqlite() -> bool:
    return connection.vendor == "sqlite"


def run(statement: str, values: dict | None = None) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def connected_to(name: str) -> Iterator[None]:
    """Let this process, and those that it starts meanwhile, use another database of the same server."""
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


@contextmanager
def made_empty(directory: Path) -> Iterator[str]:
    """Make a database in which no table is, and give its name; a file is below `directory`."""
    name = f"textengine_empty_{uuid4().hex}"
    if is_sqlite():
        yield str(directory / f"{name}.sqlite3")
        return
    run(f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        yield name
    finally:
        run(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def empty_database(directory: Path) -> Iterator[None]:
    """Use a database in which no table is."""
    with made_empty(directory) as name, connected_to(name):
        yield


@contextmanager
def copied_to(directory: Path) -> Iterator[None]:
    """Use a copy of this test's SQLite database in another folder."""
    copy = directory / "copy.sqlite3"
    run(f"VACUUM INTO '{copy}'")
    with connected_to(str(copy)):
        yield


@contextmanager
def tmpfs(directory: Path) -> Iterator[Path | None]:
    """Return a small file system of its own; None where this process may not mount one."""
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "tmpfs", str(directory)]
    if not shutil.which("mount") or subprocess.run(mount, check=False, capture_output=True).returncode:
        yield None
        return
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


@contextmanager
def filled_up(directory: Path) -> Iterator[None]:
    """Leave no byte on this file system."""
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (65536, 512, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def no_file_may_grow(processes: Processes) -> Iterator[None]:
    """Let web and worker write to no file beyond its first byte: what an unprivileged user can have of a full disk."""
    limit_files(processes, 1)
    try:
        yield
    finally:
        limit_files(processes, resource.RLIM_INFINITY)


def limit_files(processes: Processes, soft: int) -> None:
    for name in processes.running:
        for pid in processes.tree(name):
            with contextlib.suppress(ProcessLookupError):
                _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def read_only() -> Iterator[None]:
    """Let this process's connection write nothing."""
    on, off = (
        ("PRAGMA query_only = 1", "PRAGMA query_only = 0")
        if is_sqlite()
        else ("SET default_transaction_read_only = on", "SET default_transaction_read_only = off")
    )
    run(on)
    try:
        yield
    finally:
        run(off)


@contextmanager
def full() -> Iterator[None]:
    """Let this process's SQLite database grow by no page."""
    # Rows that were deleted leave pages that others may take.
    run("VACUUM")
    [(pages,)] = run("PRAGMA page_count")
    run(f"PRAGMA max_page_count = {pages}")
    try:
        yield
    finally:
        run("PRAGMA max_page_count = 1073741823")


@contextmanager
def read_only_for(processes: Processes) -> Iterator[None]:
    """Let web and worker write nothing: on PostgreSQL while they run, on SQLite from a start to the next one."""
    if is_sqlite():
        restart(processes, read_only=True)
        yield
        restart(processes, read_only=False)
        return
    set_read_only("on")
    try:
        yield
    finally:
        set_read_only("off")


def set_read_only(value: str) -> None:
    """Change what PostgreSQL's new connections may, and end those that are there, as a failover does."""
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    run(f"ALTER DATABASE {name} SET default_transaction_read_only = {value}")
    run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def restart(processes: Processes, read_only: bool) -> None:
    for name in list(processes.running):
        processes.kill(name)
    processes.is_read_only = read_only
    for name in ("web", "worker"):
        processes.start(name)
