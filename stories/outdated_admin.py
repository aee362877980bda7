"""Two journalists on one story: the second to save is told what the first has changed, or that it was deleted."""

import re

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from . import history
from .changes import changes
from .desk import preview_url
from .forms import PUBLISH, REHEARSE
from .history_admin import moment_words, who
from .models import HistoricalStory, Story

# The field of the form that names the entry on which it was opened.
VERSION = "_version"
# The checkbox by which someone saves over what others have changed meanwhile; its value is their last entry.
SAVE_OVER = "_over"
TEXT_ID, TEXT_BODY = re.compile(r"texts-\d+-id"), re.compile(r"texts-(\d+)-body")


class OutdatedMixin:
    """For the admin of stories: a form that was opened before somebody else's save is not saved over it unasked.

    The form carries the entry that was the last one when it was opened. Where another is the last one now,
    1. the story is put back to what the form was opened on, so that the form fits it: no text in it is unknown;
    2. unless the checkbox says to save over the others' work, the form is refused, and shown with what was typed;
    3. whatever is not saved is rolled back, so that the others' work stands.
    Where the story was deleted meanwhile, the form comes back as that of a new one.
    """

    deleted_meanwhile_template = "admin/stories/story/deleted_meanwhile.html"

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        if request.method != "POST" or object_id is None:
            return super().changeform_view(request, object_id, form_url, extra_context)
        with transaction.atomic():
            story, newest = self.newest_entry(request, object_id)
            gone = story is None and object_id.isdecimal() and not Story.objects.filter(pk=object_id).exists()
            if gone and self.has_change_permission(request):
                return self.deleted_meanwhile(request, deletion(int(object_id)), extra_context or {})
            # Of what follows nothing stays if the form is refused; that the story is locked does.
            with transaction.atomic():
                self.compare_versions(request, story, newest)
                response = super().changeform_view(request, object_id, form_url, extra_context)
                if request.outdated and isinstance(response, TemplateResponse):
                    response.render()
                    transaction.set_rollback(True)
        return response

    def newest_entry(self, request: HttpRequest, object_id: str) -> tuple[Story | None, HistoricalStory | None]:
        """Lock the story, and return it with its last entry: how it stands, whoever brought it there."""
        story = self.get_object(request, unquote(object_id))
        if story is None or not self.has_change_permission(request, story):
            return None, None
        try:
            return story, history.keep(story, timezone.now())
        except Story.DoesNotExist:  # deleted while this waited for it
            return None, None

    def deleted_meanwhile(self, request: HttpRequest, deleted: dict, extra_context: dict) -> HttpResponse:
        """Show what was typed in a deleted story: to be saved as a new one, or, to those who may not, to be copied."""
        request.deleted = deleted | {"may_add": self.may_write_anew(request)}
        if not request.deleted["may_add"]:
            return self.typed_page(request)
        request.POST = as_new(request.POST)
        context = extra_context | {"preview_url": preview_url(None)}
        return super().changeform_view(request, None, reverse("admin:stories_story_add"), context)

    def may_write_anew(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request) and request.user.has_perm("stories.add_storytext")

    def typed_page(self, request: HttpRequest) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Deleted meanwhile",
            "opts": self.opts,
            "deleted": request.deleted,
            "typed": typed_words(request.POST),
        }
        return TemplateResponse(request, self.deleted_meanwhile_template, context)

    def compare_versions(self, request: HttpRequest, story: Story | None, newest: HistoricalStory | None) -> None:
        """Find what others saved since this form was opened, and go back to before that."""
        request.outdated = None
        opened = story and story.history.filter(pk=version_number(request)).first()
        if opened and opened.pk != newest.pk:
            request.outdated = outdated(opened, newest, request.POST.get(SAVE_OVER) == str(newest.pk))
            history.put_back(story, opened, timezone.now())

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change, **kwargs)
        late = getattr(request, "outdated", None)
        if late and not late["saved_over"]:
            form.refusal = f"Not saved: {late['who']} saved this story while you had it open."
        if deleted := getattr(request, "deleted", None):
            form.refusal = f"Not saved: {deleted['sentence']}"
        return form

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        context["outdated"] = getattr(request, "outdated", None)
        context["deleted"] = getattr(request, "deleted", None)
        context["version"] = version_number(request) or (change and getattr(obj.history.first(), "pk", "")) or ""
        context["files_lost"] = bool(request.FILES)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def response_change(self, request, obj):
        if request.outdated:
            obj.revised()
            words = f"Saved over what {request.outdated['who']} had changed. It is kept in the history."
            self.message_user(request, words, messages.WARNING)
        return super().response_change(request, obj)


def version_number(request: HttpRequest) -> int:
    """Return the entry on which a posted form was opened; 0 where it names none."""
    number = request.POST.get(VERSION, "")
    return int(number) if number.isdecimal() and len(number) < 10 else 0


def outdated(opened: HistoricalStory, newest: HistoricalStory, saved_over: bool) -> dict:
    """Return what the refusal page says about the saves after `opened`."""
    since = Story.history.filter(id=opened.id, history_date__gt=opened.history_date)
    since = since.select_related("history_user").order_by("history_date")
    return {
        "who": " and ".join(dict.fromkeys(who(entry) or "somebody" for entry in since)),
        "entries": [(entry, who(entry)) for entry in since],
        "changes": changes(history.version_of(opened), history.version_of(newest)),
        "newest": newest,
        "saved_over": saved_over,
    }


def deletion(story_id: int) -> dict:
    """Return what the page says about the deletion of a story, as far as the history knows it."""
    entry = Story.history.filter(id=story_id, history_type=history.DELETED).select_related("history_user").first()
    name, when = (who(entry), f" on {moment_words(entry)}") if entry else ("", "")
    return {
        "sentence": f"{name or 'Somebody'} deleted this story{when}, while you had it open.",
        "had_pictures": bool(entry) and any(text.media for text in history.version_of(entry).texts),
    }


def as_new(data: QueryDict) -> QueryDict:
    """Return a posted form of a story as that of a new one: none of its texts is known, and nothing is published."""
    data = data.copy()
    data["texts-INITIAL_FORMS"] = "0"
    for name in [PUBLISH, REHEARSE, VERSION, SAVE_OVER, *filter(TEXT_ID.fullmatch, data)]:
        data.pop(name, None)
    return data


def typed_words(data: QueryDict) -> list[str]:
    """Return the words of a posted form of a story: its title, its summary and its texts, in the form's order."""
    numbers = [match[1] for match in map(TEXT_BODY.fullmatch, data) if match]
    kept = [number for number in numbers if f"texts-{number}-DELETE" not in data]
    order = {number: data.get(f"texts-{number}-ORDER", "") for number in kept}
    kept.sort(key=lambda number: int(order[number]) if order[number].isdecimal() else len(data))
    words = [data.get("title", ""), data.get("summary", ""), *(data[f"texts-{number}-body"] for number in kept)]
    return [text for text in words if text.strip()]
