"""What pages name as code: settings, files and addresses of this project, which all have to be there."""

import re
from collections.abc import Iterator

from django.urls import Resolver404, resolve

from docs.settings_page import sections

from .pages import PAGES, ROOT, name_of, tokens

SETTINGS = {name for found in sections().values() for block in found for name in block.names}
# What no process of ours reads itself, but tests, the benchmark and Sentry's client.
OTHERS = {
    "CI",
    "ARGS",
    "CHAOS_READERS",
    "CHAOS_SECONDS",
    "CHAOS_SEED",
    "FIRST_DELAY_SECONDS",
    "SENTRY_ENVIRONMENT",
    "SENTRY_RELEASE",
}
SETTING = re.compile(r"^([A-Z]+(?:_[A-Z]+)+)(?:=.*)?$", re.MULTILINE)
FOLDERS = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "_")))
# With a folder of ours before it; what is only made is not there before.
FILE = re.compile(rf"^(?:{FOLDERS})/[\w./-]*$")
MADE = "docs/_build"
ADDRESS = re.compile(r"^/[a-z][\w/.-]*$")
# Addresses of the sandbox, and folders of an operator's machine.
NOT_OURS = re.compile(r"^/(phones|faults|data|etc|home|opt|run|srv|tmp|usr|var)\b")


def named() -> Iterator[tuple[str, str]]:
    """Yield the name of a page and what stands as code in it, for all."""
    for page in PAGES:
        yield from ((name_of(page), token.content) for token in tokens(page) if token.type == "code_inline")


def test_settings_that_pages_name_are_read():
    blocks = [
        (name_of(page), token.content)
        for page in PAGES
        for token in tokens(page)
        if token.type == "fence" and token.info == "ini"
    ]
    found = {(page, name) for page, words in [*named(), *blocks] for name in SETTING.findall(words)}
    assert len(found) > 50
    assert {(page, name) for page, name in found if name not in SETTINGS | OTHERS} == set()


def test_files_that_pages_name_are_there():
    found = {(page, words) for page, words in named() if FILE.match(words) and not words.startswith(MADE)}
    assert len(found) > 20
    assert {(page, name) for page, name in found if not (ROOT / name).exists()} == set()


def test_addresses_that_pages_name_are_answered():
    found = {(page, words) for page, words in named() if ADDRESS.match(words) and not NOT_OURS.match(words)}
    assert {"/healthz", "/readyz", "/kept/"} <= {address for _, address in found}
    assert {(page, address) for page, address in found if not is_answered(address)} == set()


def is_answered(address: str) -> bool:
    try:
        # The admin takes every address below its own, to answer that it is not there.
        return resolve(address).url_name is not None
    except Resolver404:
        return False
