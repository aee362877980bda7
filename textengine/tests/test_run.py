"""`make run` as a newcomer meets it: in a fresh copy of the project, with nothing set."""

import contextlib
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

import textengine.run

from .processes import ROOT, descendants, free_port, wait_until

# What a checkout has that a copy of it is to be without: data, and what this machine has made.
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".env", "*.sqlite3*", ".run.lock", "media", "staticfiles", ".*_cache"
)


class Run:
    """`make run` in a copy of the project; what it prints is in `output`."""

    def __init__(self, copy: Path, **environment: str):
        self.port, self.sandbox_port = free_port(), free_port()
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        ports = {"PORT": str(self.port), "SANDBOX_PORT": str(self.sandbox_port)}
        self.output = ""
        self.process = subprocess.Popen(
            ["make", "run"],
            cwd=copy,
            env=kept | ports | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        for line in self.process.stdout:
            self.output += line

    def wait_for(self, words: str, timeout: float = 60) -> None:
        wait_until(lambda: words in self.output, timeout, lambda: self.output)

    def press_ctrl_c(self) -> None:
        """Do what a terminal does: interrupt the whole foreground process group; wait until all of it has ended."""
        below = descendants(self.process.pid)
        os.killpg(self.process.pid, signal.SIGINT)
        # make waits for what it started, and then ends by the same signal; interrupted just when its child has ended,
        # it waits a second time and gives up over that.
        ended_itself = "wait: No child processes"
        assert self.ended() == -signal.SIGINT or ended_itself in self.output, self.output
        wait_until(lambda: not any(is_running(pid) for pid in below))
        assert "SIGKILL" not in self.output
        assert "Traceback" not in self.output

    def ended(self) -> int:
        code = self.process.wait(60)
        self.reader.join(5)
        return code

    def clean_up(self) -> None:
        for pid in [self.process.pid, *descendants(self.process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def copy(tmp_path) -> Path:
    """A fresh copy of the project, whose virtual environment is this one."""
    target = tmp_path / "project"
    shutil.copytree(ROOT, target, ignore=LEFT_OUT)
    (target / ".venv").symlink_to(Path(sys.prefix))
    return target


@pytest.fixture
def start(copy):
    runs = []

    def start(**environment: str) -> Run:
        runs.append(Run(copy, **environment))
        return runs[-1]

    yield start
    for run in runs:
        run.clean_up()


def log_in(run: Run, name: str, password: str) -> bool:
    """Try to log in to the admin as a browser does; return whether it lets this account in."""
    url = f"http://localhost:{run.port}/admin/login/"
    session = requests.Session()
    session.get(url, timeout=10)
    form = {"username": name, "password": password, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
    return session.post(url, form, timeout=10).url.endswith("/admin/")


def test_a_first_run_sets_everything_up_and_a_second_one_keeps_it(start, copy):
    run = start()
    run.wait_for("Text-Engine is running")
    accounts = dict(re.findall(r"^ {4}(admin|journalist|editor|desk-chief|operator) +(\S+)$", run.output, re.MULTILINE))
    assert set(accounts) == {"admin", "journalist", "editor", "desk-chief", "operator"}
    assert all(log_in(run, name, password) for name, password in accounts.items())
    phone = f"http://localhost:{run.sandbox_port}/phones/+14155550101/messages"
    keyword = re.search(r"text (\w+) and watch", run.output)[1]
    assert requests.post(phone, json={"body": keyword}, timeout=20).status_code == 201
    wait_until(lambda: len(requests.get(phone, timeout=10).json()) >= 2, 20, lambda: run.output)
    for command in (["makereaders", "5"], ["catchup", "--since", "2026-01-01T00:00:00Z"], ["doctor"]):
        said = beside(run, copy, *command)
        assert said.returncode == 0, said.stdout + said.stderr
    env = (copy / ".env").read_text()
    run.press_ctrl_c()

    again = start()
    again.wait_for("Text-Engine is running")
    assert "Accounts" not in again.output
    assert (copy / ".env").read_text() == env.replace(f":{run.sandbox_port}", f":{again.sandbox_port}")
    assert log_in(again, "journalist", accounts["journalist"])
    phone = f"http://localhost:{again.sandbox_port}/phones/+14155550101/messages"
    assert requests.get(phone, timeout=10).json()[0]["body"] == keyword
    again.press_ctrl_c()


def beside(run: Run, copy: Path, *command: str) -> subprocess.CompletedProcess:
    """Run one of manage.py's commands in a second terminal, which knows of this run what its `.env` says."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {"PORT": str(run.port)}
    command = [".venv/bin/python", "manage.py", *command]
    return subprocess.run(command, cwd=copy, env=kept, capture_output=True, text=True, check=False, timeout=60)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_ctrl_c_while_things_are_set_up_ends_with_a_sentence(start, copy):
    run = start()
    wait_until((copy / ".env").exists)
    run.press_ctrl_c()
    assert "Stopped before everything was set up" in run.output


def test_ctrl_c_lets_the_virtual_environment_be_made_and_ends_then(tmp_path):
    # A Python that takes its time over the virtual environment.
    slow = tmp_path / "python"
    slow.write_text(
        f'#!/bin/sh\n[ "$2" = venv ] || exit 0\nexec {sys.executable} -c '
        '\'import time; print("making", flush=True); time.sleep(0.5); print("made")\'\n'
    )
    slow.chmod(0o755)
    setup = subprocess.Popen(
        [ROOT / "bin" / "setup", slow, "requirements.txt"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    while setup.stdout.readline() != "making\n":
        pass
    os.killpg(setup.pid, signal.SIGINT)
    assert setup.stdout.read() == "made\n"
    assert setup.wait(10) == 130


@pytest.mark.slow
def test_a_second_run_beside_the_first_is_refused(start):
    start().wait_for("Text-Engine is running")
    beside = start()
    assert beside.ended() != 0
    assert "already running from this folder" in beside.output


@pytest.mark.slow
def test_a_run_that_answers_by_its_public_name_alone_says_that_it_is_ready(start):
    run = start(ALLOWED_HOSTS="127.0.0.1", PUBLIC_URL="http://127.0.0.1")
    run.wait_for("Newsroom   http://127.0.0.1/admin/")


@pytest.mark.slow
def test_the_passwords_are_printed_even_if_nothing_starts_afterwards(start):
    run = start(GUNICORN_CMD_ARGS="--no-such-option")
    run.wait_for("Accounts for the newsroom")
    run.wait_for("editor")


def test_a_first_run_that_fails_leaves_nothing_half_made(start, copy):
    # Nobody can make a folder there, the superuser neither.
    run = start(MEDIA_ROOT="/proc/pictures")
    assert run.ended() != 0
    assert "nothing can be kept in the folder of MEDIA_ROOT" in run.output
    assert "Traceback" not in run.output
    assert "Accounts" not in run.output
    with contextlib.closing(sqlite3.connect(copy / "db.sqlite3")) as database:
        for table in ("auth_user", "stories_story"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)  # noqa: S608


@pytest.mark.parametrize("name", ["PORT", "SANDBOX_PORT"])
def test_a_taken_port_is_named_with_what_to_do(start, name):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = start(**{name: str(port)})
        assert run.ended() != 0
    assert f"Port {port} cannot be used" in run.output
    assert f"make run {name}={port + 10}" in run.output
    assert "Traceback" not in run.output


def test_an_empty_setting_is_none(monkeypatch, tmp_path):
    monkeypatch.setattr(textengine.run, "ROOT", tmp_path)  # There is no .env in it.
    for name in ("PORT", "SANDBOX_PORT", "PUBLIC_URL", "TWILIO_API_URL"):
        monkeypatch.setenv(name, "")
    textengine.run.complete_environment()
    assert os.environ["PUBLIC_URL"] == f"http://localhost:{os.environ['PORT']}" == "http://localhost:8000"
    assert os.environ["TWILIO_API_URL"] == f"http://localhost:{os.environ['SANDBOX_PORT']}" == "http://localhost:8001"


OF_THE_SANDBOX = f"DEBUG=true\nTWILIO_ACCOUNT_SID={textengine.run.SANDBOX_ACCOUNT_SID}\n"
AT_ANOTHER_PORT = f"{textengine.run.ADDRESS_IS_KEPT}\nTWILIO_API_URL=http://localhost:8081\n"


@pytest.mark.parametrize(
    ("env", "written", "used"),
    [
        (OF_THE_SANDBOX, ["http://localhost:8001"], "http://localhost:8001"),
        (OF_THE_SANDBOX + AT_ANOTHER_PORT, ["http://localhost:8001"], "http://localhost:8001"),
        (OF_THE_SANDBOX + "SANDBOX_PORT=8081\n", ["http://localhost:8081"], "http://localhost:8081"),
        (OF_THE_SANDBOX + "TWILIO_API_URL=http://localhost:9000\n", ["http://localhost:9000"], "http://localhost:9000"),
        ("TWILIO_ACCOUNT_SID=AC1\n", [], "http://localhost:8001"),
    ],
    ids=["older", "other port", "port in .env", "somebody's own", "real account"],
)
def test_the_sandboxs_address_is_kept_in_its_env_and_nobody_elses(monkeypatch, tmp_path, env, written, used):
    monkeypatch.setattr(textengine.run, "ROOT", tmp_path)
    for name in ("PORT", "SANDBOX_PORT", "PUBLIC_URL", "DEBUG", "TWILIO_ACCOUNT_SID", "TWILIO_API_URL"):
        monkeypatch.setenv(name, "")  # So that it is put back, too, where it is not set now.
        monkeypatch.delenv(name)
    (tmp_path / ".env").write_text(env)
    textengine.run.complete_environment()
    assert re.findall("^TWILIO_API_URL=(.*)$", (tmp_path / ".env").read_text(), re.MULTILINE) == written
    assert os.environ["TWILIO_API_URL"] == used


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        (b"DEBUG=true\nDATABASE_URL=nonsense\n", "DATABASE_URL cannot be understood"),
        (b"DEBUG=true\nWEB_CONCURRENCY=two\n", "WEB_CONCURRENCY is 'two'; set it to a whole number"),
        (b"SECRET_KEY=\xff\xfe\n", "the file .env cannot be read"),
        (b"DEBUG=true\nTWILIO_AUTH_TOKEN secret\n", "the file .env cannot be read (line 2 is not NAME=value)"),
        (b"\xef\xbb\xbfDEBUG=false\n", "SECRET_KEY is not set"),
        (b"DEBUG=true\nTWILIO_NUMBER=+15005550006\n", "Of the Twilio settings only some are there"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_what_to_do(start, copy, env, sentence):
    (copy / ".env").write_bytes(env)
    run = start()
    assert run.ended() != 0
    assert sentence in run.output
    assert "Traceback" not in run.output
