"""The editors' screens: who reads what, how far, what was texted, and the brake. Nearly all of it is for reading."""

import re
from datetime import datetime
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.defaultfilters import linebreaksbr, truncatechars
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.text import capfirst
from humanize import naturaldelta

from . import error_codes, holds, scheduling
from .models import Enrollment, Hold, Message, Subscriber
from .progress import progress_of, with_progress
from .threads import thread_of

NOTHING = "–"
LINE = mark_safe("<br>")


def moment(when: datetime | None) -> str:
    """Return a time of the newsroom's clock, in a way that browsers understand too."""
    if when is None:
        return NOTHING
    local = timezone.localtime(when)
    words = date_format(local, "j M, H:i" if local.year == timezone.localtime().year else "j M Y, H:i")
    return format_html('<time datetime="{}">{}</time>', when.isoformat(), words)


def progress_bar(enrollment: Enrollment) -> str:
    progress = progress_of(enrollment)
    return format_html(
        '<span class="progress"><progress max="{}" value="{}" aria-label="Progress"></progress> {}</span>',
        max(progress.total, 1),
        progress.sent,
        progress,
    )


def what_comes_next(enrollment: Enrollment) -> str:
    """Say which text comes next and when, or why none comes."""
    message = progress_of(enrollment).upcoming
    if enrollment.status != Enrollment.Status.ACTIVE:
        return enrollment.reason or NOTHING
    if message is None:
        return NOTHING
    name = str(message.text) if message.text else "A text that was deleted"
    if message.status == Message.Status.HELD:
        return f"{name}: on hold"
    wait = message.due_at - timezone.now()
    when = f"in {naturaldelta(wait)}" if wait.total_seconds() > 0 else "now"
    # After a failed attempt, what went wrong.
    trouble = what_went_wrong(message)
    after = format_html(", again after: {}", trouble) if trouble else ""
    return format_html('{} {}<br><span class="quiet">{}{}</span>', name, when, moment(message.due_at), after)


def what_went_wrong(message: Message) -> str:
    return error_codes.in_words(message.error_code) or message.reason


def story_link(enrollment: Enrollment) -> str:
    return link("subscribers_enrollment_change", enrollment.pk, enrollment.story)


def reader_link(subscriber: Subscriber) -> str:
    return link("subscribers_subscriber_change", subscriber.pk, subscriber)


def link(name: str, pk: int, words) -> str:
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{name}", args=[pk]), words)


