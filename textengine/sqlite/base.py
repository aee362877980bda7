"""Django's SQLite backend, whose transactions take turns at the one write lock.

SQLite's own waiting looks for the lock after 1 ms, then 2, 5, 10 and so on up to every 100 ms: under load whoever
waits the longest looks the least often, and newcomers go before. Here everybody looks equally often.
"""

import random
import sqlite3
import time

from django.db.backends.sqlite3 import base

# Between two looks for the lock. A transaction of ours takes about as long.
LOOK_SECONDS = 0.001


class DatabaseWrapper(base.DatabaseWrapper):
    def _start_transaction_under_autocommit(self):
        """Wait for the write lock as long as the connection's time-out says; then it is "database is locked"."""
        patience = self.settings_dict["OPTIONS"]["timeout"]
        self.connection.execute("PRAGMA busy_timeout = 0")
        try:
            with self.wrap_database_errors:
                begin(self.connection, f"BEGIN {self.transaction_mode}", time.monotonic() + patience)
        finally:
            self.connection.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")


def begin(connection: sqlite3.Connection, statement: str, give_up_at: float) -> None:
    while True:
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:
            # The extended codes of SQLITE_BUSY have it in their lowest byte.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                raise
            time.sleep(LOOK_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311
        else:
            return
