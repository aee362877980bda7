"""The page from which a story is texted to the own phone of who writes it."""

import functools
from collections.abc import Callable
from datetime import timedelta

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from phonenumber_field.formfields import PhoneNumberField

from stories.forms import WaitField
from stories.models import Story
from stories.preview import about
from stories.publishing import text_problems
from stories.waits import WORDS_MAX_LENGTH, Wait, delay_in_words

from .. import own_phones, rehearsals
from ..finding import our_region
from ..models import Enrollment, OwnPhone, Subscriber
from ..progress import Progress, progress_of, with_progress
from .parts import what_comes_next

View = Callable[..., HttpResponse]
TOTALS = ["1 minute", "5 minutes", "15 minutes", "1 hour"]
NO_TEXTS = "There is no text yet. Write one, and save; then it can be texted."
NOT_CONFIRMED = "First enter your phone’s number, and the code that is texted to it."
# Seconds until the page asks anew how far a rehearsal is: while texts come often, and while they come seldom.
OFTEN, SELDOM = 1, 10
SOON = timedelta(seconds=30)


class PhoneForm(forms.Form):
    use_required_attribute = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["number"] = PhoneNumberField(
            label="Your phone’s number",
            region=our_region(),
            widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
            help_text="With its country code, such as +1 415 555 0100.",
            error_messages={
                "required": "Enter the number of your phone.",
                "invalid": "This is no phone number. Write it with its country code, such as +1 415 555 0100.",
            },
        )

    def clean_number(self):
        number = self.cleaned_data["number"]
        if number.as_e164 == settings.TWILIO_NUMBER:
            raise ValidationError("That is the number from which stories are texted. Enter that of your own phone.")
        return number


class CodeForm(forms.Form):
    use_required_attribute = False
    code = forms.CharField(
        label="The code that was texted to it",
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
        error_messages={"required": "Enter the six digits that were texted to your phone."},
    )


class TotalField(WaitField):
    """How long a rehearsal may take: a length, and no time of day."""

    def to_python(self, value) -> timedelta:
        wait = super().to_python(value)
        if wait.at is not None or not wait.delay:
            raise ValidationError("Say how long it may take, such as “5 minutes”.")
        return wait.delay


class RehearsalForm(forms.Form):
    use_required_attribute = False
    speed = forms.ChoiceField(
        choices=[("compressed", "Compressed, with the waits in brackets"), ("true", "At true speed")],
        initial="compressed",
        widget=forms.RadioSelect,
    )
    total = TotalField(
        label="All of it in about",
        required=False,
        initial=Wait(timedelta(minutes=5)),
        widget=forms.TextInput(attrs={"list": "totals", "maxlength": WORDS_MAX_LENGTH, "autocomplete": "off"}),
    )

    def clean(self) -> dict:
        cleaned = super().clean()
        if cleaned.get("speed") == "true":
            # What is written beside it does not count.
            self.errors.pop("total", None)
            cleaned["total"] = None
        return cleaned


