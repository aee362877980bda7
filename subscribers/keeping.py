"""What is kept of readers and for how long, for everybody to read, said by the settings that make it so."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from stories.views import PAGE_MAX_AGE, conditional, newsroom

from .housekeeping import ERASURES_KEPT
from .models.exports import KEPT as EXPORTS_KEPT

TWILIO = "https://api.twilio.com"


@require_safe
@conditional
@cache_control(public=True, max_age=PAGE_MAX_AGE)
def kept(request: HttpRequest) -> HttpResponse:
    words = settings.COMMAND_WORDS["FORGET"]
    return render(
        request,
        "subscribers/kept.html",
        newsroom()
        | {
            "carrier": "Twilio" if settings.TWILIO_API_URL == TWILIO else "our carrier",
            "forget": words[0] if words else "",
            "erasures_kept": ERASURES_KEPT,
            "exports_kept": EXPORTS_KEPT,
            "is_told": settings.DIGEST_EMAILS or settings.DIGEST_WEBHOOK,
        },
    )
