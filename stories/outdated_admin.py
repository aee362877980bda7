"""Two journalists on one story: the second to save is told what the first has changed."""

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone

from . import history
from .changes import changes
from .history_admin import who
from .models import HistoricalStory, Story

# The field of the form that names the entry on which it was opened.
VERSION = "_version"
# The checkbox by which someone saves over what others have changed meanwhile; its value is their last entry.
SAVE_OVER = "_over"


class OutdatedMixin:
    """For the admin of stories: a form that was opened before somebody else's save is not saved over it unasked.

    The form carries the entry that was the last one when it was opened. Where another is the last one now,
    1. the story is put back to what the form was opened on, so that the form fits it: no text in it is unknown;
    2. unless the checkbox says to save over the others' work, the form is refused, and shown with what was typed;
    3. whatever is not saved is rolled back, so that the others' work stands.
    """

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        if request.method != "POST" or object_id is None:
            return super().changeform_view(request, object_id, form_url, extra_context)
        with transaction.atomic():
            story, newest = self.newest_entry(request, object_id)
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
        return story, history.keep(story, timezone.now())

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
        return form

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        context["outdated"] = getattr(request, "outdated", None)
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
