"""How gunicorn serves Text-Engine; the command line and GUNICORN_CMD_ARGS come before what stands here."""

import os
import sys
import warnings

from textengine import missing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "textengine.settings")
try:
    from django.core.exceptions import ImproperlyConfigured

    from textengine import starting
except ModuleNotFoundError as error:
    sys.exit(missing.cure(error))
try:
    # A web server does not run Django's checks by itself; a wrong setting is to stop it as it stops the worker.
    starting.prepare()
except ModuleNotFoundError as error:
    sys.exit(missing.cure(error))
except ImproperlyConfigured as error:
    sys.exit(f"Text-Engine cannot start: {error}")

from urllib.parse import urlsplit

from django.conf import settings

# Whoever gives no public address keeps the pages to this machine.
host = "127.0.0.1" if urlsplit(settings.PUBLIC_URL).hostname in ("localhost", "127.0.0.1") else "0.0.0.0"  # noqa: S104
bind = f"{host}:{settings.PORT}"
workers = settings.WEB_CONCURRENCY
timeout = 30
# Nobody steers this server from a socket in the home directory.
control_socket_disable = True
# Static files are found in place until somebody collects them, so their folder may be missing.
warnings.filterwarnings("ignore", message="No directory at")
