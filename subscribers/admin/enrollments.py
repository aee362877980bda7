"""Who reads which story, how far, and what comes next; an editor may send that now."""

from django.contrib import admin, messages
from django.utils import timezone

from stories.readers import readers
from textengine.moments import NOTHING, moment

from .. import scheduling
from ..models import Enrollment, Hold
from ..progress import with_progress
from .parts import ButtonMixin, ReadersFirst, ReadOnlyAdmin, marked, progress_bar, reader_link, what_comes_next
from .watching import WatchedMixin


class RehearsalsFilter(ReadersFirst):
    others = "Rehearsals"


@admin.register(Enrollment)
class EnrollmentAdmin(WatchedMixin, ButtonMixin, ReadOnlyAdmin):
    fields = [
        ("reader", "read_story", "number"),
        ("progress", "status", "next_text"),
        ("started", "last_sent", "ended"),
        "answers",
        "reason",
    ]
    readonly_fields = ["reader", "read_story", "progress", "next_text", "started", "last_sent", "ended", "answers"]
    list_display = ["phone_number", "read_story", "progress", "status", "next_text", "last_sent", "started"]
    list_filter = [RehearsalsFilter, "status", "created_at", "story"]
    number_field = "subscriber__phone_number"
    search_fields = ["story__title"]
    show_full_result_count = False
    actions = ["send_next_now"]
    button_name = "send-now"

    def get_queryset(self, request):
        return with_progress(super().get_queryset(request))

    def has_send_permission(self, request) -> bool:
        return request.user.has_perm("subscribers.change_enrollment")

    def button_label(self, request, obj):
        # A rehearsal that broke off is begun anew.
        failed = obj.status == Enrollment.Status.FAILED and not obj.is_rehearsal
        waits = failed or obj.status == Enrollment.Status.ACTIVE
        return "Send the next text now" if waits and self.has_send_permission(request) else ""

    def press(self, request, queryset):
        self.send_next_now(request, queryset)

    @admin.action(description="Send the next text now", permissions=["send"])
    def send_next_now(self, request, queryset):
        now = timezone.now()
        counts = [
            scheduling.send_next_now(who.values_list("pk", flat=True), now)
            for who in (queryset.readers(), queryset.rehearsals())
        ]
        level = messages.SUCCESS if any(counts) else messages.WARNING
        held = " What is on hold waits until the hold is released." if Hold.objects.active().exists() else ""
        self.message_user(request, f"The next text goes out now to {readers_and_rehearsals(*counts)}.{held}", level)

    @admin.display(description="number")
    def phone_number(self, enrollment: Enrollment) -> str:
        return str(enrollment.subscriber)

    @admin.display(description="reader")
    def reader(self, enrollment: Enrollment) -> str:
        return reader_link(enrollment.subscriber)

    @admin.display(description="story", ordering="story__title")
    def read_story(self, enrollment: Enrollment) -> str:
        return marked(str(enrollment.story), enrollment.is_rehearsal)

    @admin.display(description="progress", ordering="step")
    def progress(self, enrollment: Enrollment) -> str:
        return progress_bar(enrollment)

    @admin.display(description="next text")
    def next_text(self, enrollment: Enrollment) -> str:
        return what_comes_next(enrollment)

    @admin.display(description="last text", ordering="last_sent_at")
    def last_sent(self, enrollment: Enrollment) -> str:
        return moment(enrollment.last_sent_at)

    @admin.display(description="answers", empty_value=NOTHING)
    def answers(self, enrollment: Enrollment) -> str:
        """What this reader has answered, in order: the choices, and what is kept for later texts."""
        answered = enrollment.questions.exclude(answered_at=None).order_by("step")
        return ", ".join(str(question) for question in answered)

    @admin.display(description="started", ordering="created_at")
    def started(self, enrollment: Enrollment) -> str:
        return moment(enrollment.created_at)

    @admin.display(description="ended", ordering="ended_at")
    def ended(self, enrollment: Enrollment) -> str:
        return moment(enrollment.ended_at)


def readers_and_rehearsals(read: int, rehearsed: int) -> str:
    if not rehearsed:
        return readers(read)
    rehearsals = "1 rehearsal" if rehearsed == 1 else f"{rehearsed} rehearsals"
    return f"{readers(read)} and {rehearsals}" if read else rehearsals
