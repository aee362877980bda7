"""`make test`: the whole suite on SQLite, and again on PostgreSQL where it is installed; with CI=true it has to be.

What follows on the command line goes to pytest. `--checks` runs Django's own checks instead, `--slow` what `make test`
leaves out because it takes long, and what there tries only a little.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import sizes

ROOT = Path(__file__).resolve().parents[2]
IN_CI = os.environ.get("CI") == "true"
# Tests of the whole way mostly wait for real time to pass, so three times as many run at once as there are cores.
AT_ONCE = 3 * (os.cpu_count() or 1)
ORDINARY, SLOW = "not slow", "slow or grows"
# pytest's exit code when it was asked for no test.
NO_TESTS = 5
# A throw-away cluster, as Debian's postgresql-common makes it; its login comes in the environment. It spares itself
# what keeps data through a power cut, and secrets from others: a tenth of the suite's time.
OPTIONS = {
    "max_connections": "200",
    "log_min_messages": "fatal",
    "ssl": "off",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}
THROW_AWAY_CLUSTER = [
    *("pg_virtualenv", "-t", "-i", "--auth=trust"),
    *(part for name, value in OPTIONS.items() for part in ("-o", f"{name}={value}")),
    *("sh", "-c"),
]
WITH_ITS_LOGIN = 'DATABASE_URL="postgres://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/postgres" exec "$0" "$@"'


def main(arguments: list[str]) -> int:
    manage = [sys.executable, "manage.py"]
    if "--checks" in arguments:
        os.environ["DJANGO_SETTINGS_MODULE"] = "textengine.tests.settings"
        return run([*manage, "check"]) or run([*manage, "makemigrations", "--check", "--dry-run"])
    pytest = [sys.executable, "-m", "pytest"]
    run_suites = run_ordinary_suites
    if "--slow" in arguments:
        arguments, run_suites = [each for each in arguments if each != "--slow"], run_slow_suites
    if os.environ.get("DATABASE_URL"):
        return int(any(run_suites({"the database of DATABASE_URL": pytest}, arguments).values()))
    suites = {"SQLite": pytest}
    if shutil.which("pg_virtualenv"):
        suites["PostgreSQL"] = [*THROW_AWAY_CLUSTER, WITH_ITS_LOGIN, *pytest]
    failed = run_suites(suites, arguments)
    for database, code in failed.items():
        say(f"On {database} the suite {'failed' if code else 'passed'}.")
    if "PostgreSQL" not in failed:
        say(
            "On PostgreSQL the suite was skipped: pg_virtualenv was not found (on Debian and Ubuntu: apt install "
            "postgresql). With a server of your own: DATABASE_URL=postgres://… make test."
        )
        return 1 if IN_CI else failed["SQLite"]
    return int(any(failed.values()))


def run_slow_suites(suites: dict[str, list[str]], arguments: list[str]) -> dict[str, int]:
    """Run what takes long on one database after the other, one test after the other: each has the machine to itself."""
    os.environ[sizes.VARIABLE] = sizes.MANY
    codes = {}
    for database, pytest in suites.items():
        say(f"What takes long, on {database}")
        codes[database] = run([*pytest, "-m", SLOW, "--durations", "0", "--durations-min", "1", *arguments])
    return {database: int(code not in (0, NO_TESTS)) for database, code in codes.items()}


def run_ordinary_suites(suites: dict[str, list[str]], arguments: list[str]) -> dict[str, int]:
    """Run pytest, as each database's command has it; return 0 for each where all passed.

    First the tests that may run many at once, on one database after the other; those that touch none, those that look
    at pages, and those that say the same on each, with the first alone, which is the quicker one. Then, two by two,
    those that measure time: these leave the machine mostly idle, so that the databases can take theirs at the same
    moment.
    """
    # Each of the processes would compile all tests again: one of them does it, and leaves it to the others.
    captured([sys.executable, "-m", "pytest", "--collect-only", "--quiet", *arguments])
    codes = {database: [] for database in suites}
    chosen = f"{ORDINARY} and not in_time"
    for database, pytest in suites.items():
        say(f"The suite on {database}")
        many = ["-m", chosen, "--numprocesses", str(AT_ONCE), "--dist", "worksteal"]
        codes[database].append(run([*pytest, *many, *arguments]))
        chosen = f"{ORDINARY} and not in_time and not no_database and not screens and not once"
    say("What measures time")
    with ThreadPoolExecutor() as pool:
        runs = {
            database: pool.submit(
                captured, [*pytest, "-m", f"{ORDINARY} and in_time", "--numprocesses", "2", *arguments]
            )
            for database, pytest in suites.items()
        }
    for database, ended in runs.items():
        code, output = ended.result()
        say(f"On {database}:\n{output}")
        codes[database].append(code)
    # What the arguments choose may be of one kind alone.
    return {
        database: int(any(code not in (0, NO_TESTS) for code in both) or set(both) == {NO_TESTS})
        for database, both in codes.items()
    }


def captured(command: list[str]) -> tuple[int, str]:
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return ended.returncode, ended.stdout


def say(words: str) -> None:
    print(words, flush=True)  # noqa: T201


def run(command: list[str]) -> int:
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
