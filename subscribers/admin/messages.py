"""Every text that came in, went out or will go out, and what became of it."""

import re
from datetime import timedelta

from django.contrib import admin
from django.db.models import Q
from django.template.defaultfilters import linebreaksbr, truncatechars
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst

from textengine.moments import NOTHING, moment

from ..models import Message, OwnPhone
from ..models.messages import MOMENT, NEWEST
from ..threads import PICTURES_AT_THE_CARRIER, REDACTED
from .lists import SEARCH_HELP, LongListMixin, OlderFilter
from .parts import LINE, ReadOnlyAdmin, marked, reader_link, what_went_wrong
from .watching import WatchedMixin

# Words are looked for in so many messages, the newest.
SEARCHED = 20_000
SID = re.compile(r"[SM]M[0-9a-f]{32}")
# What these are lies behind us, so that a list of them need not pass over all that is to come.
PAST = (
    Message.Status.QUEUED,
    Message.Status.SENT,
    Message.Status.DELIVERED,
    Message.Status.UNDELIVERED,
    Message.Status.RECEIVED,
)

# Both ways in which a text is lost, as one choice.
LOST = "lost"


class TimeFilter(admin.SimpleListFilter):
    """Today's hour and day, and the days that Django offers for a date, for the time that the list shows."""

    title = "time"
    parameter_name = "time"

    def lookups(self, request, model_admin):
        return [
            ("hour", "Past hour"),
            ("day", "Past 24 hours"),
            ("today", "Today"),
            ("week", "Past 7 days"),
            ("month", "This month"),
            ("year", "This year"),
        ]

    def queryset(self, request, queryset):
        now = timezone.localtime()
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        tomorrow = today + timedelta(days=1)
        spans = {
            "hour": (now - timedelta(hours=1), now),
            "day": (now - timedelta(days=1), now),
            "today": (today, tomorrow),
            "week": (today - timedelta(days=7), tomorrow),
            "month": (today.replace(day=1), (today.replace(day=1) + timedelta(days=32)).replace(day=1)),
            "year": (today.replace(month=1, day=1), today.replace(year=today.year + 1, month=1, day=1)),
        }
        if self.value() not in spans:
            return queryset
        begin, end = spans[self.value()]
        return queryset.alias(moment=MOMENT).filter(moment__gte=begin, moment__lt=end)


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request, model_admin):
        return [*Message.Status.choices, (LOST, "Did not arrive (undelivered or failed)")]

    def queryset(self, request, queryset):
        if self.value() == LOST:
            return queryset.alias(moment=MOMENT).filter(status__in=Message.LOST, moment__lte=timezone.now())
        if not self.value():
            return queryset
        found = queryset.filter(status=self.value())
        return found.alias(moment=MOMENT).filter(moment__lte=timezone.now()) if self.value() in PAST else found


class DirectionFilter(admin.SimpleListFilter):
    title = "direction"
    parameter_name = "direction"

    def lookups(self, request, model_admin):
        return Message.Direction.choices

    def queryset(self, request, queryset):
        if self.value() == Message.Direction.INBOUND:
            return queryset.alias(moment=MOMENT).filter(direction=self.value(), moment__lte=timezone.now())
        return queryset.filter(direction=self.value()) if self.value() else queryset


@admin.register(Message)
class MessageAdmin(WatchedMixin, LongListMixin, ReadOnlyAdmin):
    list_display = ["when", "direction", "reader", "place", "words", "state"]
    list_filter = [OlderFilter, DirectionFilter, StatusFilter, TimeFilter, ("story", admin.RelatedFieldListFilter)]
    list_select_related = ["subscriber", "story", "text", "enrollment"]
    search_fields = ["subscriber__phone_number"]
    search_help_text = f"{SEARCH_HELP}, a SID, or words of one of the newest {SEARCHED:,} messages."
    moment = MOMENT
    fieldsets = [
        (None, {"fields": [("direction", "reader", "place"), "all_words", "pictures", ("state", "reason")]}),
        ("Times", {"fields": [("created", "due", "begun", "sent")]}),
        ("At the carrier", {"fields": [("number", "sid"), ("segments", "attempts")]}),
    ]
    readonly_fields = ["reader", "place", "all_words", "pictures", "state", "created", "due", "begun", "sent"]

    def get_queryset(self, request):
        """Leave a code out as long as it counts: it is for its phone alone."""
        codes = OwnPhone.objects.exclude(code_message=None).values("code_message")
        return super().get_queryset(request).exclude(pk__in=codes)

    def key_of(self, message: Message) -> str:
        return f"{(message.sent_at or message.due_at or message.created_at).isoformat()}~{message.pk}"

    def with_words(self, queryset, words):
        if SID.fullmatch(words):
            return queryset.filter(sid=words)
        newest = Message.objects.alias(moment=MOMENT).filter(moment__lte=timezone.now()).order_by(*NEWEST)
        said = Q(body__icontains=words) | Q(sender__icontains=words)
        return queryset.filter(said, pk__in=newest.values("pk")[:SEARCHED])

    @admin.display(description="time")
    def when(self, message: Message) -> str:
        return moment(message.sent_at or message.due_at or message.created_at)

    @admin.display(description="reader")
    def reader(self, message: Message) -> str:
        return reader_link(message.subscriber) if message.subscriber else message.sender or NOTHING

    @admin.display(description="story")
    def place(self, message: Message) -> str:
        """Which text of which story it is, or on which occasion the system sent it by itself."""
        text = f"{message.story}, text {message.step}" if message.step else message.story
        place = " · ".join(str(part) for part in (text, message.occasion) if part)
        return marked(place, bool(message.enrollment) and message.enrollment.is_rehearsal) if place else NOTHING

    @admin.display(description="text")
    def words(self, message: Message) -> str:
        return self.worded(message, max_length=70)

    @admin.display(description="text")
    def all_words(self, message: Message) -> str:
        return self.worded(message, max_length=None)

    def worded(self, message: Message, max_length: int | None) -> str:
        """What it says, or what it will say as its text now reads."""
        if message.redacted_at and not message.body:
            return REDACTED
        waiting, body = message.wording, message.worded()
        shown = truncatechars(body, max_length) if max_length else linebreaksbr(body)
        shown = shown or ("a picture" if waiting or message.media_urls else NOTHING)
        return format_html("<i>{}</i>", shown) if waiting else shown

    @admin.display(description="status")
    def state(self, message: Message) -> str:
        why = what_went_wrong(message)
        words = f"{message.get_status_display()}: {why}" if why else message.get_status_display()
        return format_html('<span class="state state--{}">{}</span>', message.status, words)

    @admin.display(description="pictures")
    def pictures(self, message: Message) -> str:
        links = format_html_join(LINE, '<a href="{0}">{0}</a>', ((url,) for url in message.media_urls))
        if links and message.direction == Message.Direction.INBOUND:
            return format_html('{}<br><span class="quiet">{}</span>', links, capfirst(PICTURES_AT_THE_CARRIER))
        return links or NOTHING

    @admin.display(description="came in or was planned")
    def created(self, message: Message) -> str:
        return moment(message.created_at)

    @admin.display(description="due")
    def due(self, message: Message) -> str:
        return moment(message.due_at)

    @admin.display(description="last tried")
    def begun(self, message: Message) -> str:
        return moment(message.begun_at)

    @admin.display(description="sent")
    def sent(self, message: Message) -> str:
        return moment(message.sent_at)
