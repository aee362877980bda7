"""What every process does before it starts: look whether its settings can be used."""

import sys

import django
from django.core.checks import run_checks


def prepare() -> None:
    """Set Django up and make its checks: their errors end the process, each a sentence; their warnings are printed."""
    django.setup()
    found = run_checks()
    if errors := [f"Text-Engine cannot start: {message.msg}" for message in found if message.is_serious()]:
        sys.exit("\n".join(errors))
    for message in found:
        print(f"Warning: {message.msg}", file=sys.stderr)  # noqa: T201
