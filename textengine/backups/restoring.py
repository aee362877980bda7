"""Making an installation of a backup: it begins with the brake on, before any process of it can run."""

import shutil
import tarfile
import tempfile
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from . import BackupError, pictures
from .archive import verified
from .databases import FILES, is_empty, load
from .workshop import workshop

# A callback's address names the message by our id. Those that the installation has given out since its backup was
# taken must not come to mean other messages here.
IDS_LEFT_OUT = 1_000_000

# On both databases. A hold on everything that was on already stays on, with its reason kept. A backup of a copy that
# was restored, and has not asked yet for all that it has to, goes on asking since the first of the two moments. What
# other holds keep back may have been released since, and is asked for like all that was due.
BRAKE = """
INSERT INTO subscribers_hold (reason, created_at, way, waiting, let_go, last_message)
    SELECT '', '{now}', '', 0, 0, 0
    WHERE NOT EXISTS (SELECT 1 FROM subscribers_hold WHERE story_id IS NULL AND released_at IS NULL);
UPDATE subscribers_hold SET
    reason = substr('{reason}' || CASE WHEN reason = '' THEN '' ELSE ' It was on before: ' || reason END, 1, 300),
    asks_since = COALESCE((
        SELECT MIN(h.asks_since) FROM subscribers_hold h WHERE EXISTS (
            SELECT 1 FROM subscribers_message m
            WHERE m.status IN ('scheduled', 'held', 'sending')
                AND (m.due_at <= h.asks_until OR h.released_at IS NULL AND m.due_at <= '{now}'))
    ), '{taken_at}'),
    asks_until = '{now}'
    WHERE story_id IS NULL AND released_at IS NULL;
UPDATE subscribers_message SET status = 'scheduled' WHERE status = 'held';
"""
LEAVE_IDS_OUT = {
    "sqlite": """
INSERT INTO sqlite_sequence (name, seq) SELECT 'subscribers_message', 0
    WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'subscribers_message');
UPDATE sqlite_sequence SET seq = seq + {count} WHERE name = 'subscribers_message';
""",
    "postgresql": """
SELECT setval(sequence, nextval(sequence) + {count})
    FROM pg_get_serial_sequence('subscribers_message', 'id') AS sequence;
""",
}


def restore(path: Path, now: datetime) -> dict:
    """Make the installation that the settings name what the archive at `path` says; return its manifest.

    1. Look at everything first: the archive whole, of this code and this kind of database; database and media empty.
    2. Store the pictures.
    3. Put the rows in place, the brake among them, in one transaction.
    """
    manifest = verified(path)
    check_fits(manifest)
    stored = {
        name.removeprefix(pictures.FOLDER): entry
        for name, entry in manifest["files"].items()
        if name.startswith(pictures.FOLDER)
    }
    check_is_empty()
    pictures.check_free(stored)
    try:
        with (
            workshop(scratch()) as folder,
            tarfile.open(path) as archive,
            pictures.unpacked(archive, stored),
        ):
            load(unpacked(archive, folder), brake(manifest, now))
    except OSError as error:
        raise BackupError(f"The backup cannot be unpacked ({error}).") from error
    return manifest


def unpacked(archive: tarfile.TarFile, folder: Path) -> Path:
    """Write the rows of an archive to a file in this folder, for nobody else to read."""
    rows = folder / FILES[connection.vendor]
    rows.touch(mode=0o600)
    with archive.extractfile(rows.name) as packed, rows.open("wb") as file:
        shutil.copyfileobj(packed, file)
    return rows


def check_fits(manifest: dict) -> None:
    """Raise BackupError where these rows are not for this database, or not for this code."""
    if manifest["database"] != connection.vendor:
        raise BackupError(
            f"This is a backup of {manifest['database']}, and DATABASE_URL names {connection.vendor}; "
            "set DATABASE_URL to an empty database of the backup's kind."
        )
    known = {".".join(key) for key in MigrationLoader(None).disk_migrations}
    if unknown := sorted(set(manifest["migrations"]) - known):
        raise BackupError(f"This backup is of a later version, which has {unknown[-1]}; install that version first.")


def check_is_empty() -> None:
    try:
        if is_empty():
            return
    except DatabaseError as error:
        raise BackupError(f"The database of DATABASE_URL cannot be used ({str(error).strip()}).") from error
    raise BackupError(
        "The database of DATABASE_URL is in use: it has tables. Set DATABASE_URL to a new one; nothing is overwritten."
    )


def scratch() -> Path:
    """Return in which folder the rows are unpacked: SQLite's file moves from there to its place."""
    if connection.vendor == "sqlite":
        return Path(connection.settings_dict["NAME"]).absolute().parent
    return Path(tempfile.gettempdir())


def brake(manifest: dict, now: datetime) -> str:
    """Return the SQL by which the copy begins: everything on hold, with the reason, and ids that nobody has used."""
    taken_at = datetime.fromisoformat(manifest["taken_at"])
    words = {"reason": reason(taken_at, now), "now": in_sql(now), "taken_at": in_sql(taken_at)}
    script = BRAKE.format(**{name: word.replace("'", "''") for name, word in words.items()})
    return script + LEAVE_IDS_OUT[connection.vendor].format(count=IDS_LEFT_OUT)


def reason(taken_at: datetime, now: datetime) -> str:
    return (
        f"Restored on {by_the_clock(now)} from the backup of {by_the_clock(taken_at)}. "
        "The old installation must not run any more when you release this; what it has sent until then is asked for "
        "first, and not sent again."
    )


def by_the_clock(moment: datetime) -> str:
    """Return a moment as the newsroom's clock shows it."""
    return f"{moment.astimezone(settings.NEWSROOM_ZONE):%d %B %Y, %H:%M}"


def in_sql(moment: datetime) -> str:
    """Return a moment as the database writes it."""
    return str(connection.ops.adapt_datetimefield_value(moment))
