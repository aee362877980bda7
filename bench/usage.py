"""What processes cost, as the kernel counts it: the time they had, the memory that is theirs."""

import contextlib
import os
from collections import defaultdict
from pathlib import Path

from textengine.tests.processes import parents

TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """Return this process and all below it."""
    below = defaultdict(list)
    for child, parent in parents():
        below[parent].append(child)
    found = [pid]
    for process in found:
        found += below[process]
    return found


def cpu_seconds(pid: int) -> float:
    """Return the seconds of CPU that this process and all below it have had, those that have ended included."""
    ticks = 0
    for process in tree(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # The name, in parentheses, may contain anything; utime, stime, and both of the children waited for.
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / TICKS


def proportional_megabytes(pid: int) -> float:
    """Return the memory of this process and all below it; what several share counts once."""
    kilobytes = 0
    for process in tree(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    kilobytes += int(line.split()[1])
    return kilobytes / 1024
