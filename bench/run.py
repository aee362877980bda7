"""Runs the measures round by round, tells how far it is, and keeps what they say."""

import subprocess
import sys
import time
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psycopg
import requests
from django.db import DatabaseError

from .databases import POSTGRESQL_OPTIONS, SERVERS
from .machine import machine
from .measures import Bench, Figures, Measure, Sizes, burst, ceiling, idle, lateness, memory, plans, webhooks
from .report import cell
from .rivals.celery_redis import tried

# What a run may meet without ending the others.
FAILURES = (
    RuntimeError,
    ValueError,
    OSError,
    DatabaseError,
    psycopg.Error,
    subprocess.SubprocessError,
    requests.RequestException,
)
GROUPS = {
    "ceiling": ceiling,
    "burst": burst,
    "lateness": lateness,
    "webhooks": webhooks,
    "idle": idle,
    "memory": memory,
    "plans": plans,
}


@dataclass
class Result:
    """What the runs of one measure said."""

    measure: Measure
    runs: list[Figures] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def medians(self) -> Figures:
        """Return the median of each figure, and the last run's words where a figure is none."""
        last = self.runs[-1] if self.runs else {}
        return {
            name: value if isinstance(value, str) else median(run[name] for run in self.runs)
            for name, value in last.items()
        }

    def as_json(self) -> dict:
        measure = self.measure
        return {
            "group": measure.group,
            "subject": measure.subject,
            "database": measure.database,
            "about": measure.about,
            "median": self.medians(),
            "runs": self.runs,
            "errors": self.errors,
        }


def run(options: Namespace, sizes: Sizes, folder: Path) -> dict:
    """Run every chosen measure `options.runs` times; return what is to be kept.

    In rounds, so that a busy minute does not hit one measure alone.
    """
    interrupted = False
    with ExitStack() as stack:
        servers = {name: stack.enter_context(SERVERS[name](folder)) for name in options.databases}
        bench = Bench(sizes, servers, folder)
        results = [
            Result(measure)
            for group in options.only or GROUPS
            for measure in GROUPS[group].measures(bench)
            if not options.subjects or measure.subject in options.subjects
        ]
        progress = Progress([result.measure for result in results] * options.runs)
        try:
            for _ in range(options.runs):
                run_round(results, progress, options.at_once)
        except KeyboardInterrupt:
            say("Interrupted; what was measured so far is kept.")
            interrupted = True
    return {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": machine(),
        "sizes": asdict(sizes),
        "runs": options.runs,
        "interrupted": interrupted,
        "postgresql_options": POSTGRESQL_OPTIONS,
        "celery_pools": {str(pool): rate for pool, rate in tried.items()},
        "results": [result.as_json() for result in results],
    }


def run_round(results: list[Result], progress: "Progress", at_once: int) -> None:
    """Run each measure once. In this thread, if one at a time: only here, Ctrl-C ends a measure at once."""
    if at_once == 1:
        for result in results:
            run_once(result, progress)
    else:
        with ThreadPoolExecutor(at_once) as lanes:
            list(lanes.map(lambda result: run_once(result, progress), results))


def run_once(result: Result, progress: "Progress") -> None:
    number = progress.begin(result.measure)
    try:
        figures = result.measure.run()
    except FAILURES as error:
        result.errors.append(f"{type(error).__name__}: {error}")
        say(f"{number} failed: {error}")
    else:
        result.runs.append(figures)
        shown = (f"{name} {cell(value)}" for name, value in figures.items() if not name.endswith("_plan"))
        say(f"{number} {', '.join(shown)}")


class Progress:
    """Says what is being measured and how long it will all take, going by how the estimates have held so far."""

    def __init__(self, waiting: list[Measure]):
        self.waiting, self.total, self.started, self.estimated = waiting, len(waiting), time.monotonic(), 0.0

    def begin(self, measure: Measure) -> str:
        """Say that this measure begins; return by what its figures are known."""
        number = self.total - len(self.waiting) + 1
        left = sum(waiting.seconds for waiting in self.waiting)
        if self.estimated:
            left *= (time.monotonic() - self.started) / self.estimated
        mark = f"[{number}/{self.total}]"
        say(f"{mark} {measure.title}; all done in about {duration(left)}")
        self.waiting = self.waiting[1:]
        self.estimated += measure.seconds
        return mark


def duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds > 90 else f"{seconds:.0f} seconds"


def say(words: str) -> None:
    print(words, flush=True, file=sys.stderr)
