"""Readers: what each reads, the thread as on the reader's phone, and the time zone, which editors may set."""

from zoneinfo import available_timezones

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch
from django.utils import timezone
from django.utils.html import format_html_join

from textengine.moments import NOTHING, moment

from .. import erasing, scheduling
from ..models import Access, Enrollment, Subscriber
from ..progress import with_progress
from .adding import AddingMixin
from .enrollments import HeardFilter
from .lists import LongListMixin, OlderFilter
from .parts import LINE, ReadersFirst, ReadOnlyAdmin, YesOrNo, marked, progress_bar
from .reader_page import ReaderPageMixin
from .watching import NumberMixin, WatchedMixin

# So many are erased while somebody waits, in one transaction; whoever chose all rows has hardly meant that.
ERASED_AT_ONCE = 50


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
class SubscriberAdmin(WatchedMixin, NumberMixin, AddingMixin, ReaderPageMixin, LongListMixin, ReadOnlyAdmin):
    form = SubscriberForm
    fields = [("joined", "opted_out"), "consent", "time_zone"]
    readonly_fields = ["joined", "opted_out", "consent"]
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
    actions = ["delete_selected"]

    def has_change_permission(self, request, obj=None):
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def has_delete_permission(self, request, obj=None):
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def reader_of(self, obj):
        return obj

    def get_deleted_objects(self, objs, request):
        """Let what a reader has go with the reader, though none of it can be deleted alone; counted, not listed."""
        _, counts, _, protected = super().get_deleted_objects(objs, request)
        return [str(obj) for obj in objs], counts, set(), protected

    def delete_model(self, request, obj):
        self.delete_queryset(request, Subscriber.objects.filter(pk=obj.pk))

    def delete_queryset(self, request, queryset):
        """Erase what the carrier has of them too, and remember who had opted out; who did it is on record."""
        for subscriber in queryset:
            Access.record(request.user, Access.What.ERASURE, str(subscriber), subscriber)
        erasing.erase_by_hand(
            Subscriber.objects.filter(pk__in=list(queryset.values_list("pk", flat=True))), timezone.now()
        )

    @admin.action(description=delete_selected.short_description, permissions=["delete"])
    def delete_selected(self, request, queryset):
        """Ask, then erase; more than a page of them are refused."""
        if len(queryset.values_list("pk")[: ERASED_AT_ONCE + 1]) > ERASED_AT_ONCE:
            self.message_user(request, f"At most {ERASED_AT_ONCE} readers are deleted at once.", messages.ERROR)
            return None
        return delete_selected(self, request, queryset)

    def get_queryset(self, request):
        live = with_progress(Enrollment.objects.live())
        subscribers = super().get_queryset(request).with_own_phone()
        return subscribers.prefetch_related(Prefetch("enrollments", queryset=live, to_attr="live"))

    def save_model(self, request, obj, form, change):
        if "time_zone" in form.changed_data:
            with transaction.atomic():
                scheduling.set_time_zone(obj.pk, obj.time_zone, timezone.now())

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

    @admin.display(description="consent")
    def consent(self, subscriber: Subscriber) -> str:
        """How the reader agreed to be texted: on record where the newsroom added them, else by their own text."""
        rows = ((str(consent),) for consent in subscriber.consents.all())
        return format_html_join(LINE, "{}", rows) or "By a text of their own"

    @admin.display(description="now reading")
    def reading(self, subscriber: Subscriber) -> str:
        rows = ((marked(row.story, row.is_rehearsal), progress_bar(row)) for row in subscriber.live)
        return format_html_join(LINE, "{} {}", rows) or NOTHING
