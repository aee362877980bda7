"""On what it was measured: the machine, and the versions of everything that takes part."""

import os
import platform
import re
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

from textengine.tests.processes import ROOT

PACKAGES = ("django", "django-q2", "twilio", "aiohttp", "uvloop", "granian", "psycopg", "celery", "redis", "gevent")
PACKAGES += ("requests", "urllib3", "flask", "gunicorn", "uvicorn", "httptools")


def machine() -> dict[str, str]:
    """Return what is known of this machine and its programs, by name."""
    kilobytes = int(first(r"MemTotal:\s*(\d+)", "/proc/meminfo") or 0)
    return {
        "processor": first(r"model name\s*: (.+)", "/proc/cpuinfo") or platform.processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{kilobytes / 1024**2:.0f} GiB",
        "system": first(r'PRETTY_NAME="(.+)"', "/etc/os-release"),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": said("pg_config --version") or said("psql --version"),
        "redis-server": said("redis-server --version"),
        "commit": said("git rev-parse --short HEAD") + (" with changes" if said("git status --porcelain -uno") else ""),
    } | {name: version(name) for name in PACKAGES}


def first(pattern: str, file: str) -> str:
    """Return what the pattern's group finds in a file; empty where there is neither."""
    path = Path(file)
    found = re.search(pattern, path.read_text()) if path.exists() else None
    return found[1].strip() if found else ""


def said(command: str) -> str:
    """Return the first line that a command prints; empty where it cannot be run."""
    try:
        output = subprocess.run(command.split(), cwd=ROOT, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""
    return output.partition("\n")[0].strip()
