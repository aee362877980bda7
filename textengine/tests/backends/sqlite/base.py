import shutil
import tempfile
from pathlib import Path

from django.db.backends.sqlite3.creation import DatabaseCreation

from textengine.sqlite import base
from textengine.tests.backends import KeepsTables, MigratesOnce


class Creation(MigratesOnce, KeepsTables, DatabaseCreation):
    def migrated(self) -> str:
        return str(Path(tempfile.gettempdir()) / f"{super().migrated()}.sqlite3")

    def exists(self, name: str) -> bool:
        return Path(name).exists()

    def copy(self, source: str, target: str) -> None:
        shutil.copyfile(source, target)

    def drop(self, name: str) -> None:
        Path(name).unlink(missing_ok=True)


class DatabaseWrapper(base.DatabaseWrapper):
    creation_class = Creation
