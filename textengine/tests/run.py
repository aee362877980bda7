"""`make test`: the whole suite on SQLite, and again on PostgreSQL where it is installed; with CI=true it has to be.

What follows on the command line goes to pytest. `--checks` runs Django's own checks instead.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IN_CI = os.environ.get("CI") == "true"
# Tests of the whole way mostly wait for real time to pass, so twice as many run at once as there are cores.
AT_ONCE = 2 * (os.cpu_count() or 1)
# pytest's exit code when it was asked for no test.
NO_TESTS = 5
# A throw-away cluster, as Debian's postgresql-common makes it; its login comes in the environment.
THROW_AWAY_CLUSTER = ["pg_virtualenv", "-o", "max_connections=200", "-o", "log_min_messages=fatal", "sh", "-c"]
WITH_ITS_LOGIN = 'DATABASE_URL="postgres://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/postgres" exec "$0" "$@"'


def main(arguments: list[str]) -> int:
    manage = [sys.executable, "manage.py"]
    if "--checks" in arguments:
        os.environ["DJANGO_SETTINGS_MODULE"] = "textengine.tests.settings"
        return run([*manage, "check"]) or run([*manage, "makemigrations", "--check", "--dry-run"])
    if given := os.environ.pop("DATABASE_URL", ""):
        return run_suite(arguments, DATABASE_URL=given)
    failed = {}
    if shutil.which("pg_virtualenv"):
        say("The suite on PostgreSQL")
        failed["PostgreSQL"] = run_suite(arguments, before=[*THROW_AWAY_CLUSTER, WITH_ITS_LOGIN])
    say("The suite on SQLite")
    failed["SQLite"] = run_suite(arguments)
    for database, code in failed.items():
        say(f"On {database} the suite {'failed' if code else 'passed'}.")
    if "PostgreSQL" not in failed:
        say(
            "On PostgreSQL the suite was skipped: pg_virtualenv was not found (on Debian and Ubuntu: apt install "
            "postgresql). With a server of your own: DATABASE_URL=postgres://… make test."
        )
        return 1 if IN_CI else failed["SQLite"]
    return int(any(failed.values()))


def run_suite(arguments: list[str], before: Iterable[str] = (), **environment: str) -> int:
    """Run the tests many at once, then those that measure time one by one; return 0 if all passed."""
    pytest = [*before, sys.executable, "-m", "pytest"]
    at_once = ["-m", "not in_time", "--numprocesses", str(AT_ONCE), "--dist", "worksteal"]
    alone = ["-m", "in_time"]
    codes = [run([*pytest, *chosen, *arguments], **environment) for chosen in (at_once, alone)]
    # What the arguments choose may be of one kind alone.
    return int(any(code != 0 for code in codes if code != NO_TESTS) or set(codes) == {NO_TESTS})


def say(words: str) -> None:
    print(words, flush=True)  # noqa: T201


def run(command: list[str], **environment: str) -> int:
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
