"""What everybody may see: the reader's page of a story, and its pictures."""

from pathlib import PurePosixPath

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import etag, require_safe

from .media import CONTENT_TYPES
from .models import Story

YEAR = 365 * 24 * 3600


def story_page(request: HttpRequest, slug: str) -> HttpResponse:
    story = get_object_or_404(Story.objects.readable(), slug=slug)
    return render(request, "stories/story.html", {"story": story, "number": settings.TWILIO_NUMBER})


@require_safe
@cache_control(public=True, max_age=YEAR, immutable=True)
@etag(lambda request, name: f'"{name}"')  # What is stored under a name never changes.
def stored_picture(request: HttpRequest, name: str) -> HttpResponse:
    """Serve a picture from wherever it is stored; the carrier fetches it with HEAD and GET."""
    path = PurePosixPath(name)
    try:
        with default_storage.open(name) as file:
            response = HttpResponse(file.read(), content_type=CONTENT_TYPES[path.suffix])
    except FileNotFoundError as error:
        raise Http404 from error
    # Twilio takes a picture's name from here, and wants it in 20 characters.
    response["Content-Disposition"] = f'inline; filename="{path.name}"'
    return response
