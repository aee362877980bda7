"""`python -m textengine.probe web` or `worker`: whether that process lives on this machine, for whoever supervises it.

Exit code 0: it lives. Otherwise 1, and a sentence. Whether texts go out is another question, which /readyz answers.
"""

import os
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
# It is asked often, and a process that does not answer for so long is of no use.
TIMEOUT = 5


def main() -> None:
    kinds = {"web": web, "worker": worker}
    if sys.argv[1:] not in ([kind] for kind in kinds):
        sys.exit("Say which process is meant: python -m textengine.probe web, or worker.")
    sys.exit(kinds[sys.argv[1]]())


def web() -> str | None:
    """Return what is wrong with this machine's web process; None where it answers."""
    from . import env_file

    env_file.read(ROOT / ".env")
    request = healthz()
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT):  # noqa: S310
            return None
    except OSError as error:
        return f"The web process does not answer at {request.full_url}: {error}."


def healthz() -> urllib.request.Request:
    """Return the question whether this machine's web process lives, as the environment says where it is.

    It is asked by its public name, since no other need be allowed.
    """
    request = urllib.request.Request(f"http://127.0.0.1:{os.environ.get('PORT') or 8000}/healthz")
    request.add_header("Host", urlsplit(os.environ.get("PUBLIC_URL") or "http://localhost").netloc)
    return request


def worker() -> str | None:
    """Return what is wrong with this machine's workers; None where one of them has told of itself lately."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "textengine.settings")
    import django

    django.setup()
    from django.db import DatabaseError
    from django.utils import timezone

    from subscribers.claiming import machine
    from subscribers.models import Heartbeat

    try:
        lives = Heartbeat.objects.alive(timezone.now()).filter(cluster__startswith=f"{machine()}:").exists()
    except DatabaseError as error:
        return f"The database cannot be asked: {type(error).__name__}."
    return None if lives else f"No worker on {machine()} has told of itself lately."


if __name__ == "__main__":
    main()
