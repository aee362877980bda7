"""What is to be reached, as ratios of figures that were measured in one run."""

from collections.abc import Iterator
from dataclasses import dataclass

# Texts a second in a burst, with everything written down.
RATES = {"sqlite": 1000, "postgresql": 900}
WITHIN = 1.15


@dataclass(frozen=True)
class Target:
    """A figure that is to be at least or at most what is wanted."""

    what: str
    database: str
    reached: float
    wanted: float
    at_least: bool

    @property
    def met(self) -> bool:
        return self.reached >= self.wanted if self.at_least else self.reached <= self.wanted


class Results:
    """Finds the medians of a kept run."""

    def __init__(self, kept: dict):
        self.kept = kept

    def all(self, group: str, subject: str, database: str = "") -> list[dict]:
        """Return the results of these that have figures, each with what tells it from the others."""
        wanted = (group, subject, database)
        return [
            result
            for result in self.kept["results"]
            if (result["group"], result["subject"], result["database"]) == wanted and result["median"]
        ]

    def find(self, group: str, subject: str, database: str = "", **about) -> dict[str, float]:
        """Return the medians of the first result that fits; none, where it was not measured."""
        for result in self.all(group, subject, database):
            if about.items() <= result["about"].items():
                return result["median"]
        return {}

    def ceiling(self) -> float:
        """Return the raw client's best rate, over the ways to split its connections."""
        rates = [result["median"]["texts_a_second"] for result in self.all("ceiling", "raw client")]
        return max(rates, default=0)


def targets(kept: dict) -> list[Target]:
    """Return every target that can be judged by what was measured."""
    results, found = Results(kept), []
    for database in RATES:
        for part in (burst, lateness, sleepers, idle, webhooks, memory):
            found += [Target(what, database, *judged) for what, *judged in part(results, database)]
    return found


Judged = Iterator[tuple[str, float, float, bool]]


def burst(results: Results, database: str) -> Judged:
    loop = results.find("burst", "loop of 2018")
    for result in results.all("burst", "engine", database):
        if result["about"]["sleepers"]:
            continue
        texts, engine = result["about"]["texts"], result["median"]
        rate, what = engine["texts_a_second"], f"burst of {texts:,}"
        celery = results.find("burst", "celery", database)
        yield f"{what}: texts a second", rate, RATES[database], True
        if results.ceiling():
            yield f"{what}: of the raw client's rate", rate / results.ceiling(), 0.7, True
        if celery:
            yield f"{what}: times Celery's rate", rate / celery["texts_a_second"], 2, True
            yield f"{what}: of Celery's CPU a text", cpu_a_text(engine) / cpu_a_text(celery), 1 / 3, False
        if loop:
            yield f"{what}: times the rate of 2018", rate / loop["texts_a_second"], 150, True


def cpu_a_text(figures: dict[str, float]) -> float:
    """Return the milliseconds of CPU that a text costs the sender and its database or broker."""
    return figures["sender_cpu_ms_a_text"] + figures.get("store_cpu_ms_a_text", 0)


def lateness(results: Results, database: str) -> Judged:
    slow = results.find("lateness", "engine", database, rate=50, sleepers=0)
    fast = results.find("lateness", "engine", database, rate=225, sleepers=0)
    celery = results.find("lateness", "bare celery", rate=50)
    if slow:
        if celery:
            yield "50 a second: median lateness, of Celery's", slow["median_ms"] / celery["median_ms"], 1, False
        yield "50 a second: 99th percentile, ms late", slow["p99_ms"], 25, False
    if fast:
        yield "225 a second with callbacks: 99th percentile, ms late", fast["p99_ms"], 250, False


def sleepers(results: Results, database: str) -> Judged:
    """Compare what was measured among sleeping messages with the same among none."""
    for group, figure, more_is_better in COMPARED:
        for result in results.all(group, "engine", database):
            about = result["about"]
            alone = results.find(group, "engine", database, **about | {"sleepers": 0})
            if about["sleepers"] and alone:
                size = "".join(f" {about[name]:,}" for name in ("texts", "rate") if name in about)
                what = f"{about['sleepers']:,} asleep: {group}{size}, {figure}, of that with none"
                wanted = 1 / WITHIN if more_is_better else WITHIN
                yield what, result["median"][figure] / max(alone[figure], 1e-9), wanted, more_is_better


COMPARED = (
    ("burst", "texts_a_second", True),
    ("lateness", "median_ms", False),
    ("lateness", "p99_ms", False),
    ("idle", "cpu_percent", False),
    ("plans", "look_us", False),
)


def idle(results: Results, database: str) -> Judged:
    if figures := results.find("idle", "engine", database):
        yield "idle: percent of one CPU", figures["cpu_percent"], 1.5, False
        yield "idle: megabytes", figures["megabytes"], 120, False


def webhooks(results: Results, database: str) -> Judged:
    view = results.find("webhooks", "view of 2018")
    for result in results.all("webhooks", "engine", database):
        what, figures = result["about"]["kind"], result["median"]
        yield f"{what}: posts a second", figures["posts_a_second"], 700, True
        yield f"{what}: 99th percentile, ms", figures["p99_ms"], 60, False
        yield f"{what}: failures and lock errors", figures["failures"] + figures["locked"], 0, False
        if view:
            ratio = figures["posts_a_second"] / view["posts_a_second"]
            yield f"{what}: times the rate of the view of 2018", ratio, 1.5, True


def memory(results: Results, database: str) -> Judged:
    engine, celery = results.find("memory", "engine", database), results.find("memory", "bare celery")
    if engine and celery:
        grown = max(engine["growth_megabytes"], 0) / celery["growth_megabytes"]
        yield "memory of what sleeps, of Celery's", grown, 1 / 8, False
