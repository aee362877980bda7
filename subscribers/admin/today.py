"""Today, the first page of the newsroom: what is due, what went out, who reads, and what is wrong."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from stories.authors import ALL_STORIES
from stories.models import Story
from textengine.database import planned_anew

from ..models import Hold
from ..state import Worker, worker
from ..today import keeping
from ..today.figures import Figures
from ..today.problems import Problem, problems

READERS, SENDING = "subscribers.view_enrollment", "subscribers.view_sender"
# Seconds until the page asks anew.
AGAIN = 5
# So many stories stand on the page, those first that have the most to send; the others in their list.
STORIES_MAX = 30


@dataclass(frozen=True, slots=True)
class Today:
    """What one person may see of the day: without `figures`, no numbers; not yet counted, they are empty."""

    now: datetime
    problems: list[Problem]
    worker: Worker | None
    held: Hold | None
    figures: Figures | None
    stories: list[tuple[Story, Figures | None]]
    more_stories: bool
    sees_sending: bool
    sees_readers: bool

    @property
    def again(self) -> float:
        return AGAIN


def today(request: HttpRequest, now: datetime) -> Today:
    """Return the day as this person may see it: figures are of all stories, and for who may see all of them."""
    user = request.user
    sees_all = user.has_perm(ALL_STORIES)
    sees_readers, sees_sending = (sees_all and user.has_perm(name) for name in (READERS, SENDING))
    if not (sees_readers or sees_sending):
        return Today(now, [], None, None, None, *running(request, None), False, False)
    holds = list(Hold.objects.active())
    with planned_anew():
        found, counted_at = keeping.counts(now)
        figures = Figures(found, counted_at) if found else None
        state = worker(now)
        wrong = problems(now, user, state, holds, figures) if sees_sending else []
        everything = next((hold for hold in holds if hold.story_id is None), None)
        stories = running(request, figures)
    return Today(now, wrong, state, everything, figures, *stories, sees_sending, sees_readers)


def running(request: HttpRequest, figures: Figures | None) -> tuple[list[tuple[Story, Figures | None]], bool]:
    """Return the stories that this person may see and that run, with their figures, and whether there are more.

    Without figures, all of their own stories run: who writes has to find them.
    """
    stories = admin.site.get_model_admin(Story)
    if not stories.has_view_permission(request):
        return [], False
    found = stories.get_queryset(request)
    if request.user.has_perm(ALL_STORIES):
        active = {row[0] for name in ("due", "sent", "reading") for row in figures.counts[name]} if figures else set()
        found = found.filter(Q(status=Story.Status.PUBLISHED) | Q(pk__in=active - {None}))
    listed = [(story, figures.of(story.pk) if figures else None) for story in found.order_by("title")]
    if figures:
        listed.sort(key=lambda each: (-each[1].due.day - each[1].sent.day, each[0].title))
    return listed[:STORIES_MAX], len(listed) > STORIES_MAX


@require_safe
def view(request: HttpRequest) -> HttpResponse:
    """Answer with what changes on the page, for the page to put in place of what it shows."""
    return render(request, "admin/subscribers/today_live.html", {"today": today(request, timezone.now())})


page = admin.site.admin_view(view)
