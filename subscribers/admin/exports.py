"""Exports: what is wanted, what is being made, and the files, for who asked for them."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.files.storage import storages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from stories.authors import of_their_own
from stories.models import Story
from textengine.moments import NOTHING, moment

from ..exporting.files import TYPES
from ..exporting.making import at_once, begin, is_small
from ..models import Access, Export
from .parts import DayInput, ReadOnlyAdmin, row_id
from .watching import SEE_NUMBERS

# What one has to be allowed to look at, to have it as a file.
PERMISSIONS = {
    Export.What.READERS: "subscribers.view_subscriber",
    Export.What.MESSAGES: "subscribers.view_message",
    Export.What.FUNNEL: "stories.view_story",
}
ALL_EXPORTS = "subscribers.view_export"
# So many at once may wait for one person.
WAITING_MAX = 3


def kinds_for(user) -> list[tuple[str, str]]:
    return [choice for choice in Export.What.choices if user.has_perm(PERMISSIONS[choice[0]])]


class ExportForm(forms.ModelForm):
    use_required_attribute = False

    class Meta:
        model = Export
        fields = ["what", "story", "since", "until", "suffix", "whole_numbers"]
        widgets = {"what": forms.RadioSelect, "suffix": forms.RadioSelect, "since": DayInput, "until": DayInput}
        help_texts = {
            "since": "Readers who joined, messages that were planned or came in, or readers who began, on this day or "
            "later. Empty: from the beginning.",
            "until": "And on this day or before. Empty: until now.",
        }

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["what"].choices = kinds_for(user)
        self.fields["story"].queryset = of_their_own(Story.objects.all(), user)
        self.fields["story"].empty_label = "All stories"
        self.fields["whole_numbers"].label = "With whole numbers"
        self.fields["whole_numbers"].help_text = "It is put on record that you asked for them."
        if not user.has_perm(SEE_NUMBERS):
            del self.fields["whole_numbers"]

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("since") and cleaned.get("until") and cleaned["since"] > cleaned["until"]:
            self.add_error("until", "This day is before the one from which on it is.")
        return cleaned


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    list_display = ["name", "of_story", "asked", "by", "state", "fetch"]
    list_display_links = None
    list_select_related = ["story", "user"]
    actions = None

    def get_urls(self):
        own = [
            ("progress/", self.progress_view, "progress"),
            ("file/", self.file_view, "file"),
        ]
        view = self.admin_site.admin_view
        return [
            path(f"<int:object_id>/{rest}", view(require_safe(each)), name=f"subscribers_export_{name}")
            for rest, each, name in own
        ] + super().get_urls()

    def has_module_permission(self, request):
        return self.has_view_permission(request)

    def has_view_permission(self, request, obj=None):
        """Whoever may look at something may have it as a file, and sees the own ones."""
        return request.user.is_active and (bool(kinds_for(request.user)) or request.user.has_perm(ALL_EXPORTS))

    def has_add_permission(self, request, obj=None):
        return bool(kinds_for(request.user))

    def get_queryset(self, request):
        exports = super().get_queryset(request)
        return exports if request.user.has_perm(ALL_EXPORTS) else exports.filter(user=request.user)

    def add_view(self, request, form_url="", extra_context=None):
        if not self.has_add_permission(request):
            raise PermissionDenied
        now = timezone.now()
        new = Export(user=request.user, created_at=now)
        initial = {"what": kinds_for(request.user)[0][0]} | request.GET.dict()
        form = ExportForm(request.POST or None, instance=new, initial=initial, user=request.user)
        if request.method == "POST" and form.is_valid():
            return self.give(request, form.save(commit=False))
        return self.page(request, "Export", {"form": form})

    def give(self, request: HttpRequest, export: Export) -> HttpResponse:
        """Answer with a small export; have a large one made."""
        small = is_small(export)
        if not small and Export.objects.filter(user=request.user, status=Export.Status.WAITING).count() >= WAITING_MAX:
            self.message_user(request, "Several exports of yours wait already. Let them be made first.", messages.ERROR)
            return HttpResponseRedirect(reverse("admin:subscribers_export_changelist"))
        Access.record(request.user, Access.What.EXPORT, described(export))
        if small:
            response = StreamingHttpResponse(at_once(export), content_type=TYPES[export.suffix])
            response["Content-Disposition"] = f'attachment; filename="{export.filename}"'
            return response
        export.save()
        begin()
        return HttpResponseRedirect(reverse("admin:subscribers_export_change", args=[export.pk]))

    def change_view(self, request, object_id, form_url="", extra_context=None):
        export = self.export_of(request, object_id)
        return self.page(request, str(export), self.seen(export))

    def progress_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Answer with how far an export is, as its page asks now and then."""
        context = self.seen(self.export_of(request, object_id))
        return TemplateResponse(request, "admin/subscribers/export_progress.html", context)

    def file_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        export = self.export_of(request, object_id)
        if export.whole_numbers and not request.user.has_perm(SEE_NUMBERS):
            raise PermissionDenied
        if export.status != Export.Status.READY or Export.objects.over(timezone.now()).filter(pk=export.pk).exists():
            raise Http404
        Access.record(request.user, Access.What.DOWNLOAD, described(export))
        file = storages["exports"].open(export.file)
        return FileResponse(file, as_attachment=True, filename=export.filename, content_type=TYPES[export.suffix])

    def export_of(self, request: HttpRequest, object_id: int | str) -> Export:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(self.get_queryset(request).select_related("story"), pk=row_id(str(object_id)))

    def seen(self, export: Export) -> dict:
        stuck = export.is_stuck(timezone.now()) or export.status == Export.Status.FAILED
        moving = not stuck and export.status in (Export.Status.WAITING, Export.Status.RUNNING)
        return {"export": export, "stuck": stuck, "moving": moving, "described": described(export)}

    def page(self, request: HttpRequest, title: str, context: dict) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "title": title, "opts": self.opts, **context}
        return TemplateResponse(request, "admin/subscribers/export.html", context)

    @admin.display(description="export")
    def name(self, export: Export) -> str:
        return format_html('<a href="{}">{}</a>', reverse("admin:subscribers_export_change", args=[export.pk]), export)

    @admin.display(description="story")
    def of_story(self, export: Export) -> str:
        return str(export.story or "All stories")

    @admin.display(description="asked for", ordering="created_at")
    def asked(self, export: Export) -> str:
        return moment(export.created_at)

    @admin.display(description="by", ordering="user__username")
    def by(self, export: Export) -> str:
        return export.user.get_username()

    @admin.display(description="state", ordering="status")
    def state(self, export: Export) -> str:
        return export.get_status_display()

    @admin.display(description="file")
    def fetch(self, export: Export) -> str:
        if export.status != Export.Status.READY:
            return NOTHING
        return format_html('<a href="{}">Download</a>', reverse("admin:subscribers_export_file", args=[export.pk]))


def described(export: Export) -> str:
    """Say what an export is of, for the record of who looked."""
    parts = [str(export), f"of “{export.story}”" if export.story else "of all stories"]
    parts += [f"from {export.since}"] if export.since else []
    parts += [f"to {export.until}"] if export.until else []
    if export.what != Export.What.FUNNEL:
        parts.append("with whole numbers" if export.whole_numbers else "with masked numbers")
    return ", ".join(parts)
