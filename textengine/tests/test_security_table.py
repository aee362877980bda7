"""docs/security.md: each row of what is tried names the tests that hold it, and they are there."""

import ast
import re

import pytest

from .test_start import ROOT

TEXT = (ROOT / "docs" / "security.md").read_text()
TABLE = TEXT.partition("## What is tried, and what holds")[2].partition("\n## ")[0]
ROWS = [line for line in TABLE.splitlines() if line.startswith("|")][2:]
# A test is named by its words, which lead to its file.
TEST = re.compile(r"\[([a-z0-9 ]+)\]\(\.\./([a-z_/]+\.py)\)")


@pytest.mark.parametrize("row", ROWS, ids=[row.split("|")[1].strip()[:60] for row in ROWS])
def test_each_row_names_its_tests(row):
    _, tried, held, tests, _ = row.split("|")
    assert tried.strip()
    assert held.strip()
    assert all(TEST.fullmatch(test.strip()) for test in tests.split(";"))


def test_each_test_that_is_named_exists():
    named = [(name, f"test_{words.replace(' ', '_')}") for words, name in TEST.findall(TABLE)]
    assert len(named) > 60
    files = {name: ast.parse((ROOT / name).read_text()) for name, _ in named}
    there = {(name, node.name) for name, tree in files.items() for node in tree.body if hasattr(node, "name")}
    assert set(named) <= there, set(named) - there


def test_the_table_has_each_thing_that_an_installation_is_asked_about():
    for word in (
        "signature",
        "SHA-256",
        "token is replaced",
        "policy",
        "HSTS",
        "cookies",
        "frame",
        "ALLOWED_HOSTS",
        "password",
        "second factor",
        "role",
        "upload",
        "redirect",
        "DNS rebinding",
        "CSV injection",
        "stored XSS",
        "file's name",
        "who reads",
        "DAILY_SEGMENTS",
        "STORIES_PER_DAY",
        "ENROLLMENTS_PER_MINUTE",
        "logs",
        "known hole",
    ):
        assert word in TABLE, word
