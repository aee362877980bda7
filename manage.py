#!/usr/bin/env python
"""Django's command line for Text-Engine."""

import os
import sys

from textengine import missing


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
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Text-Engine cannot start: {error}")
    except ModuleNotFoundError as error:
        sys.exit(missing.cure(error))


if __name__ == "__main__":
    main()
