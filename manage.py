#!/usr/bin/env python
"""Django's command line for Text-Engine."""

import os
import sys

from textengine import missing

# Django tells what its checks find in a report. What starts a process that stays tells it in sentences.
STARTS = ("qcluster", "runserver")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "textengine.settings")
    try:
        from django.conf import settings
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as error:
        sys.exit(missing.cure(error))
    try:
        # Some commands meet wrong settings only later, where Django's own words for them help nobody.
        settings.INSTALLED_APPS  # noqa: B018
        if sys.argv[1:2] and sys.argv[1] in STARTS:
            from textengine import starting

            starting.prepare()
            sys.argv.append("--skip-checks")
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Text-Engine cannot start: {error}")
    except ModuleNotFoundError as error:
        sys.exit(missing.cure(error))


if __name__ == "__main__":
    main()
