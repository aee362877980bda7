"""What can be seen on this machine: settings, database, worker and brake, pictures' folder, clocks."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import run_checks
from django.db import DatabaseError, OperationalError, connection, transaction
from django.template.defaultfilters import pluralize
from django.utils import timezone

from subscribers.models import Heartbeat, Hold
from subscribers.state import overdue, worker
from textengine.checks import LOOPBACK
from textengine.database import unapplied

from . import Finding, note, ok, wrong
from .asking import Unanswered, ask

# What a database needs at least on its disk: its log alone may grow by as much in a busy hour.
ROOM_BYTES = 1_000_000_000
# By so much a clock may be off: the carrier tells its own time in whole seconds.
CLOCK_OFF = timedelta(seconds=5)


def look_at_settings() -> Iterator[Finding]:
    """Look at what Django's checks and the project's own say of the settings."""
    is_public = urlsplit(settings.PUBLIC_URL).hostname not in LOOPBACK
    found = run_checks(include_deployment_checks=is_public and not settings.DEBUG)
    found = [message for message in found if not message.is_silenced()]
    for message in found:
        if message.is_serious():
            yield wrong("settings", message.msg, message.hint or "")
        else:
            yield note("settings", message.msg, message.hint or "")
    if not found:
        yield ok("settings", "can be used.")


def look_at_database(now: datetime) -> Iterator[Finding]:
    """Look whether the database can be reached and written to, has this code's tables, and fits how it is used."""
    try:
        connection.ensure_connection()
        if missing := unapplied():
            words = f"lacks {len(missing)} migration{pluralize(len(missing))} of this version."
            yield wrong("database", words, "Run manage.py migrate while no process of another version runs.")
            return
        yield from (look_at_sqlite(now) if connection.vendor == "sqlite" else look_at_postgresql(now))
    except DatabaseError as error:
        yield wrong("database", f"does not answer ({str(error).strip()}).", "Start it, or correct DATABASE_URL.")


def look_at_sqlite(now: datetime) -> Iterator[Finding]:
    path = Path(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        mode = cursor.execute("PRAGMA journal_mode").fetchone()[0]
    try:
        write_nothing()
    except OperationalError as error:
        mend = f"Give it, and what lies beside it, to the user of the processes: chown USER {path}*"
        yield wrong("database", f"{path} cannot be written ({error}).", mend)
        return
    if mode != "wal":
        words = f"keeps its log as {mode!r}, so that readers and the writer stop each other."
        yield wrong("database", words, "Put it on a disk of this machine; a network's cannot do it.")
    free = shutil.disk_usage(path.parent).free
    if free < ROOM_BYTES:
        yield wrong("database", f"has {free / 1e6:,.0f} MB left on its disk.", "Make room, or move DATABASE_URL.")
    clusters = Heartbeat.objects.alive(now).values_list("cluster", flat=True)
    machines = {cluster.rpartition(":")[0] for cluster in clusters}
    if len(machines) > 1:
        words = f"is SQLite, and workers run on {len(machines)} machines."
        yield wrong("database", words, "One file serves one machine: use PostgreSQL, or stop the others.")
    yield ok("database", f"SQLite in {path}, which web and worker of this one machine share.")


def write_nothing() -> None:
    """Write to the database, and take it back: of a read-only file, SQLite gives the lock for writing all the same."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET app = app")
        transaction.set_rollback(True)


def look_at_postgresql(now: datetime) -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp(), current_setting('transaction_read_only'), pg_is_in_recovery()")
        clock, read_only, standby = cursor.fetchone()
        taken = timezone.now()
    if read_only == "on" or standby:
        yield wrong("database", "can only be read: it is a standby, or set so.", "Name the primary in DATABASE_URL.")
    if abs(clock - taken) > CLOCK_OFF:
        words = f"its clock and this machine's are {abs(clock - taken).total_seconds():.0f} seconds apart."
        yield wrong("database", words, "Have both set by NTP, as by chrony or systemd-timesyncd.")
    version = ".".join(map(str, divmod(connection.pg_version, 10000)))
    yield ok("database", f"PostgreSQL {version}, with the tables of this version.")


def look_at_worker(now: datetime) -> Iterator[Finding]:
    """Look whether a worker lives, whether anything is late, and what is on hold."""
    found, holds = worker(now), list(Hold.objects.active())
    since = f" {timezone.localtime(found.since):%d %B, %H:%M}" if found.since else ""
    if found.state == "running":
        yield ok("worker", f"{found.words}{since}.")
    else:
        yield wrong("worker", f"{found.words}{since}.", "Start it: manage.py qcluster, or its service.")
    oldest = overdue(now, holds).order_by("due_at").first()
    if oldest:
        words = f"texts have been due since {timezone.localtime(oldest.due_at):%d %B, %H:%M}."
        yield wrong("worker", words, "See what its log says; the newsroom's first page tells what keeps them back.")
    for hold in holds:
        since = timezone.localtime(hold.created_at)
        words = f"{hold.what} is on hold since {since:%d %B, %H:%M}: {hold.reason}"
        yield note("brake", words, "A desk chief releases it in the newsroom.")


def look_at_clock() -> Iterator[Finding]:
    """Compare this machine's clock with the carrier's, which dates every answer, also a refusal."""
    try:
        answer = ask("HEAD", settings.TWILIO_API_URL)
        theirs = parsedate_to_datetime(answer.headers["Date"])
    except Unanswered as error:
        yield wrong("clock", f"the carrier cannot be asked for the time: it {error}.", "See TWILIO_API_URL, and DNS.")
        return
    except (KeyError, TypeError, ValueError):
        yield note("clock", "the carrier's answer has no date to compare with.")
        return
    off = abs(datetime.now(UTC) - theirs.astimezone(UTC))
    if off > CLOCK_OFF:
        words = f"this machine's and the carrier's are {off.total_seconds():.0f} seconds apart."
        yield wrong("clock", words, "Have it set by NTP, as by chrony or systemd-timesyncd.")
    else:
        yield ok("clock", "agrees with the carrier's.")
