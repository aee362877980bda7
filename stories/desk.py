"""The preview of the desk: the form comes in as it stands on the page; the phone and each text's facts go out.

The same preview of a story as it is saved is a page of its own, for whoever may see the story.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib.admin import ModelAdmin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signing import BadSignature
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.datastructures import MultiValueDict

from .linked import signed_link, small_picture
from .map import Map
from .models import Story
from .preview import Draft, Facts, Preview, drafts_in
from .publishing import text_problems
from .quiet import in_one_form
from .timeline import starts

# The smallest GIF there is, for a picture that is still the browser's alone.
STAND_IN = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
# How long a browser keeps a linked picture.
LINKED_SECONDS = 10 * 60
READERS_MAX = 100_000_000
STORY_PARTS = ("counts", "facts", "bill", "map")
ZONES = [
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
    "America/Mexico_City",
    "America/Sao_Paulo",
    "Europe/London",
    "Europe/Berlin",
    "Africa/Lagos",
    "Africa/Nairobi",
    "Asia/Kolkata",
    "Asia/Manila",
    "Asia/Tokyo",
    "Australia/Sydney",
    "UTC",
]


def zone_choices() -> list[tuple[str, str]]:
    """Return the newsroom's zone, and those that readers are often in."""
    newsroom = settings.TIME_ZONE
    return [(newsroom, place(newsroom))] + [(key, place(key)) for key in ZONES if key != newsroom]


def place(zone: str) -> str:
    return zone.rpartition("/")[2].replace("_", " ")


class ReaderForm(forms.Form):
    """For whom the preview is: when the reader starts and where."""

    start = forms.ChoiceField(
        choices=[("now", "now"), ("this evening", "this evening"), ("chosen day", "at noon on")],
        initial="now",
        label="A reader starts",
    )
    day = forms.DateField(
        required=False,
        initial=lambda: timezone.localdate() + timedelta(days=1),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "aria-label": "Day"}),
    )
    zone = forms.ChoiceField(choices=zone_choices, initial=lambda: settings.TIME_ZONE, label="in")
    readers = forms.IntegerField(min_value=1, max_value=READERS_MAX, initial=1000, label="Readers")
    use_required_attribute = False

    @classmethod
    def unchosen(cls) -> dict:
        """Return what the form begins with, for an address that does not say it all."""
        blank = cls()
        return {name: blank.get_initial_for_field(field, name) for name, field in blank.fields.items()}

    def count(self) -> int:
        """Return for how many readers the bill is; whatever is no number of them is one."""
        return self.cleaned_data.get("readers", 1)

    def start_and_zone(self, now: datetime) -> tuple[datetime, ZoneInfo]:
        """Return what was chosen; whatever was not, or not rightly, is now, and the newsroom's zone."""
        self.is_valid()
        chosen = self.cleaned_data
        zone = ZoneInfo(chosen.get("zone", settings.TIME_ZONE))
        return starts(now, zone, chosen.get("day")).get(chosen.get("start"), now), zone


def preview(model_admin: ModelAdmin, request: HttpRequest, object_id: str | None = None) -> JsonResponse:
    """Answer with the phone, each text's facts by its key, and what the whole story comes to, all as HTML."""
    story = story_on_page(model_admin, request, object_id)
    drafts = drafts_on_page(model_admin, request, story)
    story.title = request.POST.get("title", story.title)
    story.keyword = request.POST.get("keyword", story.keyword)
    story.quiet = quiet_on_page(request, story)
    reader_form = ReaderForm(request.POST)
    start, zone = reader_form.start_and_zone(timezone.now())
    seen = Preview.of(story, drafts, start, zone, request.POST.getlist("answer"))
    context = bill_of(seen, reader_form.count()) | map_of(seen)
    return JsonResponse(
        {
            "phone": render_to_string("phone.html", {"phone": seen.phone()}),
            "texts": {facts.draft.key: shown(facts) for facts in seen.facts},
            "story": {part: render_to_string(f"admin/stories/story_{part}.html", context) for part in STORY_PARTS},
        }
    )


def bill_of(seen: Preview, readers: int) -> dict:
    """Return what the story comes to: the least and the most, where answers decide."""
    (least, cost), (shortest, duration) = seen.costs(readers), seen.durations()
    return {"seen": seen, "least": least, "cost": cost, "shortest": shortest, "duration": duration}


