"""A reader's page: the thread as it goes on, what comes next, and what the editor may do at this moment."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import Truncator
from django.views.decorators.http import require_POST, require_safe

from stories.models import BODY_MAX_LENGTH, Story, StoryText
from stories.preview import Draft, Facts
from stories.prices import Cost, Price
from stories.segments import measure
from textengine.moments import NOTHING

from .. import steering, writing
from ..models import Enrollment, Message, Subscriber
from ..progress import progress_of, with_progress
from ..steering import Action, Refused, Situation
from ..threads import clocks_differ, thread_of
from .parts import SeenForm, progress_bar, what_comes_next
from .watching import record_look, record_page

WRITE = "subscribers.add_message"
# What people write to readers: a reply, an answer at the desk, a correction.
WRITING = (WRITE, "subscribers.add_reply", "subscribers.add_correction")
LIVE_FIRST = {status: place for place, status in enumerate([*Enrollment.LIVE, *Enrollment.Status])}


@dataclass(frozen=True, slots=True)
class Passage:
    """One passage as its panel shows it."""

    enrollment: Enrollment
    actions: list[Action]
    upcoming: datetime | None

    @property
    def progress(self) -> str:
        return progress_bar(self.enrollment)

    @property
    def next(self) -> str:
        words = what_comes_next(self.enrollment)
        return "" if words == NOTHING else words

    @property
    def readers_clock(self) -> str:
        """When the next text comes by the reader's clock, where that is another one than the newsroom's."""
        zone = self.enrollment.subscriber.zone
        if self.upcoming is None or not clocks_differ(self.upcoming, zone):
            return ""
        return f"{date_format(self.upcoming.astimezone(zone), 'j M, H:i')} in {zone.key.replace('_', ' ')}"

    @property
    def places(self) -> list[tuple[Action, str]]:
        """What may be done, each with the address that does it, or that asks more about it."""
        names = {Action.PLACE: "place", Action.AGAIN: "again"}
        return [(action, address(names.get(action, "do"), self.enrollment, action)) for action in self.actions]


def address(name: str, enrollment: Enrollment, action: Action) -> str:
    more = [action] if name == "do" else []
    return reverse(f"admin:subscribers_subscriber_{name}", args=[enrollment.subscriber_id, enrollment.pk, *more])


def passages_of(subscriber: Subscriber, may_steer: bool) -> list[Passage]:
    """Return this reader's passages, those on their way first, with a fixed number of queries."""
    enrollments = list(with_progress(Enrollment.objects.filter(subscriber=subscriber)).order_by("-pk"))
    live = {each.story_id: each.pk for each in enrollments if each.status in Enrollment.LIVE and not each.is_rehearsal}
    stories = {each.story_id for each in enrollments}
    readable = set(Story.objects.readable().filter(pk__in=stories).values_list("pk", flat=True))
    found = []
    for each in sorted(enrollments, key=lambda each: LIVE_FIRST[each.status]):
        upcoming = progress_of(each).upcoming
        is_begun_anew = live.get(each.story_id, each.pk) != each.pk
        situation = Situation(each, subscriber, upcoming, is_begun_anew, each.story_id in readable)
        waits = upcoming is not None and each.status == Enrollment.Status.ACTIVE
        found.append(
            Passage(each, situation.offered() if may_steer else [], upcoming.due_at if waits and upcoming else None)
        )
    return found


class ReplyForm(SeenForm):
    body = forms.CharField(
        label="Write to this reader",
        required=False,
        # Too long is said in our words, which the page keeps.
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )


@dataclass(frozen=True, slots=True)
class Size:
    """What the words of a reply are billed as."""

    facts: Facts
    cost: Cost
    is_too_long: bool

    @classmethod
    def of(cls, body: str) -> "Size":
        facts = Facts(Draft("", StoryText(body=body)), None, measure(body))
        cost = Price.current().cost_of([(facts.measurement, False)])
        return cls(facts, cost, len(body) > BODY_MAX_LENGTH)


