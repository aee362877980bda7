"""`python -m textengine.web`: the web server, set up as the settings say.

It runs in a few processes, each of which takes requests in on an event loop (intake.py), so that a slow or silent
client keeps nobody waiting, and has Django answer them in threads. On SQLite that is one, since threads would fight for
the one write lock; on PostgreSQL two, so that one goes on while the other waits for the server.
"""

import contextlib
import logging
import os
import signal
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING

from . import missing

if TYPE_CHECKING:
    from .intake import Intake

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "textengine.settings")
logger = logging.getLogger(__name__)

# A server that ends by itself sooner than this could not start, or its processes were killed one after the other; so
# many times in a row it is the former.
START_SECONDS = 10
STARTS = 5


def main() -> None:
    """Serve until asked to end; never returns otherwise, unless the server cannot start."""
    try:
        import granian  # noqa: F401  Missing, it is named before anything begins.
        from django.core.exceptions import ImproperlyConfigured

        from . import starting

        starting.prepare()
    except ModuleNotFoundError as error:
        sys.exit(missing.cure(error))
    except ImproperlyConfigured as error:
        sys.exit(f"Text-Engine cannot start: {error}")
    failed_starts = 0
    while failed_starts < STARTS:
        started = time.monotonic()
        if serve():
            return
        failed_starts = failed_starts + 1 if time.monotonic() - started < START_SECONDS else 0
        logger.error("web.replaced")
    sys.exit(1)


def serve() -> bool:
    """Run the server; return whether it ended because it was asked to.

    It also gives up by itself: when one of its processes dies that it has only just replaced.
    """
    from django.conf import settings
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.log import LogLevels

    server = Granian(
        "textengine.web:application",
        factory=True,
        interface=Interfaces.RSGI,
        address=settings.LISTEN_ON,
        port=settings.PORT,
        workers=settings.WEB_CONCURRENCY,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        # A request that is still there after that long hangs.
        workers_kill_timeout=30,
    )
    with contextlib.suppress(SystemExit):
        server.serve()
    return server.interrupt_signal


def application() -> "Intake":
    """Return the application, in one of the server's processes, which ends with the server."""
    from django.conf import settings

    # Static files are found in place until somebody collects them, so their folder may be missing.
    warnings.filterwarnings("ignore", message="No directory at")
    from .intake import Intake
    from .wsgi import application

    threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()
    return Intake(application, threads=1 if settings.DATABASES["default"]["ENGINE"].endswith("sqlite") else 2)


def end_with(server: int) -> None:
    """End this process soon after the server: killed itself, it could not take its processes along."""
    while os.getppid() == server:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
