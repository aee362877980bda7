"""Stories as files in the admin: import with a look at what would change, and export."""

from django import forms
from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from .scripts.drafts import Problem, ScriptError, StoryDraft, draft_of
from .scripts.files import read_story, source_of, title_of
from .scripts.importing import import_story
from .scripts.pictures import Pictures
from .scripts.plans import Plan
from .scripts.script import divide, write_script
from .scripts.table import write_table

FORMATS = {"txt": (write_script, "text/plain"), "csv": (write_table, "text/csv")}
# What importing may do to the texts of a new story, and to those of one that is there.
TEXT_PERMISSIONS = {
    True: ["stories.add_storytext"],
    False: ["stories.add_storytext", "stories.change_storytext", "stories.delete_storytext"],
}
# Between the preview and Save, a link is not fetched again.
LINKS_SALT, LINKS_SECONDS = "stories.importing.links", 60 * 60
NOT_ALLOWED = "You may look at this story but not change it; nothing was saved."
DIVIDED = "Each paragraph is a text of its own now. Take out the line between those that belong together."
MEANWHILE = "Nothing was saved: somebody has changed the story meanwhile. This is what would change now."


class SourceForm(forms.Form):
    """A story's file, uploaded or pasted; `name` is that of an uploaded one."""

    file = forms.FileField(
        label="Choose a file",
        required=False,
        help_text="Plain text (.txt) or a table (.csv).",
        widget=forms.FileInput(attrs={"accept": ".txt,.text,.md,.csv,.tsv"}),
    )
    source = forms.CharField(
        label="or paste it here", required=False, widget=forms.Textarea(attrs={"rows": 16, "spellcheck": "false"})
    )
    title = forms.CharField(
        label="Title", required=False, max_length=120, help_text="Only where the file does not say it."
    )
    name = forms.CharField(required=False, widget=forms.HiddenInput)


class DivideForm(forms.Form):
    """The wait for an article that has none yet."""

    every = forms.ChoiceField(
        label="An article without waits? After each paragraph",
        choices=[(wait, wait) for wait in ("10 minutes", "1 hour", "2 hours", "next day at 8:00", "next day at 19:00")],
        initial="2 hours",
    )


class ImportingMixin:
    """For the admin of stories: a page that imports a file in two steps, and the files that a story is exported as."""

    def get_urls(self):
        view = self.admin_site.admin_view
        return [
            path("import/", view(self.import_view), name="stories_story_import"),
            path("<int:object_id>/export.<str:suffix>", view(self.export_view), name="stories_story_export"),
            *super().get_urls(),
        ]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
        if request.method != "POST":
            return self.source_page(request, {})
        said = request.POST.dict()
        try:
            said, draft = read_post(request)
            if "divide" in said:
                said["source"] = divide(said["source"], said.get("every", ""))
                self.message_user(request, DIVIDED, messages.SUCCESS)
            if said.keys() & {"edit", "divide"}:
                return self.source_page(request, said)
            return self.look_or_save(request, said, draft)
        except ScriptError as error:
            return self.source_page(request, said, error.problems)

    def look_or_save(self, request: HttpRequest, said: dict, draft: StoryDraft) -> HttpResponse:
        """Show what the file would change; save it if that is what was seen already."""
        pictures = Pictures(draft, sound_links=signed_links(said))
        plan = import_story(
            draft,
            pictures,
            timezone.now(),
            said["title"],
            request.user,
            lambda plan: self.is_agreed(request, said, plan),
        )
        if not plan.saved:
            links = signing.dumps(pictures.sound_links, salt=LINKS_SALT)
            return self.plan_page(request, said | {"links": links}, plan)
        if not plan.changes_nothing:
            self.log_import(request, plan)
        self.message_user(request, f"“{plan.story}” was imported: {plan.summary}.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:stories_story_change", args=[plan.story.pk]))

    def is_agreed(self, request: HttpRequest, said: dict, plan: Plan) -> bool:
        """Tell whether somebody who may pressed Save on just this plan."""
        if not self.may_import(request, plan):
            raise ScriptError([Problem(1, NOT_ALLOWED)])
        return "save" in said and said.get("seen") == plan.seen

    def may_import(self, request: HttpRequest, plan: Plan) -> bool:
        on_story = self.has_add_permission(request) if plan.is_new else self.has_change_permission(request, plan.story)
        return on_story and request.user.has_perms(TEXT_PERMISSIONS[plan.is_new])

    def log_import(self, request: HttpRequest, plan: Plan) -> None:
        log = self.log_addition if plan.is_new else self.log_change
        log(request, plan.story, f"Imported: {plan.summary}.")

    def source_page(self, request: HttpRequest, said: dict, problems: list[Problem] | None = None) -> HttpResponse:
        forms = {"form": SourceForm(initial=said), "divide": DivideForm(initial=said)}
        more = {"title": "Import a story", "problems": problems or [], **forms}
        return self.importing_page(request, "import", more)

    def plan_page(self, request: HttpRequest, said: dict, plan: Plan) -> HttpResponse:
        if "save" in said:
            self.message_user(request, MEANWHILE, messages.WARNING)
        more = {"title": f"Import “{plan.story}”", "plan": plan, "said": said}
        return self.importing_page(request, "import_preview", more)

    def importing_page(self, request: HttpRequest, name: str, more: dict) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, **more}
        return TemplateResponse(request, f"admin/stories/story/{name}.html", context)

    def export_view(self, request: HttpRequest, object_id: int, suffix: str) -> HttpResponse:
        """Answer with a story as a script or as a table."""
        story = self.get_object(request, str(object_id))
        if story is None or suffix not in FORMATS:
            raise Http404
        if not self.has_view_permission(request, story):
            raise PermissionDenied
        write, kind = FORMATS[suffix]
        headers = {"Content-Disposition": f'attachment; filename="{story.slug}.{suffix}"'}
        return HttpResponse(write(draft_of(story)), content_type=f"{kind}; charset=utf-8", headers=headers)


def signed_links(said: dict[str, str]) -> list[str]:
    """Return the links that the preview found to be pictures, as it has signed them; none where it is long ago."""
    try:
        return signing.loads(said.get("links", ""), salt=LINKS_SALT, max_age=LINKS_SECONDS)
    except signing.BadSignature:
        return []


def read_post(request: HttpRequest) -> tuple[dict[str, str], StoryDraft]:
    """Return what was posted, an uploaded file as if it had been pasted, and the story that it tells."""
    said = {"title": "", "name": "", "source": ""} | request.POST.dict()
    file = request.FILES.get("file")
    said["name"] = file.name if file else said["name"]
    said["source"] = source_of(file.read() if file else said["source"].encode())
    if not said["source"].strip():
        raise ScriptError([Problem(1, "There is nothing here yet: choose a file, or paste a story.")])
    draft = read_story(said["source"], said["name"])
    if "title" not in draft.fields:
        said["title"] = said["title"].strip() or title_of(said["name"])
    return said, draft
