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

    sleepers: dict[str, tuple[int, ...]]  # by the database
    bursts: tuple[int, ...] = (2000, 20_000)
    # Texts a second: a busy newsroom, and what one campaign of registered US numbers may send at most.
    rates: tuple[int, ...] = (50, 225)
    # Of what lasts: texts at a steady rate, rest.
    seconds: float = 15
    requests_in_flight: int = 256
    latency: float = 0.15
    # Seconds between the last row of a sending and its first text, beside what the rows take.
    lead: float = 1.5
    # Into how many processes the raw client's requests in flight are split.
    splits: tuple[int, ...] = (2, 4, 8)
    # How many of Celery's pools are tried.
    pools: int = 10
    posts: int = 6000
    eta_tasks: int = 100_000
    task_a_text_texts: int = 500
    loop_texts: int = 100


SUBJECTS = ("engine", "raw client", "carrier", "celery", "bare celery", "a task a text")
SUBJECTS += ("loop of 2018", "view of 2018")
SLEEPERS = {"sqlite": (0, 1_000_000), "postgresql": (0, 1_000_000, 10_000_000)}
SMALL = Sizes(
    sleepers={"sqlite": (0,), "postgresql": (1000,)},
    bursts=(100,),
    rates=(225,),
    seconds=1,
    requests_in_flight=16,
    lead=4,
    splits=(2,),
    pools=1,
    posts=100,
    eta_tasks=500,
    task_a_text_texts=50,
    loop_texts=5,
)


def sizes_of(options: Namespace) -> Sizes:
    """Return the sizes that the command line asks for."""
    if options.small:
        return SMALL
    sleepers = {name: options.sleepers or sizes for name, sizes in SLEEPERS.items()}
    return Sizes(sleepers, options.sizes, seconds=options.seconds)


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
