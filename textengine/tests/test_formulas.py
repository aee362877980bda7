"""What a spreadsheet would compute is behind an apostrophe, wherever it may begin a cell, and is read as it was."""

import csv
import io
from itertools import product

import pytest

from textengine.formulas import guarded, unguarded

FIRST = "=+-@＝＋－＠"
PARTS = ["=1", "-", "@", "'", '"', " ", ";", "\t", "\n", "\r", "a", ","]


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        (' "=1+1"', '\' "=1+1"'),
        ("Hello;=cmd|'/C calc'!A0", "Hello;'=cmd|'/C calc'!A0"),
        ("well\n@SUM(A1)\nbye", "well\n'@SUM(A1)\nbye"),
        ("well\t－1", "well\t'－1"),
        ("\tone", "'\tone"),
        ("'=1", "''=1"),
        ("3 - 2 = 1; that's all", "3 - 2 = 1; that's all"),
        ("", ""),
    ],
)
def test_a_formula_is_behind_an_apostrophe_and_nothing_else_is_touched(cell, written):
    assert guarded(cell) == written


def test_whatever_is_guarded_is_read_as_it_was_and_begins_no_cell_as_a_formula():
    for parts in product(PARTS, repeat=4):
        cell = "".join(parts)
        assert unguarded(guarded(cell)) == cell
        for delimiter in ";\t":
            shown = csv.reader(
                io.StringIO(f"before,{guarded(cell)}", newline=""), delimiter=delimiter, quoting=csv.QUOTE_NONE
            )
            later = [each for number, row in enumerate(shown) for each in (row if number else row[1:])]
            assert not [each for each in later if each.strip(' "')[:1] in tuple(FIRST)], ascii(cell)
