"""How much a test tries: a little in `make test`, much in `make test-slow`, which sets TEST_SIZE."""

import os
from typing import TypeVar

VARIABLE, MANY = "TEST_SIZE", "many"
Size = TypeVar("Size")


def is_many() -> bool:
    return os.environ.get(VARIABLE) == MANY


def size(quick: Size, many: Size) -> Size:
    """Return how much a test with the marker `grows` tries in this run."""
    return many if is_many() else quick
