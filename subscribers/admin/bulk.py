"""What is done to many passages at once: counted, asked, and then done; in the background where they are very many."""

from collections.abc import Collection
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django_q.tasks import async_task

from stories.readers import readers

from .. import bulk as steps
from ..models import Enrollment, Hold

# More are not taken: whoever wants that holds the story.
MANY = 20_000
# So many are done while the page waits.
AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Bulk:
    """One thing that is done to passages: how it is asked and told."""

    title: str
    says: str
    done: str


BULKS = {
    "pause": Bulk(
        "Pause",
        "Nothing more comes to them until they are resumed, here or by their own RESUME.",
        "Paused: {}.",
    ),
    "resume": Bulk(
        "Resume",
        "They go on where they were; a text whose moment has passed meanwhile comes at once.",
        "Resumed: {}.",
    ),
    "stop": Bulk(
        "Stop",
        "The story ends for them here. They can only begin it anew.",
        "Stopped: {}.",
    ),
    "send_next_now": Bulk(
        "Send the next text now",
        "The text that they wait for is sent at once; the waits after it count from then.",
        "The next text goes out now to {}.",
    ),
}


def ask_or_do(model_admin, request: HttpRequest, queryset: QuerySet[Enrollment], name: str) -> HttpResponse | None:
    """Ask whether it is to be done to these passages, on a page that says how many they are; do it once it is said."""
    bulk = BULKS[name]
    chosen = steps.STEPS[name].can(queryset).order_by()
    found = dict(chosen.values_list("pk", "subscriber")[: MANY + 1])
    if len(found) > MANY:
        text = f"These are more than {MANY:,} passages: filter the list first. To keep back a whole story, hold it."
        model_admin.message_user(request, text, messages.ERROR)
        return None
    if not found:
        text = f"Nothing was done: none of those that you chose can be told to {bulk.title.lower()}."
        model_admin.message_user(request, text, messages.WARNING)
        return None
    if "confirmed" not in request.POST:
        return confirmation(model_admin, request, queryset, name, found)
    model_admin.message_user(request, do(name, found, request.user.pk), messages.SUCCESS)
    return None


def confirmation(
    model_admin, request: HttpRequest, queryset: QuerySet[Enrollment], name: str, found: dict[int, int]
) -> HttpResponse:
    chosen = queryset.order_by().values("pk")[: MANY + 1].count()
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"{BULKS[name].title}: {whom(found.values())}?",
        "opts": model_admin.opts,
        "bulk": BULKS[name],
        "action": name,
        "whom": whom(found.values()),
        "left_out": chosen - len(found),
        "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "select_across": request.POST.get("select_across", "0"),
        "held": name == "send_next_now" and Hold.objects.active().exists(),
    }
    return TemplateResponse(request, "admin/subscribers/confirm_bulk.html", context)


def do(name: str, found: dict[int, int], by: int) -> str:
    """Do it to these passages, each by its id with its reader's, and say to how many.

    Where they are many, the cluster does it in the next moments.
    """
    ids = list(found)
    if len(ids) > AT_ONCE:
        for first in range(0, len(ids), AT_ONCE):
            async_task("subscribers.tasks.steer", name, ids[first : first + AT_ONCE], by)
        return f"{BULKS[name].title}: {whom(found.values())}, in the next moments."
    return BULKS[name].done.format(whom(steps.STEPS[name].do(ids, timezone.now(), by).values()))


def whom(subscribers: Collection[int]) -> str:
    """Say how many readers these passages are of and, where some have several, how many those are."""
    count = len(set(subscribers))
    return readers(count) if count == len(subscribers) else f"{readers(count)} ({len(subscribers):,} passages)"
