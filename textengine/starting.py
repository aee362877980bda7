"""What processes do before they start: look whether their settings, and the worker its database, can be used."""

import sys

import django
from django.core.checks import run_checks
from django.db import DatabaseError
from django.template.defaultfilters import pluralize


def prepare() -> None:
    """Set Django up and make its checks: their errors end the process, each a sentence; their warnings are printed."""
    django.setup()
    found = run_checks()
    if errors := [f"Text-Engine cannot start: {message.msg}" for message in found if message.is_serious()]:
        sys.exit("\n".join(errors))
    for message in found:
        print(f"Warning: {message.msg}", file=sys.stderr)  # noqa: T201


def look_at_tables() -> None:
    """End the process with a sentence where the database does not answer, or lacks tables of this version."""
    from .database import in_words, unapplied

    try:
        lacking = len(unapplied())
    except DatabaseError as error:
        sys.exit(f"Text-Engine cannot start: the database of DATABASE_URL cannot be used ({in_words(error)}).")
    if lacking:
        sys.exit(
            f"Text-Engine cannot start: the database of DATABASE_URL lacks {lacking} migration{pluralize(lacking)} of "
            "this version; run manage.py migrate."
        )
