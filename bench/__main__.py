"""`make bench`: run the measures, print what they say, keep it."""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import django

from textengine.tests.processes import ROOT

from .charts import draw
from .processes import environment
from .report import keep, renewed, tables

# Django is set up once, and connected to each run's own database later.
os.environ.update(environment("sqlite:////none.sqlite3", "http://127.0.0.1:9", 8000))
django.setup()

from .databases import SERVERS as DATABASES  # noqa: E402
from .measures import SUBJECTS, sizes_of  # noqa: E402
from .run import GROUPS, run  # noqa: E402

RESULTS, CHARTS = ROOT / "bench" / "results", ROOT / "docs" / "benchmarks"
# Measures mostly wait; so many at once keep two cores busy.
AT_ONCE_WHEN_SMALL = 6


def names(value: str) -> list[str]:
    return [name for name in value.split(",") if name]


def numbers(value: str) -> tuple[int, ...]:
    return tuple(int(number.replace("_", "")) for number in names(value))


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return what the command line asks for; end with a sentence where it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Text-Engine beside its rivals.")
    parser.add_argument("--only", type=names, help="groups of measures, such as burst,lateness; all if left out")
    parser.add_argument("--subjects", type=names, help="who is measured, such as engine,celery; all if left out")
    parser.add_argument("--databases", type=names, default=["sqlite", "postgresql"], help="sqlite, postgresql or both")
    parser.add_argument("--sizes", type=numbers, default=(2000, 20_000), help="texts in a burst: 2000,20000")
    parser.add_argument("--sleepers", type=numbers, help="sleeping messages; without: 0,1000000 and 10000000")
    parser.add_argument("--seconds", type=float, default=15, help="how long each steady measure takes")
    parser.add_argument("--runs", type=int, default=3, help="every figure is the median of so many")
    parser.add_argument("--at-once", type=int, default=1, help="more than one measure at once says nothing about speed")
    parser.add_argument(
        "--into", type=Path, help="a kept file, in which the groups that are measured take the place of its own"
    )
    parser.add_argument("--small", action="store_true", help="only see that everything works, in a minute")
    options = parser.parse_args(arguments)
    for chosen, known in ((options.only, GROUPS), (options.databases, DATABASES), (options.subjects, SUBJECTS)):
        if unknown := set(chosen or ()) - set(known):
            parser.error(f"{', '.join(unknown)} is not known; there are: {', '.join(known)}.")
    if options.into and not options.into.is_file():
        parser.error(f"{options.into} is not there to be renewed.")
    if "postgresql" in options.databases and not shutil.which("pg_virtualenv"):
        parser.error("pg_virtualenv was not found: apt install postgresql, or choose --databases sqlite.")
    if (not options.subjects or "celery" in options.subjects) and not shutil.which("redis-server"):
        parser.error("redis-server was not found: apt install redis-server, or choose --subjects engine.")
    if options.small:
        options.runs, options.at_once = 1, AT_ONCE_WHEN_SMALL
    return options


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    # Whoever asks the benchmark to end asks it to end all that it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="textengine-bench-") as folder:
        kept = run(options, sizes_of(options), Path(folder))
        print(tables(kept, with_targets=not options.small))
        name = datetime.now(UTC).date().isoformat()
        if options.into:
            kept, name = renewed(json.loads(options.into.read_text()), kept), options.into.stem
        # A part of it alone is looked at, and not kept.
        is_kept = options.into or parse([]) == options
        file = keep(kept, RESULTS if is_kept else Path(folder), name)
        draw(json.loads(file.read_text()), CHARTS if is_kept else Path(folder))
    return int(kept["interrupted"] or any(result["errors"] for result in kept["results"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
