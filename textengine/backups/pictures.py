"""The pictures of a backup, in whatever storage they are kept."""

import hashlib
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.core.files.base import File
from django.core.files.storage import default_storage

from . import BackupError
from .archive import Writer

FOLDER = "media/"


def names(folder: str = "") -> Iterator[str]:
    """Return the names of all that is stored."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        # Nothing was uploaded yet.
        return
    except NotImplementedError as error:
        raise BackupError(
            "MEDIA_STORAGE cannot list its pictures; back them up where they are kept, and use --without-media."
        ) from error
    except OSError as error:
        raise BackupError(f"The pictures cannot be listed: {error.strerror or error}.") from error
    prefix = f"{folder}/" if folder else ""
    yield from (f"{prefix}{name}" for name in files)
    for name in folders:
        yield from names(f"{prefix}{name}")


def pack(writer: Writer) -> None:
    """Put what is stored, and not in the archive yet, into it."""
    for name in names():
        if FOLDER + name in writer.files:
            continue
        try:
            with default_storage.open(name) as file:
                writer.add(FOLDER + name, file, file.size)
        except FileNotFoundError:
            # Deleted since it was listed, so that no text has it any more.
            continue
        except OSError as error:
            raise BackupError(f"The picture {name} cannot be read: {error.strerror or error}.") from error


def check_free(files: dict[str, dict]) -> None:
    """Raise BackupError where another file is stored by the name of one of these, which a manifest lists."""
    for name, entry in files.items():
        if default_storage.exists(name) and digest(name) != entry["sha256"]:
            raise BackupError(f"Another file is stored as {name} already; choose an empty MEDIA_ROOT.")


@contextmanager
def unpacked(archive: tarfile.TarFile, files: Iterable[str]) -> Iterator[None]:
    """Store these files of the archive; take them, and the folders made for them, away again if what follows fails."""
    stored, made = [], missing_folders(files)
    try:
        for name in files:
            if not default_storage.exists(name):
                stored.append(default_storage.save(name, File(archive.extractfile(FOLDER + name))))
        yield
    except BaseException:
        for name in stored:
            default_storage.delete(name)
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
        raise


def missing_folders(names: Iterable[str]) -> list[Path]:
    """Return which folders have to be made for these files, the innermost first; none where others store them."""
    try:
        paths = [Path(default_storage.path(name)) for name in names]
    except NotImplementedError:
        return []
    return sorted({folder for path in paths for folder in path.parents if not folder.exists()}, reverse=True)


def digest(name: str) -> str:
    with default_storage.open(name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
