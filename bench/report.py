"""Keeps what was measured, and prints it as tables: every figure, then the ratios beside what is wanted."""

import json
from dataclasses import asdict
from pathlib import Path

from .targets import Target, targets

TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "": ""}


def keep(kept: dict, folder: Path, name: str) -> Path:
    """Write the results down as `folder/name.json`, with how they stand to the targets."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    judged = [asdict(target) | {"met": target.met} for target in targets(kept)]
    file.write_text(json.dumps(kept | {"targets": judged}, indent=1) + "\n")
    return file


def renewed(earlier: dict, kept: dict) -> dict:
    """Return an earlier run in which these groups of measures take the place of its own, each with when and of what.

    The ratios of a group hold, since those beside whom it is measured were measured again with it.
    """
    groups = {result["group"] for result in kept["results"]}
    others = [result for result in earlier["results"] if result["group"] not in groups]
    about = {"date": kept["date"], "commit": kept["machine"]["commit"], "runs": kept["runs"]}
    later = earlier.get("measured_again", {}) | dict.fromkeys(sorted(groups), about)
    return earlier | {"results": others + kept["results"], "measured_again": later}


def tables(kept: dict, with_targets: bool) -> str:
    """Return everything as text; the targets say nothing of a run that only checks that everything works."""
    machine = "\n".join(f"{name:14} {value}" for name, value in kept["machine"].items())
    wanted = [judged(targets(kept))] if with_targets else []
    return "\n\n".join([machine, *groups(kept), *plans(kept), *wanted, *errors(kept)])


def groups(kept: dict) -> list[str]:
    """Return a table for each group of measures."""
    return [
        table([group, "database", "of what", *figures], rows)
        for group in dict.fromkeys(result["group"] for result in kept["results"])
        for figures, rows in [rows_of([result for result in kept["results"] if result["group"] == group])]
    ]


def rows_of(results: list[dict]) -> tuple[list[str], list[list[str]]]:
    """Return the names of all figures of these results, and a row of cells for each result."""
    named = [name for result in results for name, value in result["median"].items() if "\n" not in str(value)]
    names = [name for name in dict.fromkeys(named) if not name.endswith("_plan")]
    rows = []
    for result in results:
        about = described(result["about"])
        cells = [cell(result["median"].get(name, "")) for name in names]
        rows.append([result["subject"], TITLES[result["database"]], about, *cells])
    return [name.replace("_", " ") for name in names], rows


def described(about: dict[str, float | str]) -> str:
    return ", ".join(value if isinstance(value, str) else f"{cell(value)} {name}" for name, value in about.items())


def judged(found: list[Target]) -> str:
    rows = [
        [
            target.what,
            TITLES[target.database],
            cell(target.reached),
            f"{'at least' if target.at_least else 'at most'} {cell(target.wanted)}",
            "met" if target.met else "NOT MET",
        ]
        for target in found
    ]
    return table(["what is wanted", "database", "reached", "wanted", ""], rows)


def plans(kept: dict) -> list[str]:
    return [
        f"{TITLES[result['database']]}, {result['about']['sleepers']:,} asleep, {name}:\n{value}"
        for result in kept["results"]
        for name, value in result["median"].items()
        if name.endswith("_plan")
    ]


def errors(kept: dict) -> list[str]:
    return [
        f"FAILED {result['group']}, {result['subject']}, {described(result['about'])}: {error}"
        for result in kept["results"]
        for error in result["errors"]
    ]


def cell(value: float | str) -> str:
    """Return a figure with as many digits as say something."""
    if isinstance(value, str):
        return value
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
