"""Text-Engine's settings with django-q2's own ORM broker: one task a text, as its documentation has it."""

from textengine.settings import *  # noqa: F403
from textengine.settings import Q_CLUSTER

Q_CLUSTER = {name: value for name, value in Q_CLUSTER.items() if name != "broker_class"} | {
    # Each worker sends one text at a time, so there are as many as help.
    "workers": 32,
    "queue_limit": 64,
    "bulk": 32,
    "poll": 0.05,
}
