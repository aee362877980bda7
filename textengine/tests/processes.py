"""Text-Engine's real processes for tests: web, worker and sandbox, on free ports and the test's own database."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

import requests
from django.db import connection

from textengine.carrier import WEBHOOK_RETRIES

from .sandbox_process import SandboxProcess

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(condition, timeout: float = 10, describe=lambda: "it never came true", pause: float = 0.01):
    """Return what `condition()` returns as soon as it is true; fail at the deadline, `timeout` seconds from now."""
    return SandboxProcess.wait_until(condition, timeout, describe, pause)


def url_of_database(name: str = "") -> str:
    """Return the address of the database that this test is connected to, or of another one of the same kind."""
    settings = connection.settings_dict
    name = name or settings["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    login = f"{quote(settings['USER'])}:{quote(settings['PASSWORD'])}"
    return f"postgres://{login}@{quote(settings['HOST'], safe='')}:{settings['PORT']}/{name}"


def parents() -> list[tuple[int, int]]:
    """Return every process on this machine with its parent."""
    if not Path("/proc/self/stat").exists():
        listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        return [tuple(map(int, line.split())) for line in listing.splitlines()]
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # The name, in parentheses, may contain anything.
            found.append((int(stat.parent.name), int(stat.read_text().rpartition(")")[2].split()[1])))
    return found


def children(pid: int) -> list[int]:
    """Return the ids of the processes that this one has started, oldest first."""
    return sorted(child for child, parent in parents() if parent == pid)


def descendants(pid: int) -> list[int]:
    """Return the ids of all processes below this one, those of other sessions included."""
    found, waiting = [], [pid]
    while waiting:
        below = children(waiting.pop())
        found += below
        waiting += below
    return found


def signalled(group: int, number: int) -> bool:
    """Send a signal (0: none) to a process group; return whether there is one."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


@contextlib.contextmanager
def paused(pids: list[int]):
    """Let these processes stand still, as those of a machine that is suspended do."""
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


class Processes:
    """Web, worker and sandbox as the Procfile runs them; a context manager that stops what it started.

    They use the database of the suite unless another one is given. There may be several of a kind: what is started
    as "second worker" is one more worker. Where a `pictures_port` is given, links may lead to that port here, too.
    Texts come at any hour, so that tests pass at any, unless there are `quiet_hours`. Where a `clock` is given, web and
    worker are ahead by as many seconds as that file says at each moment. They run the `code` in that folder.
    """

    # By which Python, with what stands before it.
    python: tuple[str, ...] = (sys.executable,)

    def __init__(
        self,
        media_root: Path,
        auth_token: str = "sandbox-auth-token",
        database_url: str = "",
        pictures_port: int = 0,
        quiet_hours: str = "off",
        clock: Path | None = None,
        code: Path = ROOT,
        starts: tuple[str, ...] = ("web", "worker"),
        **sandbox_options,
    ):
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.sandbox = SandboxProcess(
            f"{self.url}/twilio/inbound/{WEBHOOK_RETRIES}", auth_token, number="+15005550006", **sandbox_options
        )
        self.media_root = media_root
        self.database_url = database_url or url_of_database()
        self.pictures_port = pictures_port
        self.quiet_hours = quiet_hours
        self.clock = clock
        self.code = code
        self.starts = starts
        self.is_read_only = False
        self.running: dict[str, subprocess.Popen] = {}
        self.groups: set[int] = set()
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log")  # noqa: SIM115  closed in __exit__

    def __enter__(self):
        try:
            self.sandbox.start()
            self.prepare()
            for name in self.starts:
                self.start(name)
            if "web" in self.starts:
                wait_until(self.answers, 20, self.logged)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info):
        with contextlib.ExitStack() as ends:
            ends.callback(self.log.close)
            ends.callback(self.sandbox.stop)
            ends.callback(self.kill_left_behind)
            for name in self.running:
                ends.callback(self.stop, name)

    def prepare(self) -> None:
        """Do what has to be done before web and worker start: nothing on the suite's own database."""

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        is_special = self.pictures_port or self.clock or self.is_read_only
        settings = "textengine.tests.process_settings" if is_special else "textengine.settings"
        return kept | {
            "DJANGO_SETTINGS_MODULE": settings,
            "PICTURES_PORT": str(self.pictures_port or ""),
            "CLOCK": str(self.clock or ""),
            "READ_ONLY": "yes" if self.is_read_only else "",
            "DATABASE_URL": self.database_url,
            "SECRET_KEY": "only-for-tests",
            "DEBUG": "false",
            "TIME_ZONE": "UTC",
            "QUIET_HOURS": self.quiet_hours,
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "MEDIA_ROOT": str(self.media_root),
            "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "TWILIO_AUTH_TOKEN": self.sandbox.auth_token,
            "TWILIO_NUMBER": "+15005550006",
            "TWILIO_MESSAGING_SERVICE_SID": "",
            "TWILIO_API_URL": self.sandbox.url,
            "PYTHONUNBUFFERED": "1",
        }

    def start(self, name: str) -> None:
        command = {
            "web": [*self.python, "-m", "textengine.web"],
            "worker": [*self.python, "manage.py", "qcluster"],
        }[name.split()[-1]]
        self.running[name] = subprocess.Popen(
            command, cwd=self.code, env=self.environment, stdout=self.log, stderr=self.log
        )

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess:
        """Run Python with these arguments as the processes are run, to its end, with some settings otherwise."""
        command, environment = [*self.python, *arguments], self.environment | settings
        return subprocess.run(command, cwd=self.code, env=environment, capture_output=True, text=True, check=False)

    def manage(self, *arguments: str, **settings: str) -> str:
        """Run a command of manage.py, which may not fail; return what it says."""
        ended = self.run("manage.py", *arguments, **settings)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def stop(self, name: str, timeout: float = 45) -> int:
        """Ask a process to end, as a supervisor does, and return its exit code."""
        process = self.running.pop(name)
        if process.poll() is None:
            process.terminate()
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.running[name] = process
            self.kill(name)
            raise

    def kill(self, name: str) -> None:
        """End a process and all that it started, as a power cut does."""
        pids, process = self.tree(name), self.running.pop(name)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(10)

    def kill_front(self, name: str) -> None:
        """Kill the one process that was started, and none of those that it has started itself."""
        process = self.running.pop(name)
        self.groups.update(children(process.pid))
        process.kill()
        process.wait(10)

    def left_behind(self) -> list[int]:
        """Return which process groups, each begun below a front process that was killed, have not ended yet."""
        return [group for group in self.groups if signalled(group, 0)]

    def kill_left_behind(self) -> None:
        for group in self.groups:
            signalled(group, signal.SIGKILL)

    def tree(self, name: str) -> list[int]:
        """Return the ids of a process and all that it started."""
        return [self.running[name].pid, *descendants(self.running[name].pid)]

    def answers(self) -> bool:
        if self.running["web"].poll() is not None:
            raise AssertionError(f"The web process ended: {self.logged()}")
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).ok
        except requests.RequestException:
            return False

    def logged(self) -> str:
        """Return what the processes have logged so far."""
        return Path(self.log.name).read_text()
