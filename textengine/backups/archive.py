"""The archive as a file: written whole or not at all, and believed only if every checksum is right."""

import hashlib
import json
import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BufferedWriter, BytesIO, FileIO
from pathlib import Path
from typing import BinaryIO

from . import BackupError
from .workshop import workshop

MANIFEST = "manifest.json"
FORMAT = 1
# The database's file and the pictures are hardly made smaller by more.
COMPRESSION = 1
CHUNK = 1024 * 1024
TAKEN = "{} is there already; choose another name."
DAMAGED = (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, KeyError, TypeError)


class Hashed:
    """A file that is read through, and what its checksum is so far."""

    def __init__(self, file: BinaryIO):
        self.file, self.digest, self.length = file, hashlib.sha256(), 0

    def read(self, size: int = -1) -> bytes:
        content = self.file.read(size)
        self.digest.update(content)
        self.length += len(content)
        return content

    @property
    def entry(self) -> dict:
        return {"bytes": self.length, "sha256": self.digest.hexdigest()}


class Writer:
    """Puts files into an archive that is being written, and notes their checksums for its manifest.

    What has to be a file before may be made in `folder`.
    """

    def __init__(self, archive: tarfile.TarFile, taken_at: float, folder: Path):
        self.archive, self.taken_at, self.folder = archive, taken_at, folder
        self.files: dict[str, dict] = {}

    def add(self, name: str, file: BinaryIO, size: int) -> None:
        hashed = Hashed(file)
        self.archive.addfile(self.member(name, size), hashed)
        self.files[name] = hashed.entry

    def finish(self, facts: dict) -> None:
        """Write the manifest: these facts, and the files."""
        content = json.dumps({"format": FORMAT} | facts | {"files": self.files}, indent=2).encode()
        self.archive.addfile(self.member(MANIFEST, len(content)), BytesIO(content))

    def member(self, name: str, size: int) -> tarfile.TarInfo:
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = size, int(self.taken_at), 0o600
        return member


class Target(FileIO):
    """The file that is being written; that it cannot be, such as on a full disk, is told apart from all else here."""

    def __init__(self, part: Path, path: Path):
        # Readable by nobody else: the archive has every reader's number in it.
        super().__init__(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self.path = path

    def write(self, content: bytes) -> int:
        with written_or_told(self.path):
            return super().write(content)


@contextmanager
def written(path: Path, taken_at: float) -> Iterator[Writer]:
    """Write a new archive at `path`; it appears there, complete, when this ends without an error."""
    if path.exists():
        raise BackupError(TAKEN.format(path))
    with ExitStack() as stack:
        with written_or_told(path):
            folder = stack.enter_context(workshop(path.parent))
            part = folder / "archive.tar.gz"
            target = Target(part, path)
        with BufferedWriter(target) as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=COMPRESSION) as archive:
                yield Writer(archive, taken_at, folder)
            with written_or_told(path):
                file.flush()
                os.fsync(file.fileno())
                # Unlike a rename, it never replaces what has come meanwhile.
                os.link(part, path)


@contextmanager
def written_or_told(path: Path) -> Iterator[None]:
    """Raise BackupError where `path` cannot be written."""
    try:
        yield
    except FileExistsError as error:
        raise BackupError(TAKEN.format(path)) from error
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror or error}.") from error


def verified(path: Path) -> dict:
    """Read a whole archive and return its manifest; raise BackupError unless each file in it is as it was written."""
    found: dict[str, dict] = {}
    manifest = None
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                content = Hashed(archive.extractfile(member))
                if member.name == MANIFEST:
                    manifest = json.loads(content.read())
                    continue
                while content.read(CHUNK):
                    pass
                found[member.name] = content.entry
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}.") from error
    except DAMAGED as error:
        raise BackupError(f"{path} is damaged or cut off, or no backup ({error}); take another one.") from error
    if not isinstance(manifest, dict) or "files" not in manifest:
        raise BackupError(f"{path} is cut off, or no backup: its manifest is missing. Take another one.")
    if manifest.get("format") != FORMAT:
        raise BackupError(f"{path} is of a format that this version cannot read; use the version that wrote it.")
    if wrong := [name for name in manifest["files"] | found if manifest["files"].get(name) != found.get(name)]:
        raise BackupError(f"{path} is damaged: {wrong[0]} is not what was written; take another one.")
    return manifest
