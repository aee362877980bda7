"""Cells of CSV files that no spreadsheet takes for a formula, and that read as they were."""

import re

# What makes a spreadsheet take a text for a formula where it stands first (OWASP, "CSV Injection"), also as East Asian
# keyboards write it. Where commas are decimal, a spreadsheet begins a cell at each semicolon, too, and a row at each
# new line, since quotes do not stand first there; many begin one at each tab. An apostrophe of its own counts with what
# follows it, or nobody could tell it from ours.
BLANK = r"^{}(?='*[\t\r\n])"
FORMULA = r"""(?:^|(?<=[;\t\r\n])){}(?=[ "']*[=+\-@＝＋－＠])"""
BEFORE = re.compile("|".join(each.format("") for each in (BLANK, FORMULA)))
GUARD = re.compile("|".join(each.format("'") for each in (BLANK, FORMULA)))


def guarded(cell: str) -> str:
    """Return a cell so that no program takes any part of it for a formula: with an apostrophe before each."""
    return BEFORE.sub("'", cell)


def unguarded(cell: str) -> str:
    """Return what a guarded cell says."""
    return GUARD.sub("", cell)
