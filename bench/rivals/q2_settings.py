"""Text-Engine's settings with django-q2's own ORM broker: one task a text, as its documentation has it."""

import os

from textengine.settings import *  # noqa: F403
from textengine.settings import Q_CLUSTER

WORKERS = int(os.environ["TASK_WORKERS"])

Q_CLUSTER = {name: value for name, value in Q_CLUSTER.items() if name != "broker_class"} | {
    # Each worker sends one text at a time.
    "workers": WORKERS,
    "queue_limit": 2 * WORKERS,
    "bulk": WORKERS,
    "poll": 0.05,
}
