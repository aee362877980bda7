"""Corrections: which text and wording, a preview of who gets it and what it costs, and how far one that goes out is."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.template.defaultfilters import truncatechars
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe

from stories.models import BODY_MAX_LENGTH, Story, StoryText
from stories.phone import Bubble, Phone
from stories.prices import Cost, Price
from stories.segments import Measurement, measure
from textengine.moments import moment

from .. import correcting
from ..models import Correction
from ..steering import Refused
from .lists import parsed_moment
from .parts import ReadOnlyAdmin, WordsField
from .reader_page import Size


@dataclass(frozen=True, slots=True)
class Preview:
    """What a correction would be, confirmed as it stands: `until` says at which moment it was looked at."""

    body: str
    reach: correcting.Reach
    until: datetime
    size: Measurement
    cost: Cost

    @classmethod
    def of(cls, text: StoryText, wording: str, body: str, now: datetime) -> "Preview":
        reach, size = correcting.reach(text, wording, now), measure(body)
        cost = Price.current().cost_of([(size, False)], readers=reach.readers)
        return cls(body, reach, now, size, cost)

    @property
    def segments(self) -> int:
        return self.size.segments * self.reach.readers

    @property
    def phone(self) -> Phone:
        return Phone("On the readers’ phones", "as it would come", [Bubble(body=self.body)])


class CorrectionForm(forms.Form):
    """Which wording is corrected, by what stands for it (empty: all), and what is said."""

    use_required_attribute = False
    wording = forms.ChoiceField(
        label="Who gets it",
        required=False,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": "The text was changed meanwhile. Choose once more."},
    )
    body = WordsField(label="What it says", widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}))

    def __init__(self, text: StoryText, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # By their words and not by their order: somebody may save the text before the preview is confirmed.
        self.wordings = {sha256(words.encode()).hexdigest(): words for words in correcting.wordings(text)}
        choices = [("", "Everybody who received this text")]
        if len(self.wordings) > 1:
            choices += [(digest, f"Who received it as: {words}") for digest, words in self.wordings.items()]
        self.fields["wording"].choices = choices

    @property
    def chosen(self) -> str:
        return self.wordings.get(self.cleaned_data.get("wording"), "")


@admin.register(Correction)
class CorrectionAdmin(ReadOnlyAdmin):
    list_display = ["sent", "corrects", "words", "progress", "by"]
    list_select_related = ["story", "created_by"]
    list_display_links = ["sent"]
    search_fields = ["body", "story__title"]
    show_full_result_count = False

    def get_urls(self):
        view = self.admin_site.admin_view
        named = [
            ("of/<int:story_id>/", require_safe(self.of_story_view), "of_story"),
            ("of/<int:story_id>/text/<int:text_id>/", self.write_view, "write"),
            ("<int:object_id>/progress/", require_safe(self.progress_view), "progress"),
            ("<int:object_id>/stop/", require_POST(self.stop_view), "stop"),
        ]
        return [path(route, view(run), name=f"subscribers_correction_{name}") for route, run, name in named] + (
            super().get_urls()
        )

    def may_send(self, request: HttpRequest) -> bool:
        return request.user.has_perm("subscribers.add_correction")

    def of_story_view(self, request: HttpRequest, story_id: int) -> HttpResponse:
        """Show the texts of a story, each of which can be corrected, and the corrections that there were."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        story = get_object_or_404(Story, pk=story_id)
        sent = Correction.objects.filter(story=story).select_related("created_by")
        context = self.context(request, story, "Corrections") | {
            "texts": story.texts.order_by("position"),
            "corrections": [(correction, correcting.State.of(correction)) for correction in sent],
            "may_send": self.may_send(request),
        }
        return TemplateResponse(request, "admin/subscribers/corrections.html", context)

    def context(self, request: HttpRequest, story: Story, title: str) -> dict:
        return self.admin_site.each_context(request) | {
            "title": title,
            "subtitle": str(story),
            "opts": Story._meta,
            "object": story,
        }

    def write_view(self, request: HttpRequest, story_id: int, text_id: int) -> HttpResponse:
        """Ask what is said to whom, show what that would be, and send what was seen."""
        if not self.may_send(request):
            raise PermissionDenied
        story = get_object_or_404(Story, pk=story_id)
        text = StoryText.objects.select_related("story").filter(pk=text_id, story=story).first()
        try:
            return self.written(request, text) if text else self.gone(request, story, correcting.TextDeleted())
        except correcting.TextDeleted as deleted:
            return self.gone(request, story, deleted)

    def gone(self, request: HttpRequest, story: Story, deleted: correcting.TextDeleted) -> HttpResponse:
        self.message_user(request, str(deleted), messages.WARNING)
        return HttpResponseRedirect(reverse("admin:subscribers_correction_of_story", args=[story.pk]))

    def written(self, request: HttpRequest, text: StoryText) -> HttpResponse:
        form = CorrectionForm(text, request.POST if request.method == "POST" else None)
        preview = None
        if request.method == "POST" and form.is_valid():
            if "send" in request.POST and (sent := self.send(request, text, form)):
                return sent
            preview = Preview.of(text, form.chosen, form.cleaned_data["body"], correcting.looked_at(text))
        body = form.cleaned_data.get("body", "") if form.is_bound else ""
        context = self.context(request, text.story, f"Correct text {text.position}") | {
            "text": text,
            "form": form,
            "preview": preview,
            "size": Size.of(body),
            "reply_max": BODY_MAX_LENGTH,
            "before": Correction.objects.filter(text=text).first() if preview else None,
        }
        return TemplateResponse(request, "admin/subscribers/correct.html", context)

    def send(self, request: HttpRequest, text: StoryText, form: CorrectionForm) -> HttpResponse | None:
        """Send what was seen, and go to its page; where that is refused, say why: it is previewed anew."""
        now = timezone.now()
        until = parsed_moment(request.POST.get("until", ""))
        try:
            body = form.cleaned_data["body"]
            correction = correcting.start(text, form.chosen, body, until or now, request.user, now)
        except correcting.TextDeleted:
            raise
        except Refused as refused:
            self.message_user(request, str(refused), messages.WARNING)
            return None
        self.log_addition(request, correction, f"Sent to {correction.readers} readers.")
        return HttpResponseRedirect(reverse("admin:subscribers_correction_change", args=[correction.pk]))

    def change_view(self, request, object_id, form_url="", extra_context=None):
        correction = self.get_object(request, object_id)
        if correction is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, correction):
            raise PermissionDenied
        context = self.context(request, correction.story, f"Correction of text {correction.place}")
        return TemplateResponse(
            request, "admin/subscribers/correction.html", context | self.progress_of(request, correction)
        )

    def progress_of(self, request: HttpRequest, correction: Correction) -> dict:
        phone = Phone("On the readers’ phones", "", [Bubble(body=correction.body)])
        under_way = correcting.is_under_way(correction)
        return {
            "correction": correction,
            "state": correcting.State.of(correction),
            "phone": phone,
            "under_way": under_way,
            "may_stop": under_way and self.may_send(request),
        }

    def progress_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        correction = self.found(request, object_id)
        return render(request, "admin/subscribers/correction_progress.html", self.progress_of(request, correction))

    def stop_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        if not self.may_send(request):
            raise PermissionDenied
        correction = get_object_or_404(Correction, pk=object_id)
        try:
            count = correcting.stop(correction.pk, timezone.now())
        except Refused as refused:
            self.message_user(request, str(refused), messages.WARNING)
        else:
            self.log_change(request, correction, "Stopped.")
            self.message_user(request, f"Stopped: {count} that had not gone out do not go out.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:subscribers_correction_change", args=[object_id]))

    @admin.display(description="sent", ordering="created_at")
    def sent(self, correction: Correction) -> str:
        return moment(correction.created_at)

    @admin.display(description="corrects")
    def corrects(self, correction: Correction) -> str:
        return f"{correction.story}, text {correction.place}"

    @admin.display(description="what it says")
    def words(self, correction: Correction) -> str:
        return truncatechars(correction.body, 70)

    @admin.display(description="readers")
    def progress(self, correction: Correction) -> str:
        return format_html("{} of {}: {}", correction.written, correction.readers, correction.get_status_display())

    @admin.display(description="by")
    def by(self, correction: Correction) -> str:
        return correction.created_by.get_username() if correction.created_by else ""
