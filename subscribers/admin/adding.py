"""The page on which readers are added who consented elsewhere: first what a list would do, then doing it."""

import phonenumbers
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from stories.authors import name_of, of_their_own
from stories.models import Story
from stories.readers import readers

from ..adding import LINES_MAX, Agreement, Plan, add, plan
from ..finding import our_region
from ..models import Access, Consent
from .parts import DayInput
from .watching import may_see_numbers

FILE_MAX_BYTES = 200_000
MEANWHILE = "Something has changed since you looked. See what the list would do now."


def regions() -> list[tuple[str, str]]:
    allowed = settings.ALLOWED_COUNTRIES or phonenumbers.SUPPORTED_REGIONS
    return [(region, f"{region} (+{phonenumbers.country_code_for_region(region)})") for region in sorted(allowed)]


class AddingForm(forms.ModelForm):
    use_required_attribute = False

    source = forms.CharField(
        label="Numbers",
        required=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text="One a line, such as +1 415 555 0100. After a comma, the day of the consent if it is another than "
        f"below: +1 415 555 0100, 2026-11-30. At most {LINES_MAX:,} lines.",
    )
    file = forms.FileField(
        label="or a file",
        required=False,
        help_text="A text or a table saved as CSV, with the numbers in its first column.",
    )
    region = forms.ChoiceField(
        label="Numbers without a country are of",
        choices=regions,
        initial=our_region,
        help_text="By its two letters: GB is the United Kingdom, DE is Germany.",
    )
    story = forms.ModelChoiceField(
        Story.objects.none(),
        label="They begin",
        error_messages={"required": "Choose the story that they begin."},
        help_text="Only published stories can begin. Their first text comes as if they had texted now.",
    )

    class Meta:
        model = Consent
        fields = ["how", "given_on", "taken_by"]
        labels = {"how": "How they consented", "given_on": "On which day", "taken_by": "Who took their consent"}
        widgets = {"given_on": DayInput}
        help_texts = {
            "how": "Where and in which words: “form at the book fair: Text me the story, I can stop it by STOP”. It is "
            "kept as long as the reader is."
        }
        error_messages = {
            "how": {"required": "Say how they consented: without that, nobody may be texted."},
            "given_on": {"required": "Say on which day they consented."},
            "taken_by": {"required": "Say who took their consent."},
        }

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["story"].queryset = of_their_own(Story.objects.readable(), user)
        self.order_fields(["source", "file", "region", "story", "how", "given_on", "taken_by"])

    def clean_given_on(self):
        if self.cleaned_data["given_on"] > timezone.localdate():
            raise forms.ValidationError("This day is yet to come.")
        return self.cleaned_data["given_on"]

    def clean(self):
        cleaned = super().clean()
        try:
            cleaned["source"] = self.text_of_file() or cleaned.get("source", "")
        except UnicodeDecodeError:
            self.add_error("file", "This file is no text. Save the table as CSV, in UTF-8.")
        lines = cleaned["source"].splitlines()
        if not any(map(str.strip, lines)) and not self.errors.get("file"):
            self.add_error("source", "Write numbers here, one a line, or choose a file.")
        if len(lines) > LINES_MAX:
            self.add_error("source", f"These are {len(lines):,} lines. Add {LINES_MAX:,} at a time.")
        return cleaned

    def text_of_file(self) -> str:
        file = self.cleaned_data.get("file")
        if file and file.size > FILE_MAX_BYTES:
            self.add_error("file", f"This file is too large. Add {LINES_MAX:,} readers at a time.")
            return ""
        return file.read().decode("utf-8-sig") if file else ""


class AddingMixin:
    """For the admin of readers: the page on which readers are added."""

    def get_urls(self):
        view = self.admin_site.admin_view(self.adding_view)
        return [path("adding/", view, name="subscribers_subscriber_adding"), *super().get_urls()]

    def changelist_view(self, request, extra_context=None):
        may = {"may_add_readers": may_add(request)}
        return super().changelist_view(request, may | (extra_context or {}))

    def adding_view(self, request: HttpRequest) -> HttpResponse:
        if not may_add(request):
            raise PermissionDenied
        initial = {"taken_by": name_of(request.user)}
        form = AddingForm(request.POST or None, request.FILES or None, initial=initial, user=request.user)
        if request.method != "POST" or not form.is_valid() or "edit" in request.POST:
            return self.adding_page(request, {"form": form})
        given = form.cleaned_data
        found = plan(given["source"], given["region"], given["story"], timezone.localdate())
        if "save" in request.POST and request.POST.get("seen") == found.seen:
            return self.add_readers(request, found, given)
        if "save" in request.POST:
            self.message_user(request, MEANWHILE, messages.WARNING)
        more = {"plan": found, "given": given, "may_see_numbers": may_see_numbers(request)}
        return self.adding_page(request, more)

    def add_readers(self, request: HttpRequest, found: Plan, given: dict) -> HttpResponse:
        agreement = Agreement(given["how"], given["given_on"], given["taken_by"], request.user)
        count = add(found.beginning, given["story"], agreement, timezone.now())
        words = f"{readers(count)} {'begins' if count == 1 else 'begin'} “{given['story']}”"
        Access.record(request.user, Access.What.IMPORT, words)
        self.message_user(request, f"{words[:1].upper()}{words[1:]}.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:subscribers_subscriber_changelist"))

    def adding_page(self, request: HttpRequest, context: dict) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "title": "Add readers", "opts": self.opts, **context}
        return TemplateResponse(request, "admin/subscribers/adding.html", context)


def may_add(request: HttpRequest) -> bool:
    return request.user.has_perm("subscribers.add_subscriber")