class YesOrNo(admin.EmptyFieldListFilter):
    """Whether a moment has come, in words."""

    def choices(self, changelist):
        for choice in super().choices(changelist):
            yield choice | {"display": str(choice["display"]).replace("Not empty", "Yes").replace("Empty", "No")}


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that the engine writes: people look at them, and find them by number however they type it."""

    list_per_page = 50

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def changelist_view(self, request, extra_context=None):
        title = {"title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, title | (extra_context or {}))

    def get_search_results(self, request, queryset, search_term):
        if re.fullmatch(r"[+\d\s().–-]+", search_term):
            search_term = re.sub(r"[^+\d]", "", search_term)
        return super().get_search_results(request, queryset, search_term)


class ButtonMixin:
    """A page whose object has one button: what it does is `press`, and whether it is there `button_label`."""

    change_form_template = "admin/subscribers/change_form_with_button.html"
    button_name = ""

    def button_label(self, request: HttpRequest, obj) -> str:
        raise NotImplementedError

    def press(self, request: HttpRequest, queryset) -> None:
        raise NotImplementedError

    def get_urls(self):
        name = f"{self.opts.app_label}_{self.opts.model_name}_{self.button_name}"
        view = self.admin_site.admin_view(self.button_view)
        return [path(f"<int:object_id>/{self.button_name}/", view, name=name), *super().get_urls()]

    def button_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        obj = self.get_object(request, str(object_id))
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(object_id))
        if not self.button_label(request, obj):
            return HttpResponse("You may not do this.", status=403)
        self.press(request, self.get_queryset(request).filter(pk=object_id))
        return HttpResponseRedirect(
            reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id])
        )

    def change_view(self, request, object_id, form_url="", extra_context=None):
        obj = self.get_object(request, object_id)
        label = obj and self.button_label(request, obj)
        button = {"label": label, "url": f"../{self.button_name}/"} if label else None
        return super().change_view(request, object_id, form_url, {"button": button} | (extra_context or {}))


class SubscriberForm(forms.ModelForm):
    time_zone = forms.ChoiceField(
        required=False,
        help_text=Subscriber._meta.get_field("time_zone").help_text,
        choices=lambda: [("", "As the number says")] + [(name, name) for name in sorted(available_timezones())],
    )


@admin.register(Subscriber)
class SubscriberAdmin(ReadOnlyAdmin):
    form = SubscriberForm
    fields = ["stories", ("joined", "opted_out"), "time_zone"]
    readonly_fields = ["joined", "opted_out", "stories"]
    list_display = ["number", "reading", "joined", "zone", "opted_out"]
    list_filter = [("opted_out_at", YesOrNo), "enrollments__status", "enrollments__story"]
    search_fields = ["phone_number"]
    show_full_result_count = False

    def has_change_permission(self, request, obj=None):
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def has_delete_permission(self, request, obj=None):
        return request.user.is_superuser

    def get_deleted_objects(self, objs, request):
        """Let what a reader has go with the reader, though none of it can be deleted alone; counted, not listed."""
        _, counts, _, protected = super().get_deleted_objects(objs, request)
        return [str(obj) for obj in objs], counts, set(), protected

    def get_queryset(self, request):
        live = with_progress(Enrollment.objects.live())
        return super().get_queryset(request).prefetch_related(Prefetch("enrollments", queryset=live, to_attr="live"))

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

    @admin.display(description="number", ordering="phone_number")
    def number(self, subscriber: Subscriber) -> str:
        return str(subscriber)

    @admin.display(description="joined", ordering="created_at")
    def joined(self, subscriber: Subscriber) -> str:
        return moment(subscriber.created_at)

    @admin.display(description="time zone")
    def zone(self, subscriber: Subscriber) -> str:
        return subscriber.zone.key.replace("_", " ")

    @admin.display(description="opted out", ordering="opted_out_at", empty_value=NOTHING)
    def opted_out(self, subscriber: Subscriber) -> str:
        return moment(subscriber.opted_out_at)

    @admin.display(description="now reading")
    def reading(self, subscriber: Subscriber) -> str:
        rows = ((enrollment.story, progress_bar(enrollment)) for enrollment in subscriber.live)
        return format_html_join(LINE, "{} {}", rows) or NOTHING

    @admin.display(description="stories")
    def stories(self, subscriber: Subscriber) -> str:
        enrollments = with_progress(Enrollment.objects.filter(subscriber=subscriber)).order_by("-pk")
        rows = (
            (story_link(row), progress_bar(row), row.get_status_display(), what_comes_next(row)) for row in enrollments
        )
        return format_html_join("", '<div class="passage"><b>{}</b> {}<br>{} · {}</div>', rows) or "None yet"


@admin.register(Enrollment)
class EnrollmentAdmin(ButtonMixin, ReadOnlyAdmin):
    fields = [
        ("reader", "story", "number"),
        ("progress", "status", "next_text"),
        ("started", "last_sent", "ended"),
        "reason",
    ]
    readonly_fields = ["reader", "progress", "next_text", "started", "last_sent", "ended"]
    list_display = ["phone_number", "story", "progress", "status", "next_text", "last_sent", "started"]
    list_filter = ["status", "story"]
    search_fields = ["subscriber__phone_number", "story__title"]
    show_full_result_count = False
    actions = ["send_next_now"]
    button_name = "send-now"

    def get_queryset(self, request):
        return with_progress(super().get_queryset(request))

    def has_send_permission(self, request) -> bool:
        return request.user.has_perm("subscribers.change_enrollment")

    def button_label(self, request, obj):
        waits = obj.status in (Enrollment.Status.ACTIVE, Enrollment.Status.FAILED)
        return "Send the next text now" if waits and self.has_send_permission(request) else ""

    def press(self, request, queryset):
        self.send_next_now(request, queryset)

    @admin.action(description="Send the next text now", permissions=["send"])
    def send_next_now(self, request, queryset):
        count = scheduling.send_next_now(queryset.values_list("pk", flat=True), timezone.now())
        level = messages.SUCCESS if count else messages.WARNING
        self.message_user(request, f"The next text goes out now to {readers(count)}.", level)

    @admin.display(description="number", ordering="subscriber__phone_number")
    def phone_number(self, enrollment: Enrollment) -> str:
        return str(enrollment.subscriber)

    @admin.display(description="reader")
    def reader(self, enrollment: Enrollment) -> str:
        return reader_link(enrollment.subscriber)

    @admin.display(description="progress", ordering="step")
    def progress(self, enrollment: Enrollment) -> str:
        return progress_bar(enrollment)

    @admin.display(description="next text")
    def next_text(self, enrollment: Enrollment) -> str:
        return what_comes_next(enrollment)

    @admin.display(description="last text", ordering="last_sent_at")
    def last_sent(self, enrollment: Enrollment) -> str:
        return moment(enrollment.last_sent_at)

    @admin.display(description="started", ordering="created_at")
    def started(self, enrollment: Enrollment) -> str:
        return moment(enrollment.created_at)

    @admin.display(description="ended", ordering="ended_at")
    def ended(self, enrollment: Enrollment) -> str:
        return moment(enrollment.ended_at)


def readers(count: int) -> str:
    return "nobody" if count == 0 else "1 reader" if count == 1 else f"{count} readers"


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ["when", "direction", "reader", "story", "words", "state"]
    list_filter = ["direction", "status", ("enrollment__story", admin.RelatedFieldListFilter)]
    list_select_related = ["subscriber", "enrollment__story", "text"]
    search_fields = ["subscriber__phone_number", "sender", "body", "=sid"]
    show_full_result_count = False
    fieldsets = [
        (None, {"fields": [("direction", "reader", "story"), "all_words", "pictures", ("state", "reason")]}),
        ("Times", {"fields": [("created", "due", "begun", "sent")]}),
        ("At the carrier", {"fields": [("number", "sid"), ("segments", "attempts")]}),
    ]
    readonly_fields = ["reader", "story", "all_words", "pictures", "state", "created", "due", "begun", "sent"]

    @admin.display(description="time", ordering="pk")
    def when(self, message: Message) -> str:
        return moment(message.sent_at or message.due_at or message.created_at)

    @admin.display(description="reader")
    def reader(self, message: Message) -> str:
        return reader_link(message.subscriber) if message.subscriber else message.sender or NOTHING

    @admin.display(description="story")
    def story(self, message: Message) -> str:
        if not message.enrollment:
            return NOTHING
        return f"{message.enrollment.story}, text {message.step}" if message.step else message.enrollment.story

    @admin.display(description="text")
    def words(self, message: Message) -> str:
        return self.worded(message, max_length=70)

    @admin.display(description="text")
    def all_words(self, message: Message) -> str:
        return self.worded(message, max_length=None)

    def worded(self, message: Message, max_length: int | None) -> str:
        """What it says, or what it will say as its text now reads."""
        waiting = message.text and not message.begun_at and not message.sent_at
        body = message.text.body if waiting else message.body
        shown = truncatechars(body, max_length) if max_length else linebreaksbr(body)
        shown = shown or ("a picture" if waiting or message.media_urls else NOTHING)
        return format_html("<i>{}</i>", shown) if waiting else shown

    @admin.display(description="status", ordering="status")
    def state(self, message: Message) -> str:
        why = what_went_wrong(message)
        words = f"{message.get_status_display()}: {why}" if why else message.get_status_display()
        return format_html('<span class="state state--{}">{}</span>', message.status, words)

    @admin.display(description="pictures")
    def pictures(self, message: Message) -> str:
        return format_html_join(LINE, '<a href="{0}">{0}</a>', ((url,) for url in message.media_urls)) or NOTHING

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
    list_display = ["covers", "reason", "since", "created_by", "released"]
    list_filter = [("released_at", YesOrNo)]
    list_select_related = ["story", "created_by"]
    actions = ["release"]
    button_name = "release"

    def has_add_permission(self, request):
        return admin.ModelAdmin.has_add_permission(self, request)

    def has_release_permission(self, request) -> bool:
        return request.user.has_perm("subscribers.change_hold")

    def get_fields(self, request, obj=None):
        return ["covers", "reason", "since", "created_by", "released"] if obj else ["story", "reason"]

    def get_readonly_fields(self, request, obj=None):
        return ["covers", "since", "created_by", "released"] if obj else []

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "story":
            field.empty_label = "Everything"
            field.help_text = "What it covers waits from now on, and goes out when the hold is released."
            for name in ("add", "change", "delete", "view"):
                setattr(field.widget, f"can_{name}_related", False)
        return field

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        buttons = {"show_save_and_add_another": False}
        return super().changeform_view(request, object_id, form_url, buttons | (extra_context or {}))

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

    @admin.display(description="released", ordering="released_at")
    def released(self, hold: Hold) -> str:
        return moment(hold.released_at) if hold.released_at else "in force"