def map_of(seen: Preview) -> dict:
    """Return what draws the ways through a story; nothing for one that goes straight on."""
    if seen.ways.is_straight:
        return {"map": None}
    drawn = Map.of(seen.ways)
    return {"map": drawn, "rows": [(row, seen.facts[row.first].draft) for row in drawn.rows]}


def preview_page(model_admin: ModelAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """Show the saved story on a phone; the address says when its reader starts, where, and what was answered."""
    story = story_on_page(model_admin, request, object_id)
    reader_form = ReaderForm(ReaderForm.unchosen() | request.GET.dict())
    start, zone = reader_form.start_and_zone(timezone.now())
    seen = Preview.of(story, saved_drafts(story), start, zone, request.GET.getlist("answer"))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"Preview of “{story}”",
        "opts": model_admin.opts,
        "object": story,
        "phone": seen.phone(lambda answers: address_with(request, answers)),
        "reader_form": reader_form,
        **bill_of(seen, reader_form.count()),
    }
    return TemplateResponse(request, "admin/stories/preview_page.html", context)


def address_with(request: HttpRequest, answers: list[str]) -> str:
    """Return the address of this page with these answers."""
    query = request.GET.copy()
    query.setlist("answer", answers)
    return f"?{query.urlencode()}"


def linked_picture(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """Answer with a small copy of a linked picture that a phone of ours shows."""
    if not model_admin.has_view_or_change_permission(request):
        raise PermissionDenied
    try:
        picture = small_picture(signed_link(request.GET.get("link", "")))
    except BadSignature:
        picture = None
    if not picture:
        return HttpResponseNotFound()
    content_type, content = picture
    headers = {"Cache-Control": f"private, max-age={LINKED_SECONDS}", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type=content_type, headers=headers)


def preview_url(story_id: str | None) -> str:
    name = "admin:stories_story_preview"
    return reverse(name, args=[story_id]) if story_id else reverse(f"{name}_new")


def shown(facts: Facts) -> dict:
    return {
        "html": render_to_string("admin/stories/text_facts.html", {"facts": facts}),
        "plain": facts.plain,
        "at_night": bool(facts.moment and facts.moment.night_in_words),
    }


def story_on_page(model_admin: ModelAdmin, request: HttpRequest, object_id: str | None) -> Story:
    if object_id is None:
        story, allowed = Story(), model_admin.has_add_permission(request)
    else:
        story = model_admin.get_object(request, unquote(object_id))
        allowed = model_admin.has_view_or_change_permission(request, story)
    if not allowed:
        raise PermissionDenied
    if story is None:
        raise Http404
    return story


def drafts_on_page(model_admin: ModelAdmin, request: HttpRequest, story: Story) -> list[Draft]:
    """Read the texts from the page; for those who may not change them, as they are saved."""
    saved = story if story.pk else None
    FormSet, inline = next(pair for pair in model_admin.get_formsets_with_inlines(request, saved))
    prefix = FormSet.get_default_prefix()
    if saved and not inline.has_change_permission(request, saved):
        return saved_drafts(saved, prefix)
    kwargs = model_admin.get_formset_kwargs(request, story, inline, prefix)
    return drafts_in(FormSet(**kwargs | {"files": stand_ins(request.POST.getlist("chosen"))}))


def quiet_on_page(request: HttpRequest, story: Story) -> str:
    """Read the story's quiet hours from the page; as long as nobody understands them, as they are saved."""
    try:
        return in_one_form(request.POST.get("quiet", story.quiet))
    except ValidationError:
        return story.quiet


def saved_drafts(story: Story, prefix: str = "texts") -> list[Draft]:
    """Return the texts as they are saved, and what is wrong with them."""
    return [
        Draft(f"{prefix}-{index}", text, tuple(text_problems(text, files=False)))
        for index, text in enumerate(story.texts.order_by("position"))
    ]


def stand_ins(names: list[str]) -> MultiValueDict:
    """Return a picture for each of these fields, in which one was chosen that the browser has not sent."""
    return MultiValueDict({name: [SimpleUploadedFile("chosen.gif", STAND_IN)] for name in names})
