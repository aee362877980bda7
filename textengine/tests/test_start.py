"""A start with wrong settings fails at once, with a sentence that says what to set; in every process alike."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from .processes import free_port

ROOT = Path(__file__).resolve().parents[2]
WEB = [sys.executable, "-m", "textengine.web"]
WORKER = [sys.executable, "manage.py", "qcluster"]

SANDBOX_TOKEN, REAL_TOKEN = "sandbox-auth-token", "0123456789abcdef0123456789abcdef"
REAL = {"TWILIO_API_URL": "https://api.twilio.com", "TWILIO_AUTH_TOKEN": REAL_TOKEN}
# Settings that cannot be read at all: the first one of them ends the start.
UNREADABLE = [
    ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
    ({"DEBUG": "maybe"}, "DEBUG is 'maybe'; set it to true or false"),
    ({"PORT": "http"}, "PORT is 'http'"),
    ({"PORT": "8001"}, "PORT and SANDBOX_PORT are both 8001"),
    ({"SANDBOX_PORT": "70000"}, "SANDBOX_PORT is '70000'"),
    ({"DATABASE_URL": "nonsense"}, "DATABASE_URL cannot be understood"),
    ({"DATABASE_URL": "mysql://localhost/x"}, "DATABASE_URL cannot be understood"),
    ({"DATABASE_URL": "postgres://localhost:port/x"}, "DATABASE_URL cannot be understood"),
    ({"DATABASE_URL": "postgres://localhost"}, "DATABASE_URL cannot be understood"),
    ({"DATABASE_URL": "postgres://user:pa[ss@localhost/db"}, "where %5B stands for a [ in the password"),
    ({"DATABASE_URL": "postgres://u:p@[::1/d"}, "DATABASE_URL cannot be understood"),
    ({"PUBLIC_URL": "texts.example.org"}, "PUBLIC_URL is 'texts.example.org'"),
    ({"PUBLIC_URL": "http://[::1"}, "PUBLIC_URL is 'http://[::1'"),
    ({"PUBLIC_URL": "http://localhost:99999"}, "PUBLIC_URL is 'http://localhost:99999'"),
    ({"WEB_CONCURRENCY": "two"}, "WEB_CONCURRENCY is 'two'; set it to a whole number from 1 to 999"),
    ({"QUIET_HOURS": "21:00"}, "QUIET_HOURS: “21:00” is not understood; write quiet hours as “21:00 to 8:00”"),
    ({"QUIET_HOURS": "24:00 to 8:00"}, "QUIET_HOURS: “24:00” is no time that a clock shows"),
    ({"QUIET_HOURS": "8:00 to 8:00"}, "QUIET_HOURS: Quiet hours that end when they begin are none; write “off”"),
    ({"CARRIER_ANSWERS": "short code"}, "CARRIER_ANSWERS names 'short code'; it lists some of long-code, toll-free"),
    (
        {"ALLOWED_COUNTRIES": "US, England"},
        "ALLOWED_COUNTRIES names 'ENGLAND'; it lists countries by their two letters",
    ),
    ({"ANSWERS_PER_HOUR": "0"}, "ANSWERS_PER_HOUR is '0'; set it to a whole number from 1 to 999"),
    ({"SECOND_FACTOR": "yes"}, "SECOND_FACTOR is 'yes'; set it to optional or required"),
    ({"DAILY_SEGMENTS": "many"}, "DAILY_SEGMENTS is 'many'; set it to a whole number above 0, or leave it empty"),
    ({"MEDIA_STORAGE_OPTIONS": "bucket"}, "MEDIA_STORAGE_OPTIONS cannot be read; set it to a JSON object"),
    ({"MEDIA_STORAGE_OPTIONS": "[]"}, "MEDIA_STORAGE_OPTIONS cannot be read; set it to a JSON object"),
    ({"TIME_ZONE": "Mars/Olympus"}, "TIME_ZONE is 'Mars/Olympus'"),
    ({"NEWSROOM_CONTACT": "the desk"}, "NEWSROOM_CONTACT is 'the desk'; set it to an e-mail address, or to an address"),
    ({"PRIVACY_URL": "privacy@example.org"}, "PRIVACY_URL is 'privacy@example.org'; set it to an address such as"),
    ({"LOG_FORMAT": "xml"}, "LOG_FORMAT is 'xml'; set it to lines or json"),
    ({"SENTRY_DSN": "https://sentry.example.org/1"}, "SENTRY_DSN is no DSN"),
    ({"TWILIO_API_URL": "ftp://x"}, "TWILIO_API_URL is 'ftp://x'"),
    ({"TWILIO_API_URL": "http://localhost:port"}, "TWILIO_API_URL is 'http://localhost:port'"),
]
# Settings that can be read, but not be used: one start names all of them.
UNUSABLE = [
    [
        ({"PUBLIC_URL": "http://localhost/it's"}, "PUBLIC_URL contains an apostrophe"),
        ({"ALLOWED_HOSTS": "example.org, [::1]"}, "ALLOWED_HOSTS lacks localhost, the host of PUBLIC_URL"),
        ({"MEDIA_ROOT": "/etc/passwd"}, "MEDIA_ROOT is '/etc/passwd', but /etc/passwd is no folder"),
        ({"MEDIA_STORAGE": "storages.Nowhere"}, "MEDIA_STORAGE is 'storages.Nowhere', which cannot be used"),
        ({"TWILIO_ACCOUNT_SID": "AC1"}, "TWILIO_ACCOUNT_SID is 'AC1'"),
        ({"TWILIO_NUMBER": "555-0100"}, "TWILIO_NUMBER is '555-0100'; set it to a number in the form +14155550100"),
        ({"TWILIO_MESSAGING_SERVICE_SID": "x"}, "TWILIO_MESSAGING_SERVICE_SID is 'x'"),
        ({"PAUSE_WORDS": "wait, Opt out"}, "PAUSE_WORDS names 'Opt out', which is a word that phone networks act on"),
        ({"WHERE_WORDS": "?"}, "WHERE_WORDS names '?', which is no word at all"),
    ],
    [
        ({"ALLOWED_HOSTS": "localhost", "PUBLIC_URL": "http://[::1]:8000"}, "ALLOWED_HOSTS lacks ::1"),
        ({"MEDIA_ROOT": "manage.py/media"}, "manage.py is no folder; set it to a folder"),
        ({"MEDIA_STORAGE_OPTIONS": '{"bucket": 1}'}, "cannot be used with MEDIA_STORAGE_OPTIONS"),
        ({"TWILIO_ACCOUNT_SID": ""}, "set TWILIO_ACCOUNT_SID"),
        ({"WHERE_WORDS": "pause"}, "WHERE_WORDS names 'pause', which is already one of PAUSE_WORDS; choose another"),
        ({"RESUME_WORDS": ""}, "RESUME_WORDS lets nobody go on"),
    ],
    [({"TWILIO_AUTH_TOKEN": "", "TWILIO_NUMBER": ""}, "set TWILIO_AUTH_TOKEN, TWILIO_NUMBER or TWILIO_MESSAGING")],
    [({"TWILIO_API_URL": "https://api.twilio.com"}, "TWILIO_AUTH_TOKEN is the sandbox's")],
    [
        ({"PUBLIC_URL": "https://texts.example.org"}, "TWILIO_AUTH_TOKEN is the sandbox's"),
        ({"DEBUG": "true"}, "DEBUG is true, which shows settings and code"),
        ({"SECRET_KEY": ""}, "SECRET_KEY is too short or is known to everybody"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS has a *"),
    ],
    [
        (
            {"PUBLIC_URL": "https://texts.example.org", "SECRET_KEY": "x"},
            "set it to a long random string (see .env.example), since others reach https://texts.example.org, by a",
        ),
        ({"TWILIO_API_URL": "https://api.twilio.com", "TWILIO_AUTH_TOKEN": "a"}, "TWILIO_AUTH_TOKEN is not what"),
    ],
]


def start(command: list[str], wrong: dict[str, str]) -> subprocess.CompletedProcess:
    environment = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "only-for-tests-and-long-enough-to-be-used",
        "DATABASE_URL": "sqlite:////nowhere/at/all.sqlite3",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": SANDBOX_TOKEN,
        "TWILIO_NUMBER": "+15005550006",
        "TWILIO_API_URL": "http://localhost:8001",
        # Set, so that a .env beside manage.py says nothing about them.
        "DEBUG": "",
        "PUBLIC_URL": "",
        "ALLOWED_HOSTS": "",
        "TWILIO_MESSAGING_SERVICE_SID": "",
    }
    return subprocess.run(
        command, cwd=ROOT, env=environment | wrong, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(("wrong", "sentence"), UNREADABLE, ids=[sentence for _, sentence in UNREADABLE])
def test_a_setting_that_cannot_be_read_stops_the_worker_with_a_sentence(wrong, sentence):
    ended = start(WORKER, wrong)
    assert ended.returncode != 0
    assert sentence in ended.stderr
    # Nothing else.
    assert ended.stderr.startswith("Text-Engine cannot start: ")
    assert len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("wrong", UNUSABLE)
def test_each_setting_that_cannot_be_used_is_a_sentence_of_its_own(wrong):
    ended = start(WORKER, {name: value for settings, _ in wrong for name, value in settings.items()})
    assert ended.returncode != 0
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == len(wrong)
    assert all(line.startswith("Text-Engine cannot start: ") for line in lines)
    for _, sentence in wrong:
        assert sum(sentence in line for line in lines) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"SECRET_KEY": ""},
        pytest.param({"TWILIO_NUMBER": ""}, marks=pytest.mark.slow),
        pytest.param({"DATABASE_URL": "nonsense"}, marks=pytest.mark.slow),
    ],
)
def test_a_wrong_setting_stops_the_web_server_with_the_same_sentence(wrong):
    web, worker = start(WEB, wrong), start(WORKER, wrong)
    assert web.returncode != 0
    assert web.stderr == worker.stderr


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite:///{folder}/empty.sqlite3", "lacks .* migrations of this version; run manage.py migrate."),
        ("sqlite:///{folder}/nowhere/db.sqlite3", r"cannot be used \(unable to open database file\)."),
        ("postgres://me:hidden@127.0.0.1:{port}/texts", r"cannot be used \(.*Connection refused.*\)."),
    ],
)
def test_a_worker_whose_database_cannot_be_used_ends_with_one_sentence(tmp_path, url, sentence):
    ended = start(WORKER, {"DATABASE_URL": url.format(folder=tmp_path, port=free_port())})
    assert ended.returncode == 1
    assert re.fullmatch(f"Text-Engine cannot start: the database of DATABASE_URL {sentence}\n", ended.stderr)
    assert "hidden" not in ended.stderr


def test_an_address_that_twilio_cannot_reach_is_warned_of_once_where_something_starts():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        # Nothing can listen here, so that the server ends by itself.
        ended = start(WEB, REAL | {"PORT": str(taken.getsockname()[1])})
    warning, *rest = ended.stderr.strip().splitlines()
    assert warning.startswith("Warning: PUBLIC_URL is http://localhost:")
    assert not any("PUBLIC_URL" in line for line in rest)


@pytest.mark.parametrize(
    "command",
    ["migrate", *(pytest.param(each, marks=pytest.mark.slow) for each in ("check", "makemigrations", "shell"))],
)
def test_a_wrong_setting_stops_every_command_with_the_same_sentence(command):
    ended = start([sys.executable, "manage.py", command], {"SECRET_KEY": ""})
    assert ended.returncode != 0
    assert ended.stderr.strip().startswith("Text-Engine cannot start: SECRET_KEY is not set")


@pytest.mark.parametrize(
    ("command", "problem"),
    [(["importstory", "nowhere.txt"], "nowhere.txt"), (["addaccount", "", "editor"], "blank")],
)
def test_commands_that_text_nobody_work_with_the_settings_of_make_run(command, problem):
    twilio = {"TWILIO_API_URL": "", "TWILIO_AUTH_TOKEN": SANDBOX_TOKEN}
    ended = start([sys.executable, "manage.py", *command], twilio)
    assert problem in ended.stderr
    assert "TWILIO" not in ended.stderr


def test_on_ones_own_machine_a_start_needs_no_key():
    ended = start([sys.executable, "manage.py", "check"], {"DEBUG": "true", "SECRET_KEY": "", "ALLOWED_HOSTS": "*"})
    assert ended.returncode == 0, ended.stderr


def test_a_real_account_with_its_own_token_passes():
    ended = start([sys.executable, "manage.py", "check"], REAL | {"PUBLIC_URL": "https://texts.example.org"})
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("public", "allowed"),
    [
        pytest.param("http://localhost:8000", "*", marks=pytest.mark.slow),
        ("https://texts.example.org", ".example.org"),
        pytest.param("http://[::1]:8000", "[::1]", marks=pytest.mark.slow),
        ("http://[::1]:8000", ""),
    ],
)
def test_a_public_address_whose_host_is_allowed_passes(public, allowed):
    ended = start([sys.executable, "manage.py", "check"], REAL | {"PUBLIC_URL": public, "ALLOWED_HOSTS": allowed})
    assert ended.returncode == 0, ended.stderr


def test_a_process_of_the_web_server_says_nothing_of_files_that_nobody_has_collected(tmp_path):
    begin = "from django.conf import settings; from textengine import web; "
    begin += f"settings.STATIC_ROOT = {str(tmp_path / 'staticfiles')!r}; web.application()"
    ended = start([sys.executable, "-c", begin], {})
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")


def test_an_address_that_twilio_cannot_reach_is_warned_of():
    ended = start([sys.executable, "manage.py", "check"], REAL)
    assert ended.returncode == 0
    assert "where Twilio cannot reach you" in ended.stderr


SANDBOX = [sys.executable, "-m", "textengine.sandbox", "--port", "0", "--webhook", "http://localhost/"]
RUN = [sys.executable, "-m", "textengine.run"]


def without(module: str, folder: Path) -> dict[str, str]:
    """Return an environment in which this module cannot be imported: in its place stands one that misses another."""
    (folder / f"{module}.py").write_text("import a_module_that_is_not_there")
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize(
    ("command", "module"),
    [
        ([sys.executable, "manage.py", "check"], "django"),
        (WORKER, "csp"),
        (WEB, "django"),
        (WEB, "whitenoise"),
        (SANDBOX, "starlette"),
        (RUN, "honcho"),
    ],
)
def test_a_module_that_is_missing_from_the_virtual_environment_is_named_with_the_cure(command, module, tmp_path):
    ended = start(command, without(module, tmp_path))
    assert ended.returncode == 1
    assert ended.stderr.strip() == (
        "The Python module 'a_module_that_is_not_there' is missing from .venv: run `make clean setup`; your data stays."
    )


def test_whoever_uses_another_python_is_told_which_to_use(tmp_path):
    another = [os.path.realpath(sys.executable), "manage.py", "check"]
    ended = start(another, without("django", tmp_path))
    assert ended.stderr.strip() == (
        "The Python module 'a_module_that_is_not_there' is missing here: run `make setup`, then use .venv/bin/python."
    )
