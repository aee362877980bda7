"""Who reads which story, how far, and what comes next; an editor may send that now."""

from datetime import timedelta

from django.contrib import admin, messages
from django.db.models import DurationField, ExpressionWrapper, F, OuterRef, Subquery
from django.utils import timezone
from django.utils.html import format_html
from humanize import naturaldelta

from stories.models import Story
from stories.readers import readers
from textengine.moments import NOTHING, moment

from .. import scheduling
from ..models import Enrollment, Hold, Message
from ..models.readers import FAR
from ..progress import with_progress
from .bulk import ask_or_do
from .lists import SEARCH_HELP, LongListMixin, OlderFilter
from .parts import LATE, ButtonMixin, ReadersFirst, ReadOnlyAdmin, marked, progress_bar, reader_link, what_comes_next
from .watching import WatchedMixin


class RehearsalsFilter(ReadersFirst):
    others = "Rehearsals"


# So many are found by it, those that wait longest.
LATE_MAX = 1000


class LateFilter(admin.SimpleListFilter):
    """Whose next text should have gone out."""

    title = "next text"
    parameter_name = "late"

    def lookups(self, request, model_admin):
        return [("minute", "More than a minute late"), ("hour", "More than an hour late"), ("held", "On hold")]

    def queryset(self, request, queryset):
        lateness = {"minute": LATE, "hour": timedelta(hours=1)}.get(self.value())
        if self.value() == "held":
            waiting = Message.objects.filter(status=Message.Status.HELD).story_texts()
        elif lateness:
            waiting = Message.objects.due(timezone.now() - lateness).story_texts()
        else:
            return queryset
        # In an outage these may be all that there are.
        return queryset.filter(pk__in=list(waiting.order_by("due_at").values_list("enrollment", flat=True)[:LATE_MAX]))


class FarFilter(admin.SimpleListFilter):
    """How many texts were sent."""

    title = "texts sent"
    parameter_name = "far"
    # Each by the least number of its span.
    SPANS = {"0": 0, "1": 1, "2-5": 2, "6-10": 6, "11": 11}

    def lookups(self, request, model_admin):
        return [("0", "None yet"), ("1", "1"), ("2-5", "2 to 5"), ("6-10", "6 to 10"), ("11", "More")]

    def queryset(self, request, queryset):
        if self.value() not in self.SPANS:
            return queryset
        return queryset.alias(far=FAR).filter(far=self.SPANS[self.value()])


class HeardFilter(admin.SimpleListFilter):
    """When the reader last texted us."""

    title = "last heard"
    parameter_name = "heard"
    heard_at = "subscriber__heard_at"

    def lookups(self, request, model_admin):
        return [("day", "Past 24 hours"), ("week", "Past 7 days"), ("longer", "Not for 30 days")]

    def queryset(self, request, queryset):
        now, heard = timezone.now(), self.heard_at
        match self.value():
            case "day":
                return queryset.filter(**{f"{heard}__gte": now - timedelta(days=1)})
            case "week":
                return queryset.filter(**{f"{heard}__gte": now - timedelta(days=7)})
            case "longer":
                # Who joined later was heard later: the list need not pass over these.
                before = now - timedelta(days=30)
                return queryset.filter(**{f"{heard}__lt": before}, created_at__lt=before)
        return queryset


