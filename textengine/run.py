"""`make run`: set up what a first start needs, then run web, worker and sandbox until Ctrl-C.

Everything it sets up is kept: a second run finds its `.env`, its data and its accounts, and changes none of them.
"""

import contextlib
import fcntl
import os
import re
import secrets
import signal
import socket
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import TextIO

from textengine import missing, probe

ROOT = Path(__file__).resolve().parent.parent
# The sandbox's account: it opens nothing outside this machine.
SANDBOX_ACCOUNT_SID = "AC" + "0" * 32
SANDBOX_NUMBER = "+15005550006"
# The demo accounts and their roles.
ACCOUNTS = {
    "admin": "",
    "journalist": "journalist",
    "editor": "editor",
    "desk-chief": "desk-chief",
    "operator": "operator",
}
READY_SECONDS = 60
# What stands before the sandbox's address in `.env`: only an address that this wrote follows the sandbox's port.
ADDRESS_IS_KEPT = "# Where the sandbox listens: `make run` keeps this right. To send to Twilio, take both lines out."
ADDRESS = re.compile(rf"^{re.escape(ADDRESS_IS_KEPT)}\nTWILIO_API_URL=.*\n?", re.MULTILINE)


def main() -> None:
    os.chdir(ROOT)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "textengine.settings")
    # The Procfile's commands are those of this virtual environment.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        import environ  # noqa: F401
        import honcho.manager  # noqa: F401
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import call_command
        from django.db import DatabaseError

        from textengine import starting
    except ModuleNotFoundError as error:
        sys.exit(missing.cure(error))
    lock = only_run_here()  # noqa: F841  held until this process ends
    if write_env(ROOT / ".env"):
        say("Wrote .env, with the sandbox's settings; .env.example explains each.")
    complete_environment()
    try:
        starting.prepare()
        ensure_free("PORT")
        ensure_free("SANDBOX_PORT")
        call_command("migrate", verbosity=0)
        say(*first_rows())
    except ModuleNotFoundError as error:
        sys.exit(missing.cure(error))
    except ImproperlyConfigured as error:
        sys.exit(f"Text-Engine cannot start: {error}")
    except DatabaseError as error:
        sys.exit(f"Text-Engine cannot start: the database of DATABASE_URL cannot be used ({str(error).strip()}).")
    except OSError as error:
        # The sample story's pictures are the first files that are written.
        sys.exit(f"Text-Engine cannot start: nothing can be kept in the folder of MEDIA_ROOT ({error}).")
    sys.exit(run_processes())