def for_writers(view: View) -> View:
    """Let only those through who may change the story, and hand it to the view."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, story_id: int) -> HttpResponse:
        stories = admin.site.get_model_admin(Story)
        if not stories.has_change_permission(request):
            raise PermissionDenied
        return view(request, get_object_or_404(stories.get_queryset(request), pk=story_id))

    return admin.site.admin_view(wrapped)


@for_writers
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, story: Story) -> HttpResponse:
    """Show where the rehearsals of this story go and how far one is; do what a button asks for."""
    if request.method == "POST":
        action = ACTIONS.get(request.POST.get("do"))
        refused = action(request, story) if action else {}
        if not refused:
            return HttpResponseRedirect(reverse("rehearse", args=[story.pk]))
        return show(request, story, refused)
    return show(request, story, {})


def own_phone_of(request: HttpRequest) -> OwnPhone | None:
    return OwnPhone.objects.filter(user=request.user).select_related("subscriber").first()


def show(request: HttpRequest, story: Story, refused: dict[str, forms.Form]) -> HttpResponse:
    """Show the page, with the forms that were refused as they were filled in."""
    own = own_phone_of(request)
    phone = own.subscriber if own else None
    texts = list(story.texts.order_by("position"))
    problems = [(text, problem) for text in texts for problem in text_problems(text, files=False)]
    context = {
        **admin.site.each_context(request),
        "title": "Text me this story",
        "subtitle": str(story),
        "opts": Story._meta,
        "object": story,
        "story": story,
        "own": own,
        "phone": phone,
        # Only of a phone that is known to be one's own: any other may be a reader's.
        "opted_out": own_phones.OPTED_OUT if own and own.is_confirmed and phone.opted_out_at else "",
        "has_code": bool(own and own.has_code(timezone.now())),
        "phone_form": PhoneForm(),
        "code_form": CodeForm(),
        "rehearsal_form": RehearsalForm(),
        "totals": TOTALS,
        "obstacle": "" if texts else NO_TEXTS,
        "ends_at": problems[0] if problems else None,
        "true_time": true_time(story, phone) if phone else "",
        **seen(own, story),
        **refused,
    }
    return TemplateResponse(request, "admin/subscribers/rehearse.html", context)


def true_time(story: Story, phone: Subscriber) -> str:
    """Say how long this story takes a reader who starts now, as people would."""
    return in_words(sum(rehearsals.true_gaps(story, phone, timezone.now(), keeps_quiet=False), timedelta(0)))


def in_words(length: timedelta) -> str:
    return f"about {delay_in_words(about(length))}" if length else "no time at all"


def seen(own: OwnPhone | None, story: Story) -> dict:
    """Return what the page shows of the newest rehearsal of this story on this phone, if there is one."""
    if not (own and own.is_confirmed):
        return {}
    rehearsal = with_progress(rehearsals.rehearsals_on(own.subscriber, story)).first()
    if rehearsal is None:
        return {}
    progress = progress_of(rehearsal)
    is_live = rehearsal.status in Enrollment.LIVE
    return {
        "rehearsal": rehearsal,
        "progress": progress,
        "is_live": is_live,
        "said": how_far(rehearsal, progress),
        "next": what_comes_next(rehearsal) if is_live else "",
        "again": again_in(progress) if is_live else 0,
    }


def how_far(rehearsal: Enrollment, progress: Progress) -> str:
    texts = f"{progress} texts"
    match rehearsal.status:
        case Enrollment.Status.COMPLETED:
            return f"The end: all {progress.total} texts were sent." if progress.total > 1 else "The end: it was sent."
        case Enrollment.Status.STOPPED:
            return f"Stopped after {texts}{because(rehearsal)}."
        case Enrollment.Status.FAILED:
            return f"It broke off after {texts}{because(rehearsal)}."
    return f"{texts} were sent."


def because(rehearsal: Enrollment) -> str:
    return f": {rehearsal.reason.rstrip('.')}" if rehearsal.reason else ""


def again_in(progress: Progress) -> int:
    coming = progress.upcoming
    return OFTEN if not coming or coming.due_at - timezone.now() < SOON else SELDOM


@for_writers
@require_safe
def progress(request: HttpRequest, story: Story) -> HttpResponse:
    """Answer with how far the rehearsal is, as the page shows it."""
    return render(request, "admin/subscribers/rehearsal.html", seen(own_phone_of(request), story) | {"story": story})


def ask_code(request: HttpRequest, story: Story) -> dict[str, forms.Form]:
    form = PhoneForm(request.POST)
    if form.is_valid():
        try:
            own_phones.ask_code(request.user, form.cleaned_data["number"].as_e164, timezone.now())
        except own_phones.Refusal as refusal:
            form.add_error("number", str(refusal))
    return {} if form.is_valid() else {"phone_form": form}


def enter_code(request: HttpRequest, story: Story) -> dict[str, forms.Form]:
    form = CodeForm(request.POST)
    if form.is_valid():
        try:
            own_phones.confirm(request.user, form.cleaned_data["code"], timezone.now())
        except own_phones.Refusal as refusal:
            form.add_error("code", str(refusal))
        else:
            messages.success(request, "Your phone is confirmed.")
    return {} if form.is_valid() else {"code_form": form}


def remove_phone(request: HttpRequest, story: Story) -> dict[str, forms.Form]:
    own_phones.remove(request.user, timezone.now())
    messages.success(request, "Your phone was removed: nothing is texted to it now.")
    return {}


def start(request: HttpRequest, story: Story) -> dict[str, forms.Form]:
    form = RehearsalForm(request.POST)
    if not form.is_valid():
        return {"rehearsal_form": form}
    own = own_phone_of(request)
    obstacle = NOT_CONFIRMED if not (own and own.is_confirmed) else "" if story.texts.exists() else NO_TEXTS
    if obstacle:
        messages.error(request, obstacle)
        return {}
    try:
        takes = rehearsals.start(story, own.subscriber, form.cleaned_data["total"], timezone.now())
    except rehearsals.OptedOut:
        messages.error(request, own_phones.OPTED_OUT)
    except rehearsals.Forgotten:
        messages.error(request, NOT_CONFIRMED)
    else:
        messages.success(request, f"On its way to your phone. It takes {in_words(takes)}.")
    return {}


def stop(request: HttpRequest, story: Story) -> dict[str, forms.Form]:
    own = own_phone_of(request)
    if own and own.is_confirmed:
        rehearsals.stop(rehearsals.rehearsals_on(own.subscriber, story), timezone.now())
    return {}


# What the page's buttons do, by their value; what comes back are the forms that were refused.
ACTIONS = {"phone": ask_code, "code": enter_code, "remove": remove_phone, "start": start, "stop": stop}
