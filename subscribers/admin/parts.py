"""What the editors' screens are built of: pages for reading, a page with a button, and how progress and links
are shown."""

from datetime import timedelta

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.text import capfirst
from humanize import naturaldelta

from textengine.moments import NOTHING, moment

from .. import error_codes
from ..models import Enrollment, Message, Subscriber
from ..progress import progress_of
from ..writing import AnsweredMeanwhile, as_sent, unsendable

LINE = mark_safe("<br>")
# What is later than this is not only being sent at the moment.
LATE = timedelta(minutes=1)


def marked(name: str, is_marked: bool, mark: str = "Rehearsal") -> str:
    """Return this name, with a mark where it stands for no reader."""
    return format_html('{} <span class="badge">{}</span>', name, mark) if is_marked else name


def progress_bar(enrollment: Enrollment) -> str:
    progress = progress_of(enrollment)
    bar = format_html(
        '<span class="progress"><progress max="{}" value="{}" aria-label="Progress"></progress> {}</span>',
        max(progress.total, 1),
        progress.sent,
        progress,
    )
    if not enrollment.lost_count:
        return bar
    return format_html('{} <br><span class="state state--failed">{} did not arrive</span>', bar, enrollment.lost_count)


def what_comes_next(enrollment: Enrollment) -> str:
    """Say which text comes next and when, or why none comes."""
    progress = progress_of(enrollment)
    message = progress.upcoming
    if enrollment.status == Enrollment.Status.WAITING:
        return "begins when another story of this reader has ended"
    if enrollment.status != Enrollment.Status.ACTIVE:
        return enrollment.reason or NOTHING
    if message is None:
        return "Waits for an answer" if progress.at_question else NOTHING
    name = str(message.text) if message.text else "A text that was deleted"
    if progress.at_question:
        name = f"Waits for an answer; without one, {name[:1].lower()}{name[1:]}"
    if message.status == Message.Status.HELD:
        return f"{name}: on hold"
    wait = message.due_at - timezone.now()
    when = f"in {naturaldelta(wait)}" if wait > timedelta(0) else "now" if wait > -LATE else lateness(-wait)
    # After a failed attempt, what went wrong.
    trouble = what_went_wrong(message)
    after = format_html(", again after: {}", trouble) if trouble else ""
    return format_html('{} {}<br><span class="quiet">{}{}</span>', name, when, moment(message.due_at), after)


def lateness(wait: timedelta) -> str:
    return format_html('<span class="state state--failed">{} late</span>', naturaldelta(wait))


def what_went_wrong(message: Message) -> str:
    return error_codes.in_words(message.error_code) or message.reason


def reader_link(subscriber: Subscriber) -> str:
    return link("subscribers_subscriber_change", subscriber.pk, subscriber)


def row_id(words: str) -> int | None:
    """Return the id that these words of an address or a form are; None where no row could have it."""
    return int(words) if words.isdecimal() and len(words) < 19 else None


def link(name: str, pk: int, words) -> str:
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{name}", args=[pk]), words)


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self):
        super().__init__(format="%Y-%m-%d")


class WordsField(forms.CharField):
    """What somebody writes to readers, as it is sent; why it cannot be, it says itself."""

    widget = forms.Textarea

    def __init__(self, **kwargs):
        super().__init__(required=False, **kwargs)

    def clean(self, value):
        body = as_sent(super().clean(value))
        if sentence := unsendable(body):
            raise forms.ValidationError(sentence)
        return body


class SeenForm(forms.Form):
    """What is written to one reader; `known` is the last message of the newsroom to this reader that the page shows."""

    use_required_attribute = False
    known = forms.IntegerField(min_value=0, max_value=2**62, required=False, widget=forms.HiddenInput)
    answered = ""  # what somebody else has answered meanwhile, a sentence

    def clean_known(self) -> int:
        return self.cleaned_data["known"] or 0

    def ask(self, answered: AnsweredMeanwhile) -> None:
        """Let the next press of the button send this as well."""
        self.answered = str(answered)
        self.data = self.data.copy()
        self.data[self.add_prefix("known")] = answered.known


class YesOrNo(admin.EmptyFieldListFilter):
    """Whether a moment has come, in words."""

    def choices(self, changelist):
        for choice in super().choices(changelist):
            yield choice | {"display": str(choice["display"]).replace("Not empty", "Yes").replace("Empty", "No")}


class ReadersFirst(admin.SimpleListFilter):
    """Readers, as long as nobody asks for more: a rehearsal is not to be taken for one."""

    title = "who reads"
    parameter_name = "who"
    others = ""

    def lookups(self, request, model_admin):
        return [("others", self.others), ("all", "Both")]

    def choices(self, changelist):
        first, *more = super().choices(changelist)
        return [first | {"display": "Readers"}, *more]

    def queryset(self, request, queryset):
        if self.value() == "all":
            return queryset
        return queryset.rehearsals() if self.value() == "others" else queryset.readers()


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that the engine writes: people look at them."""

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

    def found(self, request: HttpRequest, object_id: int) -> Model:
        """Return this one to who may see such; raises PermissionDenied or, where there is none, Http404."""
        self.refuse_strangers(request)
        obj = self.get_object(request, str(object_id))
        if obj is None:
            raise Http404
        return obj

    def refuse_strangers(self, request: HttpRequest) -> None:
        """Refuse who may see none of these, before the answer depends on whether there is such a one."""
        if not self.has_view_permission(request):
            raise PermissionDenied

    def history_view(self, request, object_id, extra_context=None):
        self.refuse_strangers(request)
        return super().history_view(request, object_id, extra_context)

    def lookup_allowed(self, lookup, value, request=None):
        """Refuse what an address may ask of numbers, since it would tell them digit by digit, and by patterns."""
        refused = {"phone_number", "regex", "iregex"} & set(lookup.split("__"))
        return not refused and super().lookup_allowed(lookup, value, request)


class ButtonMixin:
    """A page whose object has one button: what it does is `press`, and whether it is there `button_label`."""

    change_form_template = "admin/subscribers/change_form_with_button.html"
    button_name = ""

    def button_label(self, request: HttpRequest, obj) -> str:
        raise NotImplementedError

    def has_send_permission(self, request: HttpRequest) -> bool:
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
        if not self.has_send_permission(request):
            raise PermissionDenied
        if self.button_label(request, obj):
            self.press(request, self.get_queryset(request).filter(pk=object_id))
        else:
            self.message_user(request, "This cannot be done any more.", messages.WARNING)
        return HttpResponseRedirect(
            reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id])
        )

    def change_view(self, request, object_id, form_url="", extra_context=None):
        obj = self.get_object(request, object_id)
        label = obj and self.button_label(request, obj)
        button = {"label": label, "url": f"../{self.button_name}/"} if label else None
        return super().change_view(request, object_id, form_url, {"button": button} | (extra_context or {}))
