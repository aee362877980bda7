"""Django's migrate, which on PostgreSQL keeps nobody waiting for the locks that it itself has to wait for."""

import time

from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

# Whoever waits for a lock lets all who come later wait as well. PostgreSQL looks for deadlocks after a second: before
# that, the migration has given way by itself.
LOCK_TIMEOUT = "'400ms'"
# A migration that gave way leaves nothing behind, or goes on where it was: it is tried again for about a minute.
TRIES = 60
PAUSE_SECONDS = 1
# lock_not_available and deadlock_detected, as https://www.postgresql.org/docs/current/errcodes-appendix.html has them.
GIVEN_WAY = {"55P03", "40P01"}


class Command(migrate.Command):
    def handle(self, *args, **options):
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            return super().handle(*args, **options)
        for attempt in range(1, TRIES + 1):
            try:
                return self.give_way(connection, *args, **options)
            except OperationalError as error:
                if getattr(error.__cause__, "sqlstate", None) not in GIVEN_WAY or attempt == TRIES:
                    raise
                self.stdout.write("\n  Others are at work in these tables: trying again.")
                time.sleep(PAUSE_SECONDS)

    def give_way(self, connection, *args, **options):
        set_lock_timeout(connection, LOCK_TIMEOUT)
        try:
            super().handle(*args, **options)
        except OperationalError:
            # A schema editor that fails at its very end leaves its transaction open.
            connection.close()
            connection.connect()
            raise
        set_lock_timeout(connection, "DEFAULT")


def set_lock_timeout(connection: BaseDatabaseWrapper, timeout: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {timeout}")
