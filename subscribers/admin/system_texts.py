"""What the system says by itself: all occasions on one page, and the newsroom's own words for each."""

from dataclasses import dataclass

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from stories import placeholders
from stories.phone import Bubble, Phone
from stories.segments import Measurement, measure

from ..models import SystemText
from ..wording import OCCASIONS, Kind, Occasion, filled, sample, warnings

LONGEST = SystemText._meta.get_field("body").max_length


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of one occasion as they would come; `row` is the newsroom's own, None where they are ours."""

    kind: Kind
    body: str
    row: SystemText | None = None
    language: str = ""

    @property
    def occasion(self) -> Occasion:
        return OCCASIONS[self.kind]

    @property
    def shown(self) -> str:
        return filled(self.body, sample(self.kind))

    @property
    def size(self) -> Measurement:
        return measure(self.shown)

    @property
    def warnings(self) -> list[str]:
        return warnings(self.kind, self.body, self.language)

    @property
    def phone(self) -> Phone:
        bubbles = [Bubble(body=self.shown)] if self.shown else []
        return Phone(self.kind.label, "with names made up", bubbles)


def wordings() -> list[Wording]:
    """Return the words of all occasions, the newsroom's before ours, in all languages that they are written in."""
    rows = list(SystemText.objects.all())
    found = []
    for kind in Kind:
        own = [Wording(kind, row.body, row, row.language) for row in rows if row.kind == kind]
        default = [] if any(not wording.language for wording in own) else [Wording(kind, OCCASIONS[kind].default)]
        found += default + own
    return found


class SystemTextForm(forms.ModelForm):
    class Meta:
        widgets = {"body": forms.Textarea(attrs={"rows": 5})}

    def clean(self):
        cleaned = super().clean()
        kind, body = cleaned.get("kind") or self.instance.kind, cleaned.get("body", "")
        if not kind:
            return cleaned
        if reason := placeholders.refusal(body, OCCASIONS[kind].placeholders):
            self.add_error("body", reason)
        return cleaned


@admin.register(SystemText)
class SystemTextAdmin(admin.ModelAdmin):
    form = SystemTextForm
    fields = ["kind", "language", "body"]
    change_form_template = "admin/subscribers/system_text.html"

    class Media:
        js = [forms.Script("subscribers/system_text.js", type="module")]

    def get_urls(self):
        view = self.admin_site.admin_view(require_POST(self.preview))
        return [path("preview/", view, name="subscribers_systemtext_preview"), *super().get_urls()]

    def get_readonly_fields(self, request, obj=None):
        return ["kind"] if obj else []

    def get_changeform_initial_data(self, request):
        """Begin with our own words for the occasion."""
        initial = super().get_changeform_initial_data(request)
        kind = initial.get("kind")
        return initial | ({"body": OCCASIONS[kind].default} if kind in OCCASIONS else {})

    def changelist_view(self, request, extra_context=None):
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = self.admin_site.each_context(request) | {
            "title": "System texts",
            "opts": self.opts,
            "wordings": wordings(),
            "may_change": self.has_change_permission(request) and self.has_add_permission(request),
        }
        return TemplateResponse(request, "admin/subscribers/system_texts.html", context)

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        obj = self.get_object(request, object_id) if object_id else None
        kind = obj.kind if obj else request.POST.get("kind") or request.GET.get("kind", "")
        kind = Kind(kind) if kind in Kind.values else Kind.WELCOME
        body = request.POST.get("body", obj.body if obj else OCCASIONS[kind].default)
        context = {
            "show_save_and_add_another": False,
            "wording": Wording(kind, body, obj, request.POST.get("language", obj.language if obj else "")),
            "preview_url": reverse("admin:subscribers_systemtext_preview"),
        }
        return super().changeform_view(request, object_id, form_url, context | (extra_context or {}))

    def preview(self, request: HttpRequest) -> HttpResponse:
        """Answer with the words on the page as a phone shows them, what they are billed as, and what they lack."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        kind = request.POST.get("kind", "")
        kind = Kind(kind) if kind in Kind.values else Kind.WELCOME
        body, language = request.POST.get("body", "")[:LONGEST], request.POST.get("language", "")
        wording = Wording(kind, body, language=language)
        return render(request, "admin/subscribers/system_text_preview.html", {"wording": wording})
