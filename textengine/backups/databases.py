"""A database as one file, and that file as a database: SQLite by its online backup, PostgreSQL by its own programs."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from django.db import connection, connections

from . import BackupError

FILES = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}


def dump(path: Path) -> None:
    """Write the rows of this moment to `path`, while others go on reading and writing."""
    if connection.vendor == "sqlite":
        dump_sqlite(path)
    else:
        run_on_database("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={path}")


def dump_sqlite(path: Path) -> None:
    try:
        source, target = sqlite3.connect(connection.settings_dict["NAME"]), sqlite3.connect(path)
        with closing(source), closing(target):
            # All pages in one step: with a pause in it, every write of another process would make it begin anew.
            source.backup(target)
            # One file, with no log beside it.
            target.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise BackupError(f"The database of DATABASE_URL cannot be copied to {path.parent} ({error}).") from error


def is_empty() -> bool:
    """Tell whether the database of DATABASE_URL has no tables; a file that is not there yet has none."""
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return True  # Asked, SQLite would make it.
    try:
        with connection.cursor() as cursor:
            return not connection.introspection.table_names(cursor)
    finally:
        connections.close_all()


def load(path: Path, brake: str) -> None:
    """Make the empty database of DATABASE_URL what `path` says and, in the same transaction, run the SQL `brake`."""
    if connection.vendor == "sqlite":
        load_sqlite(path, brake)
    else:
        load_postgresql(path, brake)


def load_sqlite(path: Path, brake: str) -> None:
    """Brake the rows in a file of their own, and put this in the place of the database in one step."""
    target = Path(connection.settings_dict["NAME"])
    with closing(sqlite3.connect(path)) as database:
        try:
            database.executescript(f"BEGIN; {brake} COMMIT;")
            # Some constraints use functions that Django brings along.
            database.execute("PRAGMA ignore_check_constraints = ON")
            [(health,)] = database.execute("PRAGMA quick_check(1)")
        except sqlite3.Error as error:
            raise BackupError(f"The database in the backup cannot be used ({error}).") from error
    if health != "ok":
        raise BackupError(f"The database in the backup is damaged ({health}).")
    connections.close_all()
    for suffix in ("-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    os.replace(path, target)


def load_postgresql(path: Path, brake: str) -> None:
    # The whole script is there before the first statement runs: half of it would be committed as well.
    script, brake_script = path.with_suffix(".sql"), path.with_suffix(".brake.sql")
    run("pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(path))
    brake_script.write_text(f"RESET search_path; {brake}")
    quietly = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", "--output=/dev/null")
    run_on_database("psql", *quietly, f"--file={script}", f"--file={brake_script}")


def run_on_database(program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on the database of DATABASE_URL; the password stands in no list of processes."""
    [_, *arguments], login = connection.client.settings_to_cmd_args_env(connection.settings_dict, arguments)
    run(program, *arguments, environment=login)


def run(program: str, *arguments: str, environment: dict[str, str] | None = None) -> None:
    """Run one of PostgreSQL's programs, with these variables added to the environment."""
    command, environment = [program, *arguments], os.environ | (environment or {})
    try:
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    except FileNotFoundError as error:
        raise BackupError(
            f"{program} was not found; install PostgreSQL's own programs, of the server's version or later "
            "(on Debian and Ubuntu: apt install postgresql-client)."
        ) from error
    except subprocess.CalledProcessError as error:
        raise BackupError(f"{program} failed: {error.stderr.strip()}") from error
