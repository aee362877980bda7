"""Transactions that are tried again when the database breaks them off."""

import functools
import random
import time
from collections.abc import Callable

from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction


def retried(tries: int, pause_seconds: float) -> Callable:
    """Decorate a function to run as one transaction, and again from its beginning when that is broken off.

    A deadlock, a lost connection and a row that somebody deleted or inserted meanwhile break a transaction off; the
    function then reads everything anew. It gives up, with the database's error, after so many tries, with a random
    pause of about `pause_seconds` between them. Inside another transaction there is one try: that one is broken too.
    """

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def run(*args, **kwargs):
            attempt = 1
            while True:
                try:
                    with transaction.atomic():
                        return function(*args, **kwargs)
                except (OperationalError, InterfaceError, IntegrityError):
                    if attempt == tries or connection.in_atomic_block:
                        raise
                attempt += 1
                connection.close_if_unusable_or_obsolete()
                time.sleep(pause_seconds * random.uniform(0.5, 1.5))  # noqa: S311

        return run

    return decorate


# For a request that somebody waits for: a deadlock is over at once, and a database that is away is reported.
retried_at_once = retried(tries=5, pause_seconds=0.05)
# For what must not be forgotten: waits about ten seconds for a database that is being restarted.
retried_patiently = retried(tries=20, pause_seconds=0.5)
