"""How fast each of our numbers may send; a change holds from the next poll on."""

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html

from textengine.moments import NOTHING, moment

from ..models import Sender


@admin.register(Sender)
class SenderAdmin(admin.ModelAdmin):
    list_display = ["name", "rate", "cap", "today", "state"]
    readonly_fields = ["today", "state"]
    fields = ["name", "segments_per_second", "segments_per_day", ("today", "state")]

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {"title": "Sending numbers"} | (extra_context or {}))

    def save_model(self, request, obj, form, change):
        """Leave alone what a claim counts at this moment; who waits by the old rate goes on by the new one at once."""
        fields = list(form.changed_data)
        if "segments_per_second" in fields:
            obj.free_at = None
            fields.append("free_at")
        obj.save(update_fields=fields if change else None)

    @admin.display(description="segments", ordering="segments_per_second")
    def rate(self, sender: Sender) -> str:
        return f"{sender.segments_per_second:g} a second" if sender.segments_per_second else "any number a second"

    @admin.display(description="at most", ordering="segments_per_day")
    def cap(self, sender: Sender) -> str:
        return "any number a day" if sender.segments_per_day is None else f"{sender.segments_per_day} a day"

    @admin.display(description="sent")
    def today(self, sender: Sender) -> str:
        return f"{sender.sent_on(timezone.now())} today" if sender.pk else NOTHING

    @admin.display(description="state")
    def state(self, sender: Sender) -> str:
        now = timezone.now()
        if sender.is_spent(now):
            return "The day’s segments are used up; what is due goes out tomorrow."
        if sender.free_at and sender.free_at > now:
            return format_html("Busy until {}", moment(sender.free_at))
        return "Free"
