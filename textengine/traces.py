"""Which log lines belong together: what comes of one request to us, or of one task, bears its trace everywhere.

A text keeps the trace under which it was scheduled, and the story's next text takes it over. So one trace leads from
the webhook that brought a reader's word to the texts that answer it, and to the carrier's callbacks about these.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

LENGTH = 16

trace: ContextVar[str | None] = ContextVar("trace", default=None)


def current() -> str | None:
    return trace.get()


def adopt(found: str | None) -> None:
    """Go on under this trace, where there is one, until whatever is under way ends."""
    if found:
        trace.set(found)


@contextmanager
def under(found: str | None) -> Iterator[None]:
    token = trace.set(found)
    try:
        yield
    finally:
        trace.reset(token)


def traced(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """As middleware, give each request a trace of its own."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.trace = secrets.token_hex(LENGTH // 2)
        with under(request.trace):
            return get_response(request)

    return middleware
