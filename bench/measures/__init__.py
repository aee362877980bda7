"""What is measured. A measure is a function that runs once and returns its figures by name."""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.databases import Server

Figures = dict[str, float | str]


@dataclass(frozen=True)
class Sizes:
    """How much is sent, for how long."""

    bursts: tuple[int, ...]
    seconds: float  # of a measure that sends or rests for a time
    sleepers: dict[str, tuple[int, ...]]  # by the database
    posts: int  # of webhooks
    eta_tasks: int  # asleep, where memory is measured
    loop_texts: int  # of senders that take one at a time
    pools: int  # of Celery, that are tried
    latency: float = 0.15
    requests_in_flight: int = 256


SLEEPERS = {"sqlite": (0, 1_000_000), "postgresql": (0, 1_000_000, 10_000_000)}
SMALL_SLEEPERS = {"sqlite": (0,), "postgresql": (1000,)}


def sizes_of(options: Namespace) -> Sizes:
    """Return the sizes that the command line asks for."""
    if options.small:
        return Sizes(
            bursts=(200,), seconds=2, sleepers=SMALL_SLEEPERS, posts=150, eta_tasks=500, loop_texts=10, pools=1
        )
    chosen = options.sleepers
    return Sizes(
        bursts=options.sizes,
        seconds=options.seconds,
        sleepers={name: chosen if chosen is not None else sizes for name, sizes in SLEEPERS.items()},
        posts=6000,
        eta_tasks=100_000,
        loop_texts=100,
        pools=10,
    )


@dataclass(frozen=True)
class Measure:
    """One thing to be measured.

    `about` tells it from others of its group and subject (how many texts, how many sleepers); `seconds` is how long
    one run takes, about.
    """

    group: str
    subject: str
    run: Callable[[], Figures]
    seconds: float
    database: str = ""
    about: dict[str, float | str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        where = f" on {self.database}" if self.database else ""
        about = "".join(
            f", {name} {value:,}" if isinstance(value, int | float) else f", {value}"
            for name, value in self.about.items()
        )
        return f"{self.group}: {self.subject}{where}{about}"


@dataclass(frozen=True)
class Bench:
    """What every measure is made from."""

    sizes: Sizes
    servers: dict[str, Server]
    folder: Path