class PlaceForm(forms.Form):
    """At which text of the story a reader is put."""

    use_required_attribute = False
    text = forms.ChoiceField(
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose the text that comes next.",
            "invalid_choice": steering.NOT_OF_THE_STORY,
        },
    )
    repeats = forms.BooleanField(required=False, label="Texts that this reader has had come once more")

    def __init__(self, enrollment: Enrollment, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.texts = list(enrollment.story.texts.order_by("position"))
        had = Message.objects.story_texts().filter(enrollment=enrollment).exclude(sent_at=None)
        self.had = set(had.values_list("text", flat=True))
        upcoming = Message.objects.filter(enrollment=enrollment, step=enrollment.step + 1)
        self.upcoming = upcoming.values_list("text", flat=True).first()
        self.fields["text"].choices = [(text.pk, self.words(text)) for text in self.texts]

    def words(self, text: StoryText) -> str:
        """Return what tells this text from the others: its place, its first words, and whether the reader had it."""
        mark = " (comes next)" if text.pk == self.upcoming else " (had)" if text.pk in self.had else ""
        return f"{text.position}. {Truncator(text.body or 'A picture').chars(90)}{mark}"

    def clean(self):
        cleaned = super().clean()
        chosen = next((text for text in self.texts if str(text.pk) == cleaned.get("text")), None)
        if chosen and not cleaned.get("repeats"):
            again = sum(text.pk in self.had for text in self.texts if text.position >= chosen.position)
            if again:
                count = "1 text" if again == 1 else f"{again} texts"
                self.add_error(
                    "repeats",
                    f"From there on this reader has had {count} already. Tick this to send what was had again.",
                )
        return cleaned


class ReaderPageMixin:
    """For the admin of readers: a page that goes on by itself, and what the editor may do on it."""

    def get_urls(self):
        view = self.admin_site.admin_view
        passage = "<int:object_id>/passage/<int:enrollment_id>/"
        named = [
            ("<int:object_id>/live/", require_safe(self.live_view), "live"),
            ("<int:object_id>/reply/", require_POST(self.reply_view), "reply"),
            ("reply/size/", require_POST(self.size_view), "size"),
            (f"{passage}place/", self.place_view, "place"),
            (f"{passage}again/", self.again_view, "again"),
            (f"{passage}<str:action>/", require_POST(self.do_view), "do"),
        ]
        return [path(route, view(run), name=f"subscribers_subscriber_{name}") for route, run, name in named] + (
            super().get_urls()
        )

    def may_steer(self, request: HttpRequest) -> bool:
        return request.user.has_perm("subscribers.change_enrollment")

    def may_write(self, request: HttpRequest) -> bool:
        return request.user.has_perm(WRITE)

    def live(self, request: HttpRequest, subscriber: Subscriber) -> tuple[str, str]:
        """Return what goes on on this reader's page, and what tells whether it has changed."""
        context = {
            "objection": writing.objection(subscriber),
            "passages": passages_of(subscriber, self.may_steer(request)),
            "phone": thread_of(subscriber),
            "newsroom_zone": settings.NEWSROOM_ZONE.key.replace("_", " "),
        }
        live = render_to_string("admin/subscribers/reader_live.html", context, request)
        return live, sha256(live.encode()).hexdigest()

    def reply_form(self, request: HttpRequest, subscriber: Subscriber) -> ReplyForm | None:
        if not self.may_write(request):
            return None
        return ReplyForm(initial={"known": writing.last_answer(subscriber.pk)})

    def change_view(self, request, object_id, form_url="", extra_context=None):
        subscriber = self.get_object(request, object_id)
        context = {}
        if subscriber and self.has_view_permission(request, subscriber):
            live, digest = self.live(request, subscriber)
            context = {
                "title": "Reader",
                "show_save_and_continue": False,
                "live": live,
                "digest": digest,
                "objection": writing.objection(subscriber),
                "reply_form": self.reply_form(request, subscriber),
                "size": Size.of(""),
                "reply_max": BODY_MAX_LENGTH,
            }
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def live_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Answer with what goes on on this page, or with nothing where the page has it as it is already."""
        reader = self.found(request, object_id)
        live, digest = self.live(request, reader)
        if request.GET.get("known") == digest:
            return HttpResponse(status=204)
        record_look(request, self.opts.verbose_name, reader, timezone.now())
        return HttpResponse(live, headers={"X-Digest": digest, "Cache-Control": "no-store"})

    def passage(self, request: HttpRequest, object_id: int, enrollment_id: int) -> Enrollment:
        subscriber = self.found(request, object_id)
        if not self.may_steer(request):
            raise PermissionDenied
        passages = Enrollment.objects.select_related("story", "subscriber")
        return get_object_or_404(passages, pk=enrollment_id, subscriber=subscriber)

    def do_view(self, request: HttpRequest, object_id: int, enrollment_id: int, action: str) -> HttpResponse:
        if action not in steering.DOES:
            raise Http404
        enrollment = self.passage(request, object_id, enrollment_id)
        return self.steered(request, enrollment, lambda: steering.DOES[Action(action)](enrollment.pk, timezone.now()))

    def steered(self, request: HttpRequest, enrollment: Enrollment, run: Callable[[], str]) -> HttpResponse:
        """Do something with a passage, and lead back to its reader's page, which says what was done or why not."""
        try:
            done = run()
        except Refused as refused:
            self.message_user(request, str(refused), messages.WARNING)
        else:
            self.log_change(request, enrollment.subscriber, f"“{enrollment.story}”: {done}")
            self.message_user(request, f"“{enrollment.story}”: {done}", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:subscribers_subscriber_change", args=[enrollment.subscriber_id]))

    def place_view(self, request: HttpRequest, object_id: int, enrollment_id: int) -> HttpResponse:
        """Ask at which text the reader is to be put, and whether what was had may come again; then put it there."""
        enrollment = self.passage(request, object_id, enrollment_id)
        form = PlaceForm(enrollment, request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            text = int(form.cleaned_data["text"])
            return self.steered(request, enrollment, lambda: steering.place(enrollment.pk, text, timezone.now()))
        return self.asked(request, enrollment, Action.PLACE, "Put at another text", {"form": form})

    def again_view(self, request: HttpRequest, object_id: int, enrollment_id: int) -> HttpResponse:
        enrollment = self.passage(request, object_id, enrollment_id)
        if request.method == "POST":
            return self.steered(request, enrollment, lambda: steering.DOES[Action.AGAIN](enrollment.pk, timezone.now()))
        return self.asked(request, enrollment, Action.AGAIN, "Start again", {})

    def asked(self, request: HttpRequest, enrollment: Enrollment, action: Action, title: str, more: dict):
        record_page(request, title, enrollment.subscriber)
        context = self.admin_site.each_context(request) | {
            "title": title,
            "subtitle": str(enrollment.subscriber),
            "opts": self.opts,
            "enrollment": enrollment,
            "is_live": enrollment.status in Enrollment.LIVE,
            "objection": Situation.of(enrollment, enrollment.subscriber).objection(action),
        }
        return TemplateResponse(request, f"admin/subscribers/{action}.html", context | more)

    def reply_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Send what was written; a reply that is refused is not lost: the page comes back with it."""
        subscriber = self.found(request, object_id)
        if not self.may_write(request):
            raise PermissionDenied
        form = ReplyForm(request.POST)
        form.is_valid()
        body = form.cleaned_data.get("body", "")
        known = form.cleaned_data.get("known") or 0
        try:
            message = writing.reply(subscriber.pk, body, request.user, timezone.now(), known)
        except Refused as refused:
            if isinstance(refused, writing.AnsweredMeanwhile):
                form.ask(refused)
            self.message_user(request, str(refused), messages.WARNING)
            page = reverse("admin:subscribers_subscriber_change", args=[subscriber.pk])
            return self.change_view(as_get(request), str(object_id), page, refused_reply(form, body))
        if message:
            self.log_change(request, subscriber, f"Wrote a reply, message {message.pk}.")
        self.message_user(request, "Your reply goes out now.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:subscribers_subscriber_change", args=[subscriber.pk]))

    def size_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with what the words on the page are billed as, whatever they are to be."""
        if not any(map(request.user.has_perm, WRITING)):
            raise PermissionDenied
        size = Size.of(writing.as_sent(request.POST.get("body", "")[: 2 * BODY_MAX_LENGTH]))
        return render(request, "admin/subscribers/reply_size.html", {"size": size, "reply_max": BODY_MAX_LENGTH})


def refused_reply(form: ReplyForm, body: str) -> dict:
    return {"reply_form": form, "size": Size.of(writing.as_sent(body))}


def as_get(request: HttpRequest) -> HttpRequest:
    """Return this request as one that only looks at the page."""
    request.method = "GET"
    return request
