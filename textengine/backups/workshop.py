"""The folder in which a backup is put together or taken apart: every reader's number is in it, and it never stays."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# deploy/systemd/textengine-backup.service knows these two names.
PREFIX = ".textengine-backup-"
LOCK = "lock"


@contextmanager
def workshop(parent: Path) -> Iterator[Path]:
    """Make a folder to work in, which nobody else can read; what was left in `parent` by a kill is taken away first."""
    sweep(parent)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent) as folder, (Path(folder) / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Path(folder)


def sweep(parent: Path) -> None:
    """Take our user's folders away in which nobody works any more: a lock ends with its process, however that ends."""
    for folder in parent.glob(f"{PREFIX}*"):
        # One without a lock begins at this moment, or ended before anything was in it.
        with suppress(FileNotFoundError, BlockingIOError):
            if folder.lstat().st_uid == os.getuid():
                with (folder / LOCK).open("r+") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder)
