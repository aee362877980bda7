"""The program as the image has it: its files alone, of which none can be changed, run by a user without rights."""

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .processes import ROOT, Processes

NOBODY = "nobody"


def copied_into_the_image() -> Iterator[tuple[str, str]]:
    """Return what the Containerfile copies from this folder into the program's, and where to."""
    lines = (ROOT / "Containerfile").read_text().splitlines()
    copied = (line.split()[1:] for line in lines if line.startswith("COPY ") and "--from" not in line)
    yield from ((source, target) for source, target in copied if target.startswith("./"))


class Installed(Processes):
    """Web, worker and sandbox, the first two as installed below `folder`, to whose `data` alone they can write.

    They run as nobody where the tests run as root, and as whoever runs the tests elsewhere. With `fresh`, their
    libraries are installed anew, as the image does it; else the virtual environment is a new one with the libraries of
    this one.
    """

    def __init__(self, folder: Path, fresh: bool = False, **options):
        code, self.data = folder / "textengine", folder / "data"
        self.python = (*as_nobody(), str(make_environment(folder / "venv", fresh)))
        self.data.mkdir()
        if as_nobody():
            shutil.chown(self.data, NOBODY)
        make_tree(code)
        options.setdefault("database_url", f"sqlite:///{self.data / 'db.sqlite3'}")
        super().__init__(media_root=self.data / "media", code=code, **options)

    @property
    def environment(self) -> dict[str, str]:
        own = {"HOME": str(self.data), "EXPORT_ROOT": str(self.data / "exports"), "PYTHONDONTWRITEBYTECODE": "1"}
        return super().environment | own

    def files(self) -> dict[str, float]:
        """Return what there is of the program, and when each was changed."""
        return {str(path): path.stat().st_mtime for path in sorted(self.code.rglob("*"))}


def as_nobody() -> list[str]:
    """Return what stands before a command for nobody to run it.

    It may read everything: this Python, or its libraries, may lie where only root looks.
    """
    if os.geteuid() != 0:
        return []
    group, reading = pwd.getpwnam(NOBODY).pw_gid, "+dac_read_search"
    who = [f"--reuid={NOBODY}", f"--regid={group}", "--clear-groups"]
    return ["setpriv", *who, f"--inh-caps={reading}", f"--ambient-caps={reading}"]


@contextlib.contextmanager
def folder_for_everybody() -> Iterator[Path]:
    """A folder into which other users may look, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="textengine-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for path in (folder, *folder.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)


def make_environment(folder: Path, fresh: bool) -> Path:
    """Make a virtual environment; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", *([] if fresh else ["--without-pip"]), str(folder)], check=True)
    python = folder / "bin" / "python"
    if fresh:
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--requirement", ROOT / "requirements.txt"], check=True)
    else:
        [libraries] = folder.glob("lib/python*/site-packages")
        (libraries / "of-the-tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def make_tree(root: Path) -> None:
    """Copy what the image has, with what is compiled of it already, and let nobody change it."""
    root.mkdir()
    for source, target in copied_into_the_image():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, root / target, ignore=shutil.ignore_patterns("tests"))
        else:
            shutil.copy(ROOT / source, root / target)
    for path in (*root.rglob("*"), root):
        path.chmod(0o555 if path.is_dir() else 0o444)
