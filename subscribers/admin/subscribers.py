"""Readers: what each reads, the thread as on the reader's phone, and the time zone, which editors may set."""

from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch
from django.utils import timezone
from django.utils.html import format_html_join

from textengine.moments import NOTHING, moment

from .. import erasing, scheduling
from ..models import Enrollment, Subscriber
from ..progress import with_progress
from ..threads import thread_of
from .enrollments import HeardFilter
from .lists import LongListMixin, OlderFilter
from .parts import LINE, ReadersFirst, ReadOnlyAdmin, YesOrNo, link, marked, progress_bar, what_comes_next


class PhonesFilter(ReadersFirst):
    others = "Newsroom’s own phones"


class ReadsFilter(admin.RelatedFieldListFilter):
    """Who reads a story, or has read it; a rehearsal is none."""

    def queryset(self, request, queryset):
        if not self.used_parameters:
            return queryset
        readers = Enrollment.objects.readers().filter(story__in=self.lookup_val or [])
        return queryset.filter(Exists(readers.filter(subscriber=OuterRef("pk"))))


class ReaderHeardFilter(HeardFilter):
    heard_at = "heard_at"

    def lookups(self, request, model_admin):
        """Leave out who was not heard for long: to find them, a list by ids would pass over all others."""
        return super().lookups(request, model_admin)[:2]


class SubscriberForm(forms.ModelForm):
    time_zone = forms.ChoiceField(
        required=False,
        help_text=Subscriber._meta.get_field("time_zone").help_text,
        choices=lambda: [("", "As the number says")] + [(name, name) for name in sorted(available_timezones())],
    )


@admin.register(Subscriber)
class SubscriberAdmin(LongListMixin, ReadOnlyAdmin):
    form = SubscriberForm
    fields = ["stories", ("joined", "opted_out"), "time_zone"]
    readonly_fields = ["joined", "opted_out", "stories"]
    list_display = ["number", "reading", "heard", "joined", "zone", "opted_out"]
    list_filter = [
        OlderFilter,
        PhonesFilter,
        ReaderHeardFilter,
        ("opted_out_at", YesOrNo),
        ("enrollments__story", ReadsFilter),
    ]
    search_fields = ["phone_number"]
    reader_path = "pk"

    def has_change_permission(self, request, obj=None):
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def has_delete_permission(self, request, obj=None):
        return request.user.is_superuser

    def get_deleted_objects(self, objs, request):
        """Let what a reader has go with the reader, though none of it can be deleted alone; counted, not listed."""
        _, counts, _, protected = super().get_deleted_objects(objs, request)
        return [str(obj) for obj in objs], counts, set(), protected

    def delete_model(self, request, obj):
        self.delete_queryset(request, Subscriber.objects.filter(pk=obj.pk))

    def delete_queryset(self, request, queryset):
        """Erase what the carrier has of them too, and remember who had opted out."""
        erasing.erase_by_hand(
            Subscriber.objects.filter(pk__in=list(queryset.values_list("pk", flat=True))), timezone.now()
        )

    def get_queryset(self, request):
        live = with_progress(Enrollment.objects.live())
        subscribers = super().get_queryset(request).with_own_phone()
        return subscribers.prefetch_related(Prefetch("enrollments", queryset=live, to_attr="live"))

    def change_view(self, request, object_id, form_url="", extra_context=None):
        subscriber = self.get_object(request, object_id)
        phone = thread_of(subscriber) if subscriber and self.has_view_permission(request, subscriber) else None
        return super().change_view(request, object_id, form_url, {"phone": phone} | (extra_context or {}))

    def save_model(self, request, obj, form, change):
        """Write the time zone alone, since the engine writes to this row too; who waits for a time of day follows."""
        if "time_zone" in form.changed_data:
            with transaction.atomic():
                obj.save(update_fields=["time_zone"])
                live = Enrollment.objects.filter(subscriber=obj).live().select_related("subscriber")
                scheduling.schedule(live.locked(), timezone.now())

    @admin.display(description="number")
    def number(self, subscriber: Subscriber) -> str:
        return marked(str(subscriber), subscriber.is_own_phone, "Newsroom")

    @admin.display(description="joined")
    def joined(self, subscriber: Subscriber) -> str:
        return moment(subscriber.created_at)

    @admin.display(description="last heard")
    def heard(self, subscriber: Subscriber) -> str:
        return moment(subscriber.heard_at)

    @admin.display(description="time zone")
    def zone(self, subscriber: Subscriber) -> str:
        return subscriber.zone.key.replace("_", " ")

    @admin.display(description="opted out", empty_value=NOTHING)
    def opted_out(self, subscriber: Subscriber) -> str:
        return moment(subscriber.opted_out_at)

    @admin.display(description="now reading")
    def reading(self, subscriber: Subscriber) -> str:
        rows = ((marked(row.story, row.is_rehearsal), progress_bar(row)) for row in subscriber.live)
        return format_html_join(LINE, "{} {}", rows) or NOTHING

    @admin.display(description="stories")
    def stories(self, subscriber: Subscriber) -> str:
        enrollments = with_progress(Enrollment.objects.filter(subscriber=subscriber)).order_by("-pk")
        rows = (
            (
                marked(story_link(row), row.is_rehearsal),
                progress_bar(row),
                row.get_status_display(),
                what_comes_next(row),
            )
            for row in enrollments
        )
        return format_html_join("", '<div class="passage"><b>{}</b> {}<br>{} · {}</div>', rows) or "None yet"


def story_link(enrollment: Enrollment) -> str:
    return link("subscribers_enrollment_change", enrollment.pk, enrollment.story)
