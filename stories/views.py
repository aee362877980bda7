"""The reader's page of a story."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from .models import Story


def story_page(request: HttpRequest, slug: str) -> HttpResponse:
    story = get_object_or_404(Story.objects.readable(), slug=slug)
    return render(request, "stories/story.html", {"story": story, "number": settings.TWILIO_NUMBER})
