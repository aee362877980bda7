from django.apps import AppConfig
from django.conf import settings


class TextEngineConfig(AppConfig):
    name = "textengine"
    verbose_name = "Text-Engine"

    def ready(self):
        from . import checks  # noqa: F401  registers them

        if settings.SENTRY_DSN:
            from . import reporting

            reporting.begin(settings.SENTRY_DSN)
