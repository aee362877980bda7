from django.apps import AppConfig


class TextEngineConfig(AppConfig):
    name = "textengine"
    verbose_name = "Text-Engine"

    def ready(self):
        from . import checks  # noqa: F401  registers them
