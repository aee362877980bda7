"""What came of one sending, whoever sent, by the carrier's own record."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field

from .usage import TICKS

Costs = dict[str, float]


@dataclass
class Sending:
    """Texts that were due at their moments, in seconds of the epoch, by the number that each went to.

    `costs` are seconds of CPU, by whose they were.
    """

    due: dict[str, float]
    arrivals: list[tuple[float, str]]
    costs: Costs = field(default_factory=dict)

    def __post_init__(self):
        numbers = [to for _, to in self.arrivals]
        if len(numbers) != len(self.due) or set(numbers) != self.due.keys():
            doubled, lost = len(numbers) - len(set(numbers)), len(self.due.keys() - set(numbers))
            strange = sorted(set(numbers) - self.due.keys())
            raise RuntimeError(
                f"Of {len(self.due):,} texts {doubled:,} came twice and {lost:,} did not come; "
                f"{len(strange):,} were for others, such as {strange[:3]}."
            )

    def burst(self) -> dict[str, float]:
        """Return the figures of texts that were all due at once."""
        start = min(self.due.values())
        return {
            "texts_a_second": len(self.due) / (self.arrivals[-1][0] - start),
            "first_ms": (self.arrivals[0][0] - start) * 1000,
        } | self.costs_a_text()

    def lateness(self) -> dict[str, float]:
        """Return the figures of texts that were due one after another; one that came early counts as that late."""
        late = sorted(abs(arrived - self.due[to]) * 1000 for arrived, to in self.arrivals)
        early = min(arrived - self.due[to] for arrived, to in self.arrivals)
        return {
            "median_ms": late[len(late) // 2],
            "p99_ms": percentile(late, 99),
            "worst_ms": late[-1],
            "early_ms": max(0.0, -early * 1000),
        } | self.costs_a_text()

    def costs_a_text(self) -> dict[str, float]:
        return {f"{who}_cpu_ms_a_text": seconds / len(self.due) * 1000 for who, seconds in self.costs.items()}


def percentile(values: list[float], percent: int) -> float:
    """Return the value below which so many percent of these lie; they are in rising order."""
    return values[min(len(values) - 1, len(values) * percent // 100)]


@contextmanager
def costs(**meters: Callable[[], float]):
    """Fill a dict with what each meter has gone up by when the block ends: one tick of the kernel's clock at least."""
    before = {who: meter() for who, meter in meters.items()}
    spent: Costs = {}
    yield spent
    spent.update({who: max(meter() - before[who], 1 / TICKS) for who, meter in meters.items()})
