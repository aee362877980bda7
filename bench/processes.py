"""The processes of a measure: started, waited for, and ended with everything below them, whatever happens."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import requests

from textengine.tests.processes import ROOT, free_port

from .carrier import RECORD_PATH, REPORTS
from .texts import ACCOUNT_SID, AUTH_TOKEN, OUR_NUMBER
from .usage import cpu_seconds, tree

BIN = Path(sys.executable).parent
START_SECONDS = 30
END_SECONDS = 30
LAST_LINES = 12


def wait_until(condition: Callable[[], object], seconds: float, what: str, every: float = 0.05) -> None:
    """Return once `condition()` is true; raise TimeoutError, saying what was waited for, after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {seconds:.0f} seconds in vain for {what}.")
        time.sleep(every)


def module(name: str, **options: object) -> list:
    """Return the command that runs one of our modules with these options; True is an option without a value."""
    command = [sys.executable, "-m", name]
    for option, value in options.items():
        command += [f"--{option.replace('_', '-')}", *([] if value is True else [value])]
    return command


class Process:
    """One process and all below it; a context manager."""

    def __init__(self, name: str, command: list, environment: dict[str, str] | None = None):
        self.name, self.command, self.environment = name, [str(part) for part in command], environment
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> Self:
        self.log = tempfile.TemporaryFile("w+")
        # A session of its own: Ctrl-C reaches the benchmark alone, which ends everything in turn.
        self.process = subprocess.Popen(
            self.command, cwd=ROOT, env=self.environment, stdout=self.log, stderr=self.log, start_new_session=True
        )
        return self

    def __exit__(self, kind, error, traceback) -> None:
        self.end()
        last = self.said().splitlines()[-LAST_LINES:]
        if isinstance(error, Exception) and last:
            print(f"--- {self.name} said last:", *last, sep="\n", file=sys.stderr)
        self.log.close()

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Wait until it is ready; end it if it is not in time."""
        try:
            wait_until(ready, START_SECONDS, f"{self.name} to start")
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise

    @property
    def pid(self) -> int:
        return self.process.pid

    def end(self) -> None:
        """Ask it to end, as a supervisor does; kill what is still there when its time is over."""
        below = tree(self.pid)
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)
            return
        for pid in {*below, *tree(self.pid)}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def printed(self, seconds: float = END_SECONDS):
        """Wait for its end, so many seconds at most, and return what it printed, as JSON."""
        if self.process.wait(seconds):
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}.")
        return json.loads(self.said())

    def said(self) -> str:
        """Return what it has logged so far."""
        self.log.flush()
        return Path(f"/proc/self/fd/{self.log.fileno()}").read_text(errors="replace")

    def cpu(self) -> float:
        return cpu_seconds(self.pid)

    def check(self) -> None:
        """Raise an error if it has ended."""
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}.")


class Carrier(Process):
    """The benchmark's carrier, and what it has recorded."""

    def __init__(self, latency: float, callbacks: bool = False):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        reporting = {"callbacks": True, "auth_token": AUTH_TOKEN} if callbacks else {}
        command = module("bench.carrier", port=self.port, latency=latency, **reporting)
        super().__init__("the carrier", command)
        self.http = requests.Session()
        self.http.trust_env = False

    def __enter__(self) -> Self:
        super().__enter__()
        self.wait_until(self.answers)
        return self

    def __exit__(self, *error) -> None:
        self.http.close()
        super().__exit__(*error)

    def answers(self) -> bool:
        self.check()
        with contextlib.suppress(requests.ConnectionError):
            return self.http.get(f"{self.url}{RECORD_PATH}/count", timeout=5).ok
        return False

    def counts(self) -> dict:
        return self.http.get(f"{self.url}{RECORD_PATH}/count", timeout=30).json()

    def arrivals(self) -> list[tuple[float, str]]:
        """Return when each text arrived, in seconds of the epoch, and to whom it was; in the order of arrival."""
        texts = self.http.get(f"{self.url}{RECORD_PATH}", timeout=60).json()["texts"]
        return [(arrived, to) for arrived, to, _, _ in texts]

    def forget(self) -> None:
        self.http.delete(f"{self.url}{RECORD_PATH}", timeout=30)

    def wait_for(self, texts: int, seconds: float, watched: Process | None = None) -> None:
        """Wait until so many texts have arrived; look at `watched` meanwhile, whether it still runs."""

        def arrived() -> bool:
            if watched:
                watched.check()
            return self.counts()["count"] >= texts

        wait_until(arrived, seconds, f"{texts:,} texts to arrive", every=0.1)

    def wait_for_callbacks(self, texts: int) -> None:
        """Wait until everything that there is to report of so many texts has been posted."""
        reports = texts * len(REPORTS)
        wait_until(lambda: sum(self.counts()["callbacks"].values()) >= reports, 60, f"{reports:,} callbacks")


def environment(database_url: str, carrier_url: str, port: int) -> dict[str, str]:
    """Return the settings with which every process of Text-Engine runs here."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {
        "DATABASE_URL": database_url,
        "SECRET_KEY": "only-for-the-benchmark-of-text-engine-on-this-machine",
        "DEBUG": "false",
        "TIME_ZONE": "UTC",
        # What is measured is the same at any hour.
        "QUIET_HOURS": "off",
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_NUMBER": OUR_NUMBER,
        "TWILIO_MESSAGING_SERVICE_SID": "",
        "TWILIO_API_URL": carrier_url,
        "DJANGO_SETTINGS_MODULE": "textengine.settings",
    }
