"""How a moment is written, on every screen of the newsroom."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html

NOTHING = "–"


def moment(when: datetime | None) -> str:
    """Return a time of the newsroom's clock, with its year if that is another one, for browsers to understand too."""
    if when is None:
        return NOTHING
    local = timezone.localtime(when)
    words = date_format(local, "j M, H:i" if local.year == timezone.localtime().year else "j M Y, H:i")
    return format_html('<time datetime="{}">{}</time>', when.isoformat(), words)
