"""Fixtures of the whole project."""

import asyncio
import os
from functools import cache
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client
from pytest_django.plugin import blocking_manager_key

from subscribers import metrics
from subscribers.tests.newsroom import mail_taken
from subscribers.tests.scraped import TOKEN, Scrape
from textengine import carrier, logs
from textengine.tests.backends import RUN
from textengine.tests.chromium import launched
from textengine.tests.databases import made_empty
from textengine.tests.processes import Processes, url_of_database
from textengine.tests.sandbox_process import SandboxProcess

# Playwright runs an event loop of its own in the test's thread, where Django would refuse to touch the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
# The stages in which tests run in each process, by what they leave of the database.
ORDINARY, WHOLE_WAY, TRANSACTIONAL, WITHOUT_DATABASE = range(4)
EMPTIED = pytest.StashKey[bool]()
DATABASE_FIXTURES = {"db", "transactional_db", "live_server"}
EMPTYING_FIXTURES = {"transactional_db", "live_server"}
# When a phone of this sandbox texts us, nobody hears it.
NO_WEBHOOK = "http://127.0.0.1:9/twilio/inbound/"


def pytest_configure(config):
    """Let the processes of this run, where there are several, know each other."""
    if config.getoption("numprocesses", None):
        os.environ[RUN] = f"textengine_tests_{uuid4().hex}"


def pytest_unconfigure(config):
    if config.getoption("numprocesses", None):
        with config.stash[blocking_manager_key].unblock():
            connection.creation.drop_migrated()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config, items):
    """Mark what runs once, however many databases there are: tests that touch none, or look at pages. Deal all out."""
    for item in items:
        if "browser" in item.fixturenames:
            item.add_marker(pytest.mark.screens)
        if not (item.get_closest_marker("django_db") or DATABASE_FIXTURES & set(item.fixturenames)):
            item.add_marker(pytest.mark.no_database)
    yield
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    items[:] = dealt_out(items, workers) if workers > 1 else items


def dealt_out(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Return the tests as each worker in turn is to have them, who each begin with an equal share of the list.

    What waits longest comes before what looks at pages, and that before the quick tests without a database, so that at
    the end nobody waits for one long test. What empties the database comes after what counts on migrations' rows.
    """
    stages = [[], [], [], []]
    for item in items:
        stages[stage(item)].append(item)
    *with_database, without = stages
    share = -(-len(without) // workers)
    return [
        item
        for worker in range(workers)
        # Those without a database share fixtures of their modules, and stay together.
        for part in (
            *(tests[worker::workers] for tests in with_database),
            without[worker * share : (worker + 1) * share],
        )
        for item in part
    ]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Put back what migrations made, where a test before this one emptied the tables of this process.

    The order of the tests avoids it, but a process that has nothing left to do takes tests over from another.
    """
    if stage(item) == ORDINARY and item.config.stash.get(EMPTIED, False):
        with item.config.stash[blocking_manager_key].unblock():
            # Numbers go on where they are: the rows that are put back have theirs.
            call_command("flush", interactive=False, inhibit_post_migrate=True, verbosity=0, reset_sequences=False)
            connection.creation.deserialize_db_from_string(connection._test_serialized_contents)
        item.config.stash[EMPTIED] = False


def pytest_runtest_call(item):
    """Remember what empties the tables once it has its database: one that is skipped may come before there is any."""
    if stage(item) in (WHOLE_WAY, TRANSACTIONAL):
        item.config.stash[EMPTIED] = True


def stage(item: pytest.Item) -> int:
    if item.get_closest_marker("no_database"):
        return WITHOUT_DATABASE
    if "processes" in item.fixturenames:
        return WHOLE_WAY
    marker = item.get_closest_marker("django_db")
    emptied = EMPTYING_FIXTURES & set(item.fixturenames) or (marker and marker.kwargs.get("transaction"))
    return TRANSACTIONAL if emptied else ORDINARY


@pytest.fixture(scope="session")
def sandbox_of_session():
    # As a cluster does: while the first request waits for it on a busy machine, it may become too late to send.
    carrier.preload()
    with SandboxProcess(NO_WEBHOOK, "sandbox-auth-token", delivery_delay=0.01) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(sandbox_of_session, settings):
    """A real sandbox carrier over HTTP, to which this test's process sends; it has no faults to begin with."""
    settings.TWILIO_API_URL = sandbox_of_session.url
    sandbox_of_session.faults({})
    yield sandbox_of_session
    sandbox_of_session.faults({})


@pytest.fixture
def fresh_client(monkeypatch):
    """Have the carrier's client made of this test's settings, as a worker that starts anew makes it."""
    make, made = carrier.client.__wrapped__, []

    @cache
    def client(api_url: str):
        made.append(make(api_url))
        return made[-1]

    monkeypatch.setattr(carrier, "client", client)
    yield
    carrier.gather(each.http_client.session.close() for each in made)


@pytest.fixture
def mailbox(settings):
    """The newsroom's mail, taken by a real mail server."""
    with mail_taken(settings) as mailbox:
        yield mailbox


@pytest.fixture
def processes(transactional_db, django_db_serialized_rollback, tmp_path):
    """Web, worker and sandbox as real processes on this test's database, which is as migrations leave it."""
    with Processes(media_root=tmp_path) as processes:
        yield processes
        if logs.NUMBER.search(processes.logged()):
            pytest.fail("There is a whole number in the log.")


@pytest.fixture
def scrape(settings):
    """Read /metrics, in which this test alone has been counted."""
    settings.METRICS_TOKEN = TOKEN
    metrics.flushing.begin(dict(metrics.samples()))
    yield lambda: Scrape(Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text)
    if metrics.flushing.timer:
        metrics.flushing.timer.cancel()
    metrics.flushing.begin({})


@pytest.fixture
def copy_url(tmp_path):
    """The address of an empty database of the kind of this test's own, which has to be there."""
    with made_empty(tmp_path) as name:
        yield url_of_database(name)


@pytest.fixture(autouse=True)
def media_root(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(scope="session")
def chromium():
    """One Chromium for all tests of this process, and Playwright's event loop, which runs only where it is wanted."""
    with launched() as browser:
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        yield browser, loop
        asyncio._set_running_loop(loop)


@pytest.fixture
def browser(chromium):
    """Chromium for one test: while its event loop is there, Django's connections are others than before and after."""
    browser, loop = chromium
    asyncio._set_running_loop(loop)
    yield browser
    for context in browser.contexts:
        context.close()
    connections.close_all()
    asyncio._set_running_loop(None)
