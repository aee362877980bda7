"""The brake: putting a hold on everything, a story or one of its texts, and releasing it in one of three ways."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from humanize import naturaldelta

from stories.authors import of_their_own
from stories.models import Story, StoryText
from textengine.database import planned_anew
from textengine.moments import NOTHING, moment

from .. import holds
from ..models import Hold
from .parts import ReadOnlyAdmin, YesOrNo

Way = Hold.Way
# What is said of one text, and of more.
DONE = {
    Way.RHYTHM: ("goes on in rhythm", "go on in rhythm"),
    Way.NOW: ("goes out now", "go out now"),
    Way.SKIP: ("is skipped", "are skipped"),
}


class HoldForm(forms.ModelForm):
    class Meta:
        widgets = {"reason": forms.TextInput(attrs={"class": "vTextField"})}

    def clean(self):
        cleaned = super().clean()
        story, text = cleaned.get("story"), cleaned.get("text")
        if Hold.objects.active().filter(story=story, text=text).exists():
            raise forms.ValidationError(f"There is a hold on {Hold(story=story, text=text).what} already.")
        return cleaned


class BrakeForm(HoldForm):
    """What the brake's button sends, from whatever page it stands on."""

    class Meta(HoldForm.Meta):
        model = Hold
        fields = ["story", "text", "reason"]
        error_messages = {"reason": {"required": "Say why it is held: others will ask."}}

    def __init__(self, data, user):
        super().__init__(data)
        story = data.get("story", "")
        self.fields["story"].queryset = of_their_own(Story.objects.all(), user)
        self.fields["text"].queryset = StoryText.objects.filter(story=story if story.isdecimal() else None)


class ReleaseForm(forms.Form):
    way = forms.ChoiceField(choices=Way.choices, required=False)

    def clean_way(self) -> str:
        return self.cleaned_data["way"] or Way.RHYTHM


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    form = HoldForm
    change_form_template = "admin/subscribers/hold.html"
    list_display = ["covers", "reason", "since", "by", "released"]
    list_filter = [("released_at", YesOrNo)]
    list_select_related = ["story", "text", "created_by", "released_by"]

    def has_add_permission(self, request):
        return admin.ModelAdmin.has_add_permission(self, request)

    def has_release_permission(self, request) -> bool:
        return request.user.has_perm("subscribers.change_hold")

    def get_urls(self):
        view = self.admin_site.admin_view
        return [
            path("put-on/", view(self.put_on_view), name="subscribers_hold_put_on"),
            path("<int:object_id>/release/", view(self.release_view), name="subscribers_hold_release"),
            path("<int:object_id>/progress/", view(self.progress_view), name="subscribers_hold_progress"),
            *super().get_urls(),
        ]

    def get_fields(self, request, obj=None):
        return ["covers", "reason", "since", "by", "released"] if obj else ["story", "reason"]

    def get_readonly_fields(self, request, obj=None):
        return ["covers", "since", "by", "released"] if obj else []

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "story":
            field.empty_label = "Everything"
            field.help_text = "It waits from now on, until the hold is released. A story’s page can also hold one text."
            for name in ("add", "change", "delete", "view"):
                setattr(field.widget, f"can_{name}_related", False)
        return field

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        context = {"show_save_and_add_another": False} | (extra_context or {})
        try:
            return super().changeform_view(request, object_id, form_url, context)
        except IntegrityError:
            # Somebody else put the same hold on after the form had looked. All is rolled back; now the form sees it.
            return super().changeform_view(request, object_id, form_url, context)

    def change_view(self, request, object_id, form_url="", extra_context=None):
        context = {"may_release": self.has_release_permission(request)}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def save_model(self, request, obj, form, change):
        obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def put_on_view(self, request: HttpRequest) -> HttpResponse:
        """Put a hold on, and go back to the page from which that was asked for."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = BrakeForm(request.POST, request.user)
        form.instance.created_by = request.user
        try:
            with transaction.atomic():
                hold = form.save() if form.is_valid() else None
        except IntegrityError:
            # Somebody else was quicker: what was asked for is so.
            return HttpResponseRedirect(came_from(request))
        if hold:
            self.log_addition(request, hold, [{"added": {}}])
        else:
            self.message_user(request, next(iter(form.errors.values()))[0], messages.ERROR)
        return HttpResponseRedirect(came_from(request))

    def release_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ask in which way, saying how many readers each would concern; and release it."""
        if not self.has_release_permission(request):
            raise PermissionDenied
        hold = self.found(request, object_id)
        form = ReleaseForm(request.POST if request.method == "POST" else None)
        if hold.released_at is None and form.is_valid():
            self.let_go(request, hold, Way(form.cleaned_data["way"]))
        elif form.is_valid() and hold.released_by != request.user:
            text = "Nothing was done: somebody else had released this hold before you did."
            self.message_user(request, text, messages.WARNING)
        if hold.released_at or form.is_valid():
            return HttpResponseRedirect(reverse("admin:subscribers_hold_change", args=[object_id]))
        with planned_anew():
            concerned = holds.concerned(hold)
        page = {"title": f"Release the hold on {hold.what}?", "opts": self.opts, "hold": hold, "concerned": concerned}
        page["lasted"] = naturaldelta(timezone.now() - hold.created_at)
        return render(request, "admin/subscribers/release.html", self.admin_site.each_context(request) | page)

    def progress_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return render(request, "admin/subscribers/hold_progress.html", {"hold": self.found(request, object_id)})

    def let_go(self, request: HttpRequest, hold: Hold, way: Hold.Way) -> None:
        holds.release(hold, timezone.now(), way, request.user)
        self.log_change(request, hold, f"Released: {way.label.lower()}.")
        one, more = DONE[way]
        texts = "1 text that was held back " + one
        if hold.waiting != 1:
            texts = f"{hold.waiting:,} texts that were held back {more}"
        self.message_user(request, f"Released: {texts}.", messages.SUCCESS)

    @admin.display(description="holds back", ordering="story__title")
    def covers(self, hold: Hold) -> str:
        return hold.what[:1].upper() + hold.what[1:]

    @admin.display(description="since", ordering="created_at")
    def since(self, hold: Hold) -> str:
        return moment(hold.created_at)

    @admin.display(description="created by", ordering="created_by__username", empty_value=NOTHING)
    def by(self, hold: Hold) -> str | None:
        # A name, not Django's link to the account: editors may not see accounts.
        return hold.created_by and hold.created_by.get_username()

    @admin.display(description="released", ordering="released_at")
    def released(self, hold: Hold) -> str:
        if hold.released_at is None:
            return "in force"
        by = f" by {hold.released_by.get_username()}" if hold.released_by else ""
        how = hold.get_way_display().lower()
        return format_html('{}{}<br><span class="quiet">{}</span>', moment(hold.released_at), by, how)


def came_from(request: HttpRequest) -> str:
    """Return the page of this newsroom from which a form says that it was sent."""
    address = request.POST.get("next", "")
    own = url_has_allowed_host_and_scheme(address, {request.get_host()}, request.is_secure())
    return address if own else reverse("admin:index")
