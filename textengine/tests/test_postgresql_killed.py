"""PostgreSQL is killed while texts are being sent. It has a server of its own, so that no other test notices."""

import os
import subprocess
import sys
import time

import pytest

from .databases import is_sqlite
from .postgresql_server import PostgresqlServer
from .processes import ROOT, Processes, wait_until
from .readers import assert_each_got, explained, phones, text_in

# It needs the suite's own database no more than the other run of the suite does.
pytestmark = pytest.mark.skipif(is_sqlite(), reason="It runs once, with the suite on PostgreSQL.")
READERS = 20
LONG_OUTAGE_SECONDS = 17
TEXTS = [f"Text {number}" for number in range(1, 5)]
MAKE_STORY = "from stories.tests.factory import make_story; make_story([(text, 1) for text in {}], keyword='river')"
UNREAD = "SELECT count(*) FROM subscribers_enrollment WHERE status <> 'completed'"


def manage(server: PostgresqlServer, *arguments: str) -> None:
    environment = os.environ | {"DATABASE_URL": server.url, "DJANGO_SETTINGS_MODULE": "textengine.tests.settings"}
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=True)


@pytest.mark.slow
def test_postgresql_killed_while_texts_are_sent_loses_and_doubles_nothing(tmp_path):
    readers = phones(READERS)
    with PostgresqlServer() as server:
        manage(server, "migrate", "--verbosity", "0")
        manage(server, "shell", "--command", MAKE_STORY.format(TEXTS))
        with Processes(tmp_path, database_url=server.url) as processes, explained(processes):
            text_in(processes.sandbox, readers)
            # The carrier has accepted what the engine does not know yet, and says so late. Each reader has texted once.
            processes.sandbox.faults({"latency": 1, "callback-late": 120})
            # The engine waits for a database that is away for a moment; of what it sent before a longer outage it knows
            # nothing afterwards.
            for texts, seconds_away in ((1, 1), (2, LONG_OUTAGE_SECONDS)):
                wait_until(lambda texts=texts: processes.sandbox.count() >= READERS * (texts + 1) - READERS // 2, 90)
                server.kill()
                time.sleep(seconds_away)
                server.start()
            wait_until(lambda: server.count(UNREAD) == 0, 120, lambda: f"{server.count(UNREAD)} unread", pause=0.1)
            assert processes.stop("worker") == 0
            assert_each_got(processes.sandbox, readers, TEXTS)
