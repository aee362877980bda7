"""The project's settings for processes of tests, of which something may be otherwise than on a good machine.

PICTURES_PORT is where a test serves pictures, to which links may lead. READ_ONLY lets SQLite write nothing. CLOCK is a
file that says by how many seconds the clock is ahead. It is Django's clock, which all of the engine and its queue ask:
libfaketime 0.9.10, which would put any program's clock forward, breaks time.sleep() in Python 3.11 unless
time.monotonic() jumps as well, which no real clock lets it do.
"""

import os
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from textengine.settings import *  # noqa: F403

if os.environ["PICTURES_PORT"]:
    LINKS_MAY_ALSO_REACH = frozenset({("127.0.0.1", int(os.environ["PICTURES_PORT"]))})
if os.environ["READ_ONLY"]:
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA query_only = 1;"  # noqa: F405
if os.environ["CLOCK"]:
    true_now = timezone.now
    timezone.now = lambda: true_now() + timedelta(seconds=float(Path(os.environ["CLOCK"]).read_text()))
