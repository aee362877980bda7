"""The status of a story on its page: what it is, what stands in the way, and the buttons that change it."""

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

from . import publishing
from .forms import PUBLISH, REHEARSE
from .models import Story
from .readers import reach, still_reading

# Of more texts than this, a message after saving only gives the number.
TEXTS_TOLD = 10
LINE = mark_safe("<br>")
WORDING = {"body", "media", "media_url"}


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of status that has a page of its own, which asks first."""

    to: Story.Status
    label: str
    effect: str
    done: str


UNPUBLISH = Transition(
    Story.Status.DRAFT,
    "Unpublish",
    "It becomes a draft again: nobody can start it, and its page is gone, until you publish it once more.",
    "Back to draft: nobody can start it now.",
)
REOPEN = Transition(
    Story.Status.DRAFT,
    "Back to draft",
    "It becomes a draft again, to be written on and published once more.",
    "It is a draft again.",
)
ARCHIVE = Transition(
    Story.Status.ARCHIVED,
    "Archive",
    "It is over: nobody can start it, and its page says so.",
    "Archived: nobody can start it now.",
)
TRANSITIONS = {
    Story.Status.DRAFT: {"archive": ARCHIVE},
    Story.Status.PUBLISHED: {"unpublish": UNPUBLISH, "archive": ARCHIVE},
    Story.Status.ARCHIVED: {"unpublish": REOPEN},
}


class PublishingMixin:
    """For the admin of stories: publishing saves the form, the other changes of status ask on a page of their own."""

    status_template = "admin/stories/story/status.html"

    def get_urls(self):
        view = self.admin_site.admin_view(self.status_view)
        own = [
            path(f"<path:object_id>/{name}/", view, {"name": name}, f"stories_story_{name}")
            for name in ("unpublish", "archive")
        ]
        return own + super().get_urls()

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        # What was typed is on `obj` already when a form comes back refused.
        saved = Story.objects.get(pk=obj.pk) if change and request.method == "POST" else obj
        status = saved.status if saved else Story.Status.DRAFT
        context["save_label"] = "Save draft" if status == Story.Status.DRAFT else "Save"
        context["publish_label"] = {Story.Status.DRAFT: "Publish", Story.Status.ARCHIVED: "Publish again"}.get(status)
        context["refused"] = [
            sentence for inline in context["inline_admin_formsets"] for sentence in inline.formset.obstacles
        ]
        context["errors"] += context["refused"]
        context["publishing"] = PUBLISH in request.POST
        if saved:
            context["panel"] = self.status_panel(request, saved)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def status_panel(self, request: HttpRequest, story: Story) -> dict:
        """Return what the top of the page says about the status of this saved story."""
        draft = story.status == Story.Status.DRAFT
        warnings = publishing.obstacles(story, story.texts.order_by("position"), files=False) if draft else []
        return {
            "status": story.get_status_display(),
            "words": publishing.how_to_start(story)
            if story.status == Story.Status.PUBLISHED
            else "Nobody can start it.",
            "reading": still_reading(story, nobody=""),
            "heading": "Before it can be published:" if draft else "To be mended:",
            "warnings": warnings or publishing.warnings(story),
            "links": self.status_links(story) if self.has_change_permission(request, story) else [],
        }

    def status_links(self, story: Story) -> list[tuple[str, str]]:
        return [
            (reverse(f"admin:stories_story_{name}", args=[story.pk]), transition.label)
            for name, transition in TRANSITIONS[Story.Status(story.status)].items()
        ]

    def save_model(self, request, obj, form, change):
        if PUBLISH in request.POST:
            obj.status = Story.Status.PUBLISHED
        super().save_model(request, obj, form, change)

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        if change:
            for formset in formsets:
                self.tell_reach(request, form.instance, formset)

    def tell_reach(self, request: HttpRequest, story: Story, formset) -> None:
        """Tell, of each text whose wording was corrected, how many readers had the old one and will get the new."""
        changed = [text.pk for text, fields in formset.changed_objects if WORDING & set(fields)]
        if not changed or not story.enrollments.readers().exists():
            return
        told = reach(story, changed[:TEXTS_TOLD])
        rest = f"… and {len(changed) - TEXTS_TOLD} more texts." if len(changed) > TEXTS_TOLD else ""
        lines = format_html_join(LINE, "{}", [(text,) for text in [*told, rest] if text])
        self.message_user(request, lines, messages.INFO)

    def response_add(self, request, obj, post_url_continue=None):
        return self.response_publish(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request, obj):
        if REHEARSE in request.POST:
            self.message_user(request, "Saved.", messages.SUCCESS)
            return HttpResponseRedirect(reverse("rehearse", args=[obj.pk]))
        return self.response_publish(request, obj) or super().response_change(request, obj)

    def response_publish(self, request: HttpRequest, story: Story) -> HttpResponse | None:
        if PUBLISH not in request.POST:
            return None
        self.message_user(request, f"Published. {publishing.how_to_start(story)}", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:stories_story_change", args=[story.pk]))

    def status_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        story = self.get_object(request, unquote(object_id))
        if story is None:
            raise Http404
        if not self.has_change_permission(request, story):
            raise PermissionDenied
        transition = TRANSITIONS[Story.Status(story.status)].get(name)
        page = HttpResponseRedirect(reverse("admin:stories_story_change", args=[story.pk]))
        if transition is None:
            self.message_user(request, f"It is {story.get_status_display().lower()} already.", messages.WARNING)
            return page
        if request.method != "POST":
            return self.ask(request, story, transition)
        self.go(request, story, transition)
        return page

    def ask(self, request: HttpRequest, story: Story, transition: Transition) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"{transition.label}: {story}",
            "opts": self.opts,
            "object": story,
            "transition": transition,
            "reading": still_reading(story),
        }
        return TemplateResponse(request, self.status_template, context)

    @transaction.atomic
    def go(self, request: HttpRequest, story: Story, transition: Transition) -> None:
        if publishing.change_status(story, transition.to, request.user, timezone.now()):
            self.log_change(request, story, transition.done)
        self.message_user(request, f"{transition.done} {still_reading(story)}", messages.SUCCESS)
