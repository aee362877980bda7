"""Fixtures of the whole project."""

import os

import pytest

from textengine.tests.processes import Processes
from textengine.tests.sandbox_process import SandboxProcess

# The first parts of the sandbox's webhook URL are never called by tests that text nobody.
NO_WEBHOOK = "http://127.0.0.1:9/twilio/inbound/"


@pytest.fixture(scope="session")
def sandbox_of_session():
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
def processes(transactional_db, tmp_path):
    """Web, worker and sandbox as real processes on this test's database."""
    with Processes(media_root=tmp_path) as processes:
        yield processes


@pytest.fixture(autouse=True)
def media_root(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
