"""What everybody may see: the reader's page of a story, the card that stands for it, and its pictures."""

from collections.abc import Callable
from functools import wraps
from pathlib import PurePosixPath

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import get_conditional_response, set_response_etag
from django.views.decorators.cache import cache_control
from django.views.decorators.http import etag, require_safe

from .media import CONTENT_TYPES
from .models import Story
from .sharing import Invitation, card_of

# Seconds for which a copy of the page may be shown unasked: a story that was archived is over everywhere soon.
PAGE_MAX_AGE = 300
# The card's address changes with what it says.
CARD_MAX_AGE = 24 * 60 * 60
# So many other stories a page of one that is over names.
OTHER_STORIES = 6

YEAR = 365 * 24 * 3600


def conditional(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer 304 where the browser has this very page already; unlike Django's own, to HEAD as to GET."""

    @wraps(view)
    def answer(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        response = set_response_etag(view(request, *args, **kwargs))
        return get_conditional_response(request, etag=response["ETag"], response=response)

    return answer


@require_safe
@conditional
@cache_control(public=True, max_age=PAGE_MAX_AGE)
def story_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Invite to a published story. Who comes by an old poster learns that a story is over, and which others there are.

    That page is "gone" (410) to machines, so that no search engine keeps it and no card is made of it.
    """
    story = get_object_or_404(Story.objects.exclude(status=Story.Status.DRAFT), slug=slug)
    if story.status == Story.Status.ARCHIVED:
        others = Story.objects.readable().filter(weight__gt=0).order_by("-updated_at", "-pk")[:OTHER_STORIES]
        return render(request, "stories/ended.html", {"story": story, "others": others}, status=410)
    invitation = Invitation.to(story)
    if not invitation.pace.texts:
        raise Http404
    return render(request, "stories/story.html", invitation.context | newsroom())


def newsroom() -> dict[str, object]:
    """Return what the page says of who writes the story and keeps the readers' numbers."""
    return {
        "newsroom": settings.NEWSROOM_NAME,
        "contact": settings.NEWSROOM_CONTACT,
        "privacy_url": settings.PRIVACY_URL,
        "retention": settings.MESSAGE_RETENTION,
        "public_url": settings.PUBLIC_URL,
    }


def published_story(slug: str) -> Story:
    return get_object_or_404(Story.objects.readable(), slug=slug)


@require_safe
@cache_control(public=True, max_age=CARD_MAX_AGE)
@etag(lambda request, slug: f'"{card_of(published_story(slug)).digest}"')
def story_card(request: HttpRequest, slug: str) -> HttpResponse:
    return HttpResponse(card_of(published_story(slug)).png(), content_type="image/png")


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
