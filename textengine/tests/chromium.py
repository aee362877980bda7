"""Debian's Chromium for tests that look at pages as a person does."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The shell without windows draws the same pages at half the cost.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# A page waits for its turn while the whole suite keeps the machine busy; what is there at once costs nothing of it.
TIMEOUT_MILLISECONDS = 30_000


def chromium_path() -> str:
    """Return where Chromium is; skip the test where it is not, and fail it in CI."""
    for path in filter(None, map(shutil.which, NAMES)):
        return path
    reason = "Chromium was not found (on Debian: apt install chromium-headless-shell)."
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def launched():
    """Chromium, running with a fresh profile."""
    path = chromium_path()
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=TIMEOUT_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def new_page(browser, width: int = 1280, height: int = 900, lacking: str = "", **options) -> Iterator:
    """A page in a fresh profile; nothing may have gone wrong on it: no error, no refused script or style.

    What is at the path `lacking` may be lacking.
    """
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(TIMEOUT_MILLISECONDS)
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if is_problem(message, lacking) else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    try:
        yield page
    finally:
        context.close()
    assert problems == []


def share_login(page, client, address: str) -> None:
    """Let this page be logged in at the server's address as Django's test client is."""
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": address}])


def is_problem(message, lacking: str) -> bool:
    is_lacking = "404" in message.text and urlsplit(message.location["url"]).path == lacking
    return message.type == "error" and not is_lacking
