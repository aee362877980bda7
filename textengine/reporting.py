"""Errors of ours, told to Sentry where SENTRY_DSN says so: what went wrong in which line of ours, and of nobody.

What is logged as an error is told, and nothing else: no request, no values of variables, no earlier lines, no speed.
"""

import logging
from typing import Any

import sentry_sdk
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.logging import LoggingIntegration

from . import traces
from .logs import is_theirs, scrubbed

# What leaves of an event; all other things that the library knows of stay here.
TOLD = ("event_id", "timestamp", "platform", "level", "logger", "environment", "release", "server_name", "exception")


def begin(dsn: str) -> None:
    """Tell errors of this process, and of those forked from it, to the address that `dsn` is."""
    sentry_sdk.init(
        dsn,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            LoggingIntegration(level=None, event_level=logging.ERROR),
            # What is left is told before the process ends; the library's own callback would print that it is.
            AtexitIntegration(callback=lambda pending, timeout: None),
        ],
        before_send=cut,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        send_client_reports=False,
        enable_metrics=False,
    )


def cut(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any] | None:
    """Return what may leave of an event, as `before_send`; nothing of what a client got wrong."""
    record = hint.get("log_record")
    if is_theirs(record):
        return None
    told = {name: event[name] for name in TOLD if event.get(name)}
    if record:
        told["logentry"] = {"formatted": record.getMessage()}
    if trace := getattr(record, "trace", None) or traces.current():
        told["tags"] = {"trace": trace}
    return without_numbers(told)


def without_numbers(value: Any) -> Any:
    """Return the same without whole numbers and rows of a database, however deep they lie."""
    if isinstance(value, dict):
        return {name: without_numbers(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_numbers(each) for each in value]
    return scrubbed(value) if isinstance(value, str) else value
