"""What is done to many passages at once: counted, asked, and then done; in the background where they are very many."""

from collections.abc import Callable
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
    """One thing that is done to passages: how it is asked and told, and to which it can be done."""

    title: str
    says: str
    done: str
    can: Callable[[QuerySet], QuerySet]


BULKS = {
    "pause": Bulk(
        "Pause",
        "Nothing more comes to them until they are resumed, here or by their own RESUME.",
        "Paused: {}.",
        steps.can_pause,
    ),
    "resume": Bulk(
        "Resume",
        "They go on where they were; a text whose moment has passed meanwhile comes at once.",
        "Resumed: {}.",
        steps.can_resume,
    ),
    "stop": Bulk(
        "Stop",
        "The story ends for them here. They can only begin it anew.",
        "Stopped: {}.",
        steps.can_stop,
    ),
    "send_next_now": Bulk(
        "Send the next text now",
        "The text that they wait for is sent at once; the waits after it count from then.",
        "The next text goes out now to {}.",
        steps.can_have_next,
    ),
}


def ask_or_do(model_admin, request: HttpRequest, queryset: QuerySet[Enrollment], name: str) -> HttpResponse | None:
    """Ask whether it is to be done to these passages, on a page that says how many they are; do it once it is said."""
    bulk = BULKS[name]
    ids = list(bulk.can(queryset).order_by().values_list("pk", flat=True)[: MANY + 1])
    if len(ids) > MANY:
        text = f"These are more than {readers(MANY)}: filter the list first. To keep back a whole story, hold it."
        model_admin.message_user(request, text, messages.ERROR)
        return None
    if not ids:
        text = f"Nothing was done: none of those that you chose can be told to {bulk.title.lower()}."
        model_admin.message_user(request, text, messages.WARNING)
        return None
    if "confirmed" not in request.POST:
        return confirmation(model_admin, request, queryset, name, len(ids))
    model_admin.message_user(request, do(name, ids), messages.SUCCESS)
    return None


def confirmation(
    model_admin, request: HttpRequest, queryset: QuerySet[Enrollment], name: str, count: int
) -> HttpResponse:
    chosen = queryset.order_by().values("pk")[: MANY + 1].count()
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"{BULKS[name].title}: {readers(count)}?",
        "opts": model_admin.opts,
        "bulk": BULKS[name],
        "action": name,
        "count": count,
        "left_out": chosen - count,
        "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "select_across": request.POST.get("select_across", "0"),
        "held": name == "send_next_now" and Hold.objects.active().exists(),
    }
    return TemplateResponse(request, "admin/subscribers/confirm_bulk.html", context)


def do(name: str, ids: list[int]) -> str:
    """Do it to these, and say to how many; where they are many, the cluster does it in the next moments."""
    if len(ids) > AT_ONCE:
        for first in range(0, len(ids), AT_ONCE):
            async_task("subscribers.tasks.steer", name, ids[first : first + AT_ONCE])
        return f"{BULKS[name].title}: {readers(len(ids))}, in the next moments."
    return BULKS[name].done.format(readers(steps.STEPS[name](ids, timezone.now())))