def only_run_here() -> TextIO:
    """End with a sentence where another run of this folder goes on: the two would send each other's texts."""
    lock = (ROOT / ".run.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit("Text-Engine is already running from this folder: stop the other `make run` first.")
    return lock


def write_env(path: Path) -> bool:
    """Write the sandbox's settings for a first run; return False where there are settings already."""
    if path.exists():
        return False
    lines = [
        "# Made by the first `make run`, for the sandbox on this machine; .env.example explains every setting.",
        "DEBUG=true",
        f"SECRET_KEY={secrets.token_urlsafe(50)}",
        f"TWILIO_ACCOUNT_SID={SANDBOX_ACCOUNT_SID}",
        "TWILIO_AUTH_TOKEN=sandbox-auth-token",
        f"TWILIO_NUMBER={SANDBOX_NUMBER}",
        "",
    ]
    path.write_text("\n".join(lines))
    path.chmod(0o600)
    return True


def complete_environment() -> None:
    """Put `.env`, and the defaults of a run on this machine, into the environment of all processes."""
    from textengine import env_file

    address = os.environ.get("TWILIO_API_URL")
    with contextlib.suppress(OSError, ValueError):  # Django's settings say what is wrong with it.
        env_file.read(ROOT / ".env")
    # An empty value is none, here as in the settings.
    port = os.environ["PORT"] = os.environ.get("PORT") or "8000"
    sandbox_port = os.environ["SANDBOX_PORT"] = os.environ.get("SANDBOX_PORT") or "8001"
    os.environ["PUBLIC_URL"] = os.environ.get("PUBLIC_URL") or f"http://localhost:{port}"
    sandbox_url = f"http://localhost:{sandbox_port}"
    if keep_address(ROOT / ".env", sandbox_url):
        os.environ["TWILIO_API_URL"] = address or sandbox_url
    os.environ["TWILIO_API_URL"] = os.environ.get("TWILIO_API_URL") or sandbox_url


def keep_address(path: Path, sandbox_url: str) -> bool:
    """Have a `.env` of the sandbox's account say where it listens, for commands beside the run; return whether it does.

    An address that somebody else wrote there stays.
    """
    try:
        words = path.read_text(encoding="utf-8-sig")
        rest = ADDRESS.sub("", words)
        if f"TWILIO_ACCOUNT_SID={SANDBOX_ACCOUNT_SID}" not in rest or "\nTWILIO_API_URL=" in rest:
            return False
        kept = f"{rest.rstrip()}\n{ADDRESS_IS_KEPT}\nTWILIO_API_URL={sandbox_url}\n"
        if kept != words:
            # In one step: Ctrl-C may come at any moment, and there is a secret in it.
            part = path.with_name(".env.part")
            part.touch(mode=0o600)
            part.write_text(kept)
            part.replace(path)
    except (OSError, ValueError):  # Django's settings say what is wrong with it.
        return False
    return True


def ensure_free(name: str) -> None:
    """End with a sentence where something else listens on the port that the setting `name` says."""
    port = int(os.environ[name])
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            sys.exit(f"Port {port} cannot be used ({error.strerror}); choose another: make run {name}={port + 10}.")


def first_rows() -> list[str]:
    """Give a database without accounts the demo accounts and the sample story; return what to say about it.

    All or nothing: the story comes only beside new accounts, so that one that somebody deleted stays away.
    """
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import transaction

    from stories.models import Story
    from textengine.accounts import make_account

    if User.objects.exists():
        return []
    with transaction.atomic():
        passwords = {name: make_account(name, role) for name, role in ACCOUNTS.items()}
        call_command("loadsample", verbosity=0)
        for story in Story.objects.all():
            story.authors.set(User.objects.filter(username="journalist"))
    lines = [f"    {name:<12} {password}" for name, password in passwords.items()]
    return ["", "Accounts for the newsroom, shown only this once:", *lines, ""]


def run_processes() -> int:
    """Run the Procfile's processes until one ends or Ctrl-C; return the exit code."""
    from honcho.environ import parse_procfile
    from honcho.manager import Manager

    manager = Manager()
    for name, command in parse_procfile((ROOT / "Procfile").read_text()).processes.items():
        manager.add_process(name, command, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    threading.Thread(target=announce, daemon=True).start()
    manager.loop()
    # Ctrl-C is how a run is meant to end.
    return 0 if manager.returncode == 130 else manager.returncode


def announce() -> None:
    """Print what to open and what to try, as soon as it can be opened."""
    public, phones = os.environ["PUBLIC_URL"], f"http://localhost:{os.environ['SANDBOX_PORT']}"
    if not (answers(probe.healthz()) and answers(phones)):
        say("Text-Engine is not ready yet: see above what its processes say.")
        return
    say(*banner(public, phones))


def answers(url: str | urllib.request.Request) -> bool:
    """Wait until `url` answers with success; give up after READY_SECONDS."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310
                return True
        except OSError:
            time.sleep(0.2)
    return False


def say(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)  # noqa: T201


def banner(public: str, phones: str) -> list[str]:
    from stories.models import Story

    story = Story.objects.readable().exclude(keyword=None).order_by("pk").first()
    lines = ["", "Text-Engine is running. Ctrl-C stops it; what you make is kept.", ""]
    lines += [f"  Newsroom   {public}/admin/", f"  Phones     {phones}/", ""]
    if story:
        lines += [f"  Try: on the phones' page, text {story.keyword} and watch the story arrive."]
    return [*lines, "  Then look in the newsroom, under Enrollments, how far it is.", ""]


def stop_setting_up(*_) -> None:
    """End at once, wherever Ctrl-C came: an exception might be caught, or become another, in what is being set up."""
    say("", "Stopped before everything was set up; the next `make run` goes on from here.")
    os._exit(130)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, stop_setting_up)
    main()
