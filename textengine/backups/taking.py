"""Taking a backup of an installation that runs."""

import platform
from datetime import datetime
from pathlib import Path

import django
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder

from . import BackupError, pictures
from .archive import Writer, written
from .databases import FILES, dump


def take(path: Path, now: datetime, with_pictures: bool = True) -> dict[str, dict]:
    """Write everything to a new archive at `path`; return the files in it, as the manifest has them.

    1. The pictures, then the rows, then the pictures that were added meanwhile: each that a text has is there.
    2. `now` is before all of it: whatever was sent since then may be missing, and is asked for after a restore.
    """
    if settings.MEDIA_ROOT in path.parents:
        raise BackupError(f"{path} is in the folder of pictures, a part of what is saved; choose another place.")
    with written(path, now.timestamp()) as archive:
        if with_pictures:
            pictures.pack(archive)
        pack_rows(archive, archive.folder / FILES[connection.vendor])
        if with_pictures:
            pictures.pack(archive)
        archive.finish(facts(now, with_pictures))
        return archive.files


def pack_rows(archive: Writer, path: Path) -> None:
    try:
        dump(path)
    except DatabaseError as error:
        raise BackupError(f"The database of DATABASE_URL cannot be read ({str(error).strip()}).") from error
    with path.open("rb") as file:
        archive.add(path.name, file, path.stat().st_size)


def facts(now: datetime, with_pictures: bool) -> dict:
    """Return what the manifest says of the installation."""
    try:
        migrations = sorted(map(".".join, MigrationRecorder(connection).applied_migrations()))
        with connection.cursor():
            version = connection.Database.sqlite_version if connection.vendor == "sqlite" else connection.pg_version
    except DatabaseError as error:
        raise BackupError(f"The database of DATABASE_URL cannot be read ({str(error).strip()}).") from error
    if not migrations:
        raise BackupError("The database of DATABASE_URL has no tables; set DATABASE_URL to the one that is in use.")
    return {
        "taken_at": now.isoformat(),
        "database": connection.vendor,
        "with_pictures": with_pictures,
        "versions": {
            "python": platform.python_version(),
            "django": django.get_version(),
            connection.vendor: str(version),
        },
        "migrations": migrations,
    }
