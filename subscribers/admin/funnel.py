"""The page of a story that shows where its readers are: at which text, and after which they left."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_safe

from stories.authors import of_their_own
from stories.models import Story
from textengine.database import planned_anew

from ..funnel.figures import Figures, figures
from ..funnel.tallies import day_begins
from .parts import DayInput

# So many saves are offered to compare the readers before and after them.
SAVES_MAX = 20
# Seconds until the page asks anew: while the figures are counted as one looks, and while they are being counted.
LIVE, COUNTING = 5, 2
# And where they are counted in the background now and then.
KEPT = 20


def day_field(label: str) -> forms.DateField:
    message = "This is no date. Write it as 2026-11-25."
    return forms.DateField(
        label=label,
        required=False,
        widget=DayInput(),
        error_messages={"invalid": message},
        input_formats=["%Y-%m-%d"],
    )


class ChoiceForm(forms.Form):
    """Whose figures are shown, and beside what."""

    use_required_attribute = False
    since = day_field("Joined from")
    until = day_field("to")
    beside = forms.ChoiceField(label="Compare", required=False)
    split = day_field("on")

    def __init__(self, data, story: Story, others: QuerySet[Story]):
        super().__init__(data)
        self.story = story
        self.fields["beside"].choices = [
            ("", "with nothing"),
            ("day", "who joined before and from a day on"),
            ("Before and since a save", [(f"save-{pk}", words) for pk, words in saves_of(story)]),
            ("With another story", [(f"story-{pk}", title) for pk, title in others.values_list("pk", "title")]),
        ]

    def clean(self):
        cleaned = super().clean()
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", "This day is before the first one.")
        if cleaned.get("beside") == "day" and not cleaned.get("split") and "split" not in self.errors:
            self.add_error("split", "Choose the day.")
        return cleaned


def saves_of(story: Story) -> Iterable[tuple[int, str]]:
    for entry in story.history.order_by("-history_date")[:SAVES_MAX]:
        yield entry.pk, date_format(timezone.localtime(entry.history_date), "j M Y, H:i")


@dataclass(frozen=True, slots=True)
class Selection:
    """Readers of a story who joined from `since` on and before `until`, and what they are called."""

    story: Story
    since: datetime | None
    until: datetime | None
    title: str

    def figures(self, now: datetime) -> Figures:
        return figures(self.story, now, self.since, self.until, self.title)


def selections(form: ChoiceForm) -> list[Selection]:
    """Return whose figures are asked for: one, or two beside each other."""
    story = form.story
    cleaned = form.cleaned_data if form.is_valid() else {}
    since, until = begins(cleaned.get("since")), begins(cleaned.get("until"), days_later=1)
    kind, _, pk = cleaned.get("beside", "").partition("-")
    if kind == "story":
        other = Story.objects.get(pk=pk)
        return [Selection(each, since, until, str(each)) for each in (story, other)]
    if kind not in ("day", "save"):
        return [Selection(story, since, until, str(story))]
    if kind == "day":
        at, words = begins(cleaned["split"]), date_format(cleaned["split"], "j M Y")
    else:
        at = story.history.get(pk=pk).history_date
        words = date_format(timezone.localtime(at), "j M Y, H:i")
    # Outside the chosen days nobody is on one of the sides.
    middle = max(since, at) if since else at
    middle = min(middle, until) if until else middle
    return [
        Selection(story, since, middle, f"Joined before {words}"),
        Selection(story, middle, until, f"Joined from {words} on"),
    ]


def begins(day: date | None, days_later: int = 0) -> datetime | None:
    return day_begins(day, days_later) if day else None


@require_safe
def view(request: HttpRequest, story_id: int) -> HttpResponse:
    """Show the figures; with `part`, only what changes, for the page to put in place of what it shows."""
    stories = admin.site.get_model_admin(Story)
    story = get_object_or_404(stories.get_queryset(request), pk=story_id)
    if not stories.has_view_permission(request, story):
        raise PermissionDenied
    others = of_their_own(Story.objects.exclude(pk=story.pk).order_by("title"), request.user)
    form = ChoiceForm(request.GET, story, others)
    with planned_anew():
        shown = [selection.figures(timezone.now()) for selection in selections(form)]
    context = {
        "story": story,
        "form": form,
        "panels": shown,
        "again": again(shown),
        "may_see_readers": request.user.has_perm("subscribers.view_enrollment"),
    }
    if "part" in request.GET:
        return render(request, "admin/subscribers/funnel_panels.html", context)
    page = {"title": "Readers", "subtitle": str(story), "opts": Story._meta, "object": story}
    return render(request, "admin/subscribers/funnel.html", admin.site.each_context(request) | page | context)


def again(shown: list[Figures]) -> int:
    if any(each.progress is not None for each in shown):
        return COUNTING
    return KEPT if any(each.counted_at for each in shown) else LIVE


page = admin.site.admin_view(view)
