"""A PostgreSQL server of a test's own, which may be killed: those of the suite share theirs with other tests."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest

from .processes import children, free_port, wait_until

USER = "textengine"
START_SECONDS = 20


def binaries() -> Path:
    """Return where PostgreSQL's programs are; skip the test where they are not, and fail it in CI."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if path := shutil.which("initdb") or (found and found[-1]):
        return Path(path).resolve().parent
    reason = "PostgreSQL's initdb was not found (on Debian: apt install postgresql)."
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


class PostgresqlServer:
    """Start a server with an empty database, kill it, start it again: a context manager that leaves nothing behind."""

    def __init__(self):
        self.binaries, self.port = binaries(), free_port()
        self.url = f"postgres://{USER}@127.0.0.1:{self.port}/postgres"
        # PostgreSQL refuses to run as root.
        self.account = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}

    def __enter__(self):
        # Not pytest's own directory, which nobody but its user may enter.
        self.directory = Path(tempfile.mkdtemp(prefix="postgresql-"))
        if self.account:
            shutil.chown(self.directory, "postgres", "postgres")
        initdb = ["initdb", "--pgdata", "data", "--auth", "trust", "--username", USER, "--no-sync"]
        self.popen(initdb).wait(60)
        self.start()
        return self

    def __exit__(self, *exc_info):
        # Not killed: it gives its shared memory back.
        self.process.send_signal(signal.SIGINT)
        self.process.wait(START_SECONDS)
        shutil.rmtree(self.directory)

    def start(self) -> None:
        """Start the server, and return once it answers."""
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            # It is the server that is killed and not the machine, which keeps what was written.
            "fsync": "off",
        }
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self.process = self.popen(["postgres", "-D", "data", *arguments])
        wait_until(self.answers, START_SECONDS, lambda: (self.directory / "log").read_text())

    def kill(self) -> None:
        """End the whole server at once, as a power cut does."""
        for pid in [self.process.pid, *children(self.process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)

    def count(self, query: str) -> int:
        """Return the one number that this query gives."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchone()[0]

    def answers(self) -> bool:
        try:
            return self.count("SELECT 1") == 1
        except psycopg.OperationalError:
            return False

    def popen(self, command: list[str]) -> subprocess.Popen:
        with (self.directory / "log").open("a") as log:
            return subprocess.Popen(
                [self.binaries / command[0], *command[1:]],
                cwd=self.directory,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
                **self.account,
            )
