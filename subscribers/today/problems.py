"""What is wrong with the engine at this moment: each a sentence, and the one thing to do about it.

Nothing here counts: it looks whether there is one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django_q.models import Failure
from humanize import naturaldelta

from ..models import Hold, Message
from ..rates import sends
from ..state import LATE, Worker, overdue, spent_senders
from .counting import DAY, sent
from .figures import Figures

# So many that did not arrive, and at least that part of what went out in the hour, is more than happens every day.
LOST_MIN, LOST_PART = 5, 0.05

MESSAGES = "subscribers.view_message"
SENDERS = "subscribers.change_sender"
TASKS = "django_q.view_failure"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and since when; what mends it: a link, or words where it is nothing to click on."""

    title: str
    words: str
    action: str
    url: str = ""


def problems(now: datetime, user: User, found: Worker, holds: list[Hold], figures: Figures | None) -> list[Problem]:
    """Return what is wrong, the gravest first; `holds` are in force, and explain what does not go out."""
    return [
        *of_worker(now, found, holds),
        *of_senders(now, user),
        *(of_losses(user, figures) if figures else ()),
        *(of_tasks(now) if user.has_perm(TASKS) else ()),
    ]


def of_worker(now: datetime, found: Worker, holds: list[Hold]) -> Iterator[Problem]:
    if found.state != "running":
        since = f" {clock(found.since, now)}" if found.since else ""
        yield Problem(
            f"{found.words}{since}.",
            "No text goes out, and no answer to readers. What falls due waits, and then goes on in rhythm.",
            "Who runs the server starts it: manage.py qcluster, or the worker of the Procfile.",
        )
        return
    oldest = overdue(now, holds).order_by("due_at").first()
    if oldest is None or found.since > now - LATE:
        return
    late = naturaldelta(now - oldest.due_at)
    if sent(now - LATE, now).exists():
        yield Problem(
            f"Texts are late: the oldest has waited for {late}.",
            "More is due than our numbers and the carrier take. It goes out as fast as it can, the oldest first.",
            "See how fast our numbers may send",
            reverse("admin:subscribers_sender_changelist"),
        )
    else:
        yield Problem(
            f"Nothing goes out, though texts have been due for {late}.",
            "The worker is running, but it sends nothing.",
            "Who runs the server starts the worker anew, and looks into its log.",
        )


def clock(when: datetime, now: datetime) -> str:
    """Return this time by the newsroom's clock, with its day where that is not clear."""
    return date_format(timezone.localtime(when), "H:i" if now - when < DAY else "j M, H:i")


def of_senders(now: datetime, user: User) -> Iterator[Problem]:
    for sender in spent_senders(now):
        if Message.objects.due(now).filter(sends(sender)).exists():
            may = user.has_perm(SENDERS)
            yield Problem(
                f"{sender} has used up its {sender.segments_per_day:,} segments of today.",
                "What is due by this number goes out tomorrow.",
                "Change how much it may send" if may else "An operator can change how much it may send.",
                reverse("admin:subscribers_sender_change", args=[sender.pk]) if may else "",
            )


def of_losses(user: User, figures: Figures) -> Iterator[Problem]:
    lost = figures.lost.hour
    if lost < LOST_MIN or lost < LOST_PART * figures.sent.hour:
        return
    reason = max(figures.reasons, key=lambda found: found[1].hour)[0]
    may = user.has_perm(MESSAGES)
    yield Problem(
        f"{lost:,} texts did not arrive in the last hour.",
        f"Most often: {reason}.",
        "See which" if may else "An editor can see which.",
        f"{reverse('admin:subscribers_message_changelist')}?status=lost&time=hour" if may else "",
    )


def of_tasks(now: datetime) -> Iterator[Problem]:
    last = Failure.objects.filter(stopped__gt=now - DAY).order_by("-stopped").first()
    if last:
        yield Problem(
            "A task of the worker failed.",
            f"The last one: {last.func}, {timezone.localtime(last.stopped):%H:%M}.",
            "See what failed",
            reverse("admin:django_q_failure_changelist"),
        )
