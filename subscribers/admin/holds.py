"""The brake: putting a hold on a story or on everything, and releasing it."""

from django import forms
from django.contrib import admin, messages
from django.db import IntegrityError
from django.utils import timezone

from textengine.moments import NOTHING, moment

from .. import holds
from ..models import Hold
from .parts import ButtonMixin, ReadOnlyAdmin, YesOrNo


class HoldForm(forms.ModelForm):
    class Meta:
        widgets = {"reason": forms.TextInput(attrs={"class": "vTextField"})}

    def clean(self):
        cleaned = super().clean()
        if Hold.objects.active().filter(story=cleaned.get("story")).exists():
            raise forms.ValidationError(f"There is a hold on {cleaned.get('story') or 'everything'} already.")
        return cleaned


@admin.register(Hold)
class HoldAdmin(ButtonMixin, ReadOnlyAdmin):
    form = HoldForm
    list_display = ["covers", "reason", "since", "by", "released"]
    list_filter = [("released_at", YesOrNo)]
    list_select_related = ["story", "created_by"]
    actions = ["release"]
    button_name = "release"

    def has_add_permission(self, request):
        return admin.ModelAdmin.has_add_permission(self, request)

    def has_release_permission(self, request) -> bool:
        return request.user.has_perm("subscribers.change_hold")

    def get_fields(self, request, obj=None):
        return ["covers", "reason", "since", "by", "released"] if obj else ["story", "reason"]

    def get_readonly_fields(self, request, obj=None):
        return ["covers", "since", "by", "released"] if obj else []

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "story":
            field.empty_label = "Everything"
            field.help_text = "What it covers waits from now on, and goes out when the hold is released."
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

    def save_model(self, request, obj, form, change):
        obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def button_label(self, request, obj):
        return "Release" if obj.released_at is None and self.has_release_permission(request) else ""

    def press(self, request, queryset):
        self.release(request, queryset)

    @admin.action(description="Release", permissions=["release"])
    def release(self, request, queryset):
        count = sum(holds.release(hold, timezone.now()) for hold in queryset)
        texts = "1 text that was held back goes" if count == 1 else f"{count} texts that were held back go"
        self.message_user(request, f"Released: {texts} out again.", messages.SUCCESS)

    @admin.display(description="holds back", ordering="story__title")
    def covers(self, hold: Hold) -> str:
        return str(hold.story or "Everything")

    @admin.display(description="since", ordering="created_at")
    def since(self, hold: Hold) -> str:
        return moment(hold.created_at)

    @admin.display(description="created by", ordering="created_by__username", empty_value=NOTHING)
    def by(self, hold: Hold) -> str | None:
        # A name, not Django's link to the account: editors may not see accounts.
        return hold.created_by and hold.created_by.get_username()

    @admin.display(description="released", ordering="released_at")
    def released(self, hold: Hold) -> str:
        return moment(hold.released_at) if hold.released_at else "in force"
