"""The project's settings for processes of tests in which links lead to a server of pictures on this machine."""

import os

from textengine.settings import *  # noqa: F403

LINKS_MAY_ALSO_REACH = frozenset({("127.0.0.1", int(os.environ["PICTURES_PORT"]))})