@admin.register(Enrollment)
class EnrollmentAdmin(WatchedMixin, LongListMixin, ButtonMixin, ReadOnlyAdmin):
    fields = [
        ("reader", "read_story", "number"),
        ("progress", "status", "next_text"),
        ("started", "last_sent", "ended"),
        "answers",
        "reason",
    ]
    readonly_fields = ["reader", "read_story", "progress", "next_text", "started", "last_sent", "ended", "answers"]
    list_display = ["phone_number", "read_story", "progress", "status", "next_text", "last_sent"]
    list_display += ["heard", "started"]
    list_filter = [OlderFilter, RehearsalsFilter, "status", LateFilter, FarFilter, HeardFilter, "created_at", "story"]
    search_fields = ["subscriber__phone_number"]
    search_help_text = f"{SEARCH_HELP}, or words of a story’s title."
    moment = F("created_at")
    actions = ["pause", "resume", "stop", "send_next_now"]
    button_name = "send-now"

    def get_queryset(self, request):
        sent = Message.objects.story_texts().filter(enrollment=OuterRef("pk")).exclude(sent_at=None)
        lateness = ExpressionWrapper(F("sent_at") - F("due_at"), output_field=DurationField())
        last = sent.order_by("-step").annotate(late=lateness).values("late")[:1]
        return with_progress(super().get_queryset(request)).annotate(last_late=Subquery(last))

    def key_of(self, enrollment: Enrollment) -> str:
        return f"{enrollment.created_at.isoformat()}~{enrollment.pk}"

    def with_words(self, queryset, words):
        return queryset.filter(
            story__in=list(Story.objects.filter(title__icontains=words).values_list("pk", flat=True))
        )

    def has_send_permission(self, request) -> bool:
        return request.user.has_perm("subscribers.change_enrollment")

    def button_label(self, request, obj):
        # A rehearsal that broke off is begun anew.
        failed = obj.status == Enrollment.Status.FAILED and not obj.is_rehearsal
        waits = failed or obj.status == Enrollment.Status.ACTIVE
        return "Send the next text now" if waits and self.has_send_permission(request) else ""

    def press(self, request, queryset):
        now = timezone.now()
        counts = [
            scheduling.send_next_now(who.values_list("pk", flat=True), now)
            for who in (queryset.readers(), queryset.rehearsals())
        ]
        level = messages.SUCCESS if any(counts) else messages.WARNING
        held = " What is on hold waits until the hold is released." if Hold.objects.active().exists() else ""
        self.message_user(request, f"The next text goes out now to {readers_and_rehearsals(*counts)}.{held}", level)

    @admin.action(description="Pause", permissions=["send"])
    def pause(self, request, queryset):
        return ask_or_do(self, request, queryset, "pause")

    @admin.action(description="Resume", permissions=["send"])
    def resume(self, request, queryset):
        return ask_or_do(self, request, queryset, "resume")

    @admin.action(description="Stop", permissions=["send"])
    def stop(self, request, queryset):
        return ask_or_do(self, request, queryset, "stop")

    @admin.action(description="Send the next text now", permissions=["send"])
    def send_next_now(self, request, queryset):
        return ask_or_do(self, request, queryset, "send_next_now")

    @admin.display(description="number")
    def phone_number(self, enrollment: Enrollment) -> str:
        return str(enrollment.subscriber)

    @admin.display(description="reader")
    def reader(self, enrollment: Enrollment) -> str:
        return reader_link(enrollment.subscriber)

    @admin.display(description="story")
    def read_story(self, enrollment: Enrollment) -> str:
        return marked(str(enrollment.story), enrollment.is_rehearsal)

    @admin.display(description="progress")
    def progress(self, enrollment: Enrollment) -> str:
        return progress_bar(enrollment)

    @admin.display(description="next text")
    def next_text(self, enrollment: Enrollment) -> str:
        return what_comes_next(enrollment)

    @admin.display(description="last text")
    def last_sent(self, enrollment: Enrollment) -> str:
        sent_at = moment(enrollment.last_sent_at)
        if not (enrollment.last_late and enrollment.last_late > LATE):
            return sent_at
        return format_html('{}<br><span class="quiet">{} late</span>', sent_at, naturaldelta(enrollment.last_late))

    @admin.display(description="last heard")
    def heard(self, enrollment: Enrollment) -> str:
        return moment(enrollment.subscriber.heard_at)

    @admin.display(description="answers", empty_value=NOTHING)
    def answers(self, enrollment: Enrollment) -> str:
        """What this reader has answered, in order: the choices, and what is kept for later texts."""
        answered = enrollment.questions.exclude(answered_at=None).order_by("step")
        return ", ".join(str(question) for question in answered)

    @admin.display(description="started")
    def started(self, enrollment: Enrollment) -> str:
        return moment(enrollment.created_at)

    @admin.display(description="ended")
    def ended(self, enrollment: Enrollment) -> str:
        return moment(enrollment.ended_at)


def readers_and_rehearsals(read: int, rehearsed: int) -> str:
    if not rehearsed:
        return readers(read)
    rehearsals = "1 rehearsal" if rehearsed == 1 else f"{rehearsed} rehearsals"
    return f"{readers(read)} and {rehearsals}" if read else rehearsals
