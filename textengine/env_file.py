"""The file `.env`: settings, each a line NAME=value. What the environment says comes first."""

import io
import re
from pathlib import Path

import environ

LINE = re.compile(r"(export )?\w+=", re.ASCII)


def read(path: Path) -> None:
    """Put what the file says into the environment, where the name is not set there; a missing file says nothing.

    Raises OSError or ValueError where it cannot be understood; the words never repeat a line, which may be a secret.
    """
    try:
        # Some editors put a byte-order mark before the first setting.
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except FileNotFoundError:
        return
    for number, line in enumerate(lines, start=1):
        if line and not line.startswith("#") and not LINE.match(line):
            raise ValueError(f"line {number} is not NAME=value")
    environ.Env.read_env(io.StringIO("\n".join(lines)))
