"""What everybody may see: the reader's page of a story, and its pictures."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.static import serve

from .models import Story


def story_page(request: HttpRequest, slug: str) -> HttpResponse:
    story = get_object_or_404(Story.objects.readable(), slug=slug)
    return render(request, "stories/story.html", {"story": story, "number": settings.TWILIO_NUMBER})


def uploaded_picture(request: HttpRequest, path: str) -> HttpResponse:
    """Serve an uploaded picture; the carrier fetches it with HEAD and GET."""
    return serve(request, path, document_root=settings.MEDIA_ROOT)
