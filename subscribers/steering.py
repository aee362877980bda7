"""What an editor may do with one reader's passage, and when it may be done; each is one transaction.

A reader's own commands and STOP come before or after, but not in between: the reader is locked first, and what is
legal is looked at under the lock.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.conf import settings
from django.db.models import Q

from stories.models import Story, StoryText
from textengine.database import retried_at_once, write_rows

from . import scheduling
from .models import Enrollment, Message, Placement, Question, Subscriber
from .starting import Reader, begin_story

logger = logging.getLogger(__name__)

Status = Enrollment.Status


class Refused(Exception):
    """The state of the reader does not let this be done; the message is a sentence for the editor."""


class Action(StrEnum):
    """What may be done, each by the words on its button."""

    PAUSE = "pause"
    RESUME = "resume"
    SEND = "send"
    PLACE = "place"
    AGAIN = "again"
    STOP = "stop"

    @property
    def label(self) -> str:
        return LABELS[self]


LABELS = {
    Action.PAUSE: "Pause",
    Action.RESUME: "Resume",
    Action.SEND: "Send the next text now",
    Action.PLACE: "Put at another text …",
    Action.AGAIN: "Start again …",
    Action.STOP: "Stop",
}
FITTING = {
    Action.PAUSE: (Status.ACTIVE,),
    Action.RESUME: (Status.PAUSED, Status.STOPPED),
    Action.SEND: (Status.ACTIVE, Status.FAILED),
    Action.PLACE: (Status.ACTIVE, Status.PAUSED, Status.COMPLETED, Status.STOPPED, Status.FAILED),
    Action.AGAIN: tuple(Status),
    Action.STOP: Enrollment.LIVE,
}
OPTED_OUT = "This reader has texted STOP: nothing is sent to this number until it texts START."
FORGOTTEN = "This reader has asked to be forgotten."
REHEARSAL = "This is a rehearsal. Its own page starts and stops it."
BEGUN_ANEW = "This reader is in the story once more already, in another passage."
NOT_PUBLISHED = "Only a published story can be started, and this one is not."
ON_ITS_WAY = "A text is on its way to this reader at this moment. Try again in a few seconds."
NOTHING_WAITS = "No text waits for this reader at this moment."
ON_HOLD = "The next text is on hold. It can be sent when the hold is released."
NOT_OF_THE_STORY = "That text is not in the story any more."
ENDED_BY_EDITOR = "an editor ended it"


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides on what may be done with a passage; `upcoming` is the message that stands for its next step."""

    enrollment: Enrollment
    subscriber: Subscriber
    upcoming: Message | None
    is_begun_anew: bool
    may_start: bool

    @classmethod
    def of(cls, enrollment: Enrollment, subscriber: Subscriber) -> "Situation":
        others = Enrollment.objects.readers().live().filter(subscriber=subscriber, story=enrollment.story_id)
        return cls(
            enrollment,
            subscriber,
            Message.objects.filter(enrollment=enrollment, step=enrollment.step + 1).first(),
            others.exclude(pk=enrollment.pk).exists(),
            Story.objects.readable().filter(pk=enrollment.story_id).exists(),
        )

    @property
    def waits(self) -> bool:
        """Whether there is a text that can be sent now."""
        failed = self.enrollment.status == Status.FAILED
        return failed or bool(self.upcoming and self.upcoming.status == Message.Status.SCHEDULED)

    @property
    def is_held(self) -> bool:
        return bool(self.upcoming and self.upcoming.status == Message.Status.HELD)

    @property
    def is_under_way(self) -> bool:
        return bool(self.upcoming and self.upcoming.begun_at and self.upcoming.status == Message.Status.SENDING)

    def objection(self, action: Action) -> str:
        """Return why this may not be done at present, a sentence; empty if it may."""
        goes_on = action in (Action.RESUME, Action.SEND, Action.PLACE, Action.AGAIN)
        objections = (
            (self.subscriber.forgotten_at, FORGOTTEN),
            (self.enrollment.is_rehearsal, REHEARSAL),
            (self.enrollment.status not in FITTING[action], self.unfitting(action)),
            (goes_on and self.subscriber.opted_out_at, OPTED_OUT),
            (goes_on and self.is_begun_anew, BEGUN_ANEW),
            (action == Action.AGAIN and not self.may_start, NOT_PUBLISHED),
            (action in (Action.SEND, Action.PLACE) and self.is_under_way, ON_ITS_WAY),
            (action == Action.SEND and self.is_held, ON_HOLD),
            (action == Action.SEND and not self.waits, NOTHING_WAITS),
        )
        return next((sentence for stands, sentence in objections if stands), "")

    def unfitting(self, action: Action) -> str:
        state = self.enrollment.get_status_display().lower()
        return f"This cannot be done any more: the reader’s passage is now “{state}”."

    def offered(self) -> list[Action]:
        """Return what may be done at present."""
        return [action for action in Action if not self.objection(action)]


def locked(enrollment: int, action: Action) -> Situation:
    """Return the situation of this passage, with its reader and itself locked; raise Refused where `action` is not
    legal in it."""
    subscriber = Subscriber.objects.locked().filter(enrollments=enrollment).first()
    found = Enrollment.objects.filter(pk=enrollment).select_related("story").locked().first()
    if subscriber is None or found is None:
        raise Refused(FORGOTTEN)
    situation = Situation.of(found, subscriber)
    if sentence := situation.objection(action):
        raise Refused(sentence)
    return situation


@retried_at_once
def pause(enrollment: int, now: datetime) -> str:
    """Let this passage wait; what is already at the carrier still comes. Returns what was done, a sentence."""
    found = locked(enrollment, Action.PAUSE).enrollment
    let_wait([found])
    return "Paused: no text of this story comes until it is resumed."


@retried_at_once
def resume(enrollment: int, now: datetime) -> str:
    """Let this passage go on where it was; a text whose moment has passed comes now."""
    found = locked(enrollment, Action.RESUME).enrollment
    go_on(found, now)
    return said_of(found, "Resumed: the next text comes when it is due.")


@retried_at_once
def stop(enrollment: int, now: datetime) -> str:
    """End this passage, and cancel what waits for it."""
    found = locked(enrollment, Action.STOP).enrollment
    end([found], now, ENDED_BY_EDITOR)
    return "Stopped: no further text of this story comes."


def send(enrollment: int, now: datetime) -> str:
    """Make the next text due now; one that failed is tried again."""
    check(enrollment, Action.SEND)
    if not scheduling.send_next_now([enrollment], now):
        raise Refused(NOTHING_WAITS)
    return "The next text goes out now."


@retried_at_once
def check(enrollment: int, action: Action) -> None:
    locked(enrollment, action)


@retried_at_once
def start_again(enrollment: int, now: datetime) -> str:
    """Begin the story anew for this reader, in a passage of its own; one that is on its way ends."""
    situation = locked(enrollment, Action.AGAIN)
    found, subscriber = situation.enrollment, situation.subscriber
    if found.status in Enrollment.LIVE:
        end([found], now, "begun anew by an editor")
    number = str(subscriber.phone_number)
    reader = Reader(subscriber.pk, False, subscriber.time_zone, number, by_editor=True)
    begin_story(reader, found.story_id, [], found.number, now)
    return "Started again: the story begins anew for this reader."


@retried_at_once
def place(enrollment: int, text: int, now: datetime) -> str:
    """Let this text come next, and after it what follows it in the story, also what the reader had before.

    The step is the one that would have come next: a step is one more text on this reader's way, whichever it is. When
    it comes, the text itself says, seen from the last one.
    """
    situation = locked(enrollment, Action.PLACE)
    found = situation.enrollment
    texts = list(found.story.texts.order_by("position").only("position"))
    chosen = next((each for each in texts if each.pk == text), None)
    if chosen is None:
        raise Refused(NOT_OF_THE_STORY)
    put(found, chosen, [each.pk for each in texts if each.position < chosen.position], now)
    if found.status == Status.PAUSED:
        return f"Put at text {chosen.position}: it comes when the reader’s passage is resumed."
    go_on(found, now)
    return said_of(found, f"Put at text {chosen.position}: it comes next.")


def put(enrollment: Enrollment, text: StoryText, passed: list[int], now: datetime) -> None:
    """Write down that this text is this reader's next step; what was asked before it is not asked any more."""
    step = enrollment.step + 1
    standing = Message.objects.filter(enrollment=enrollment, step=step).locked().first()
    if standing and standing.begun_at:
        # It began after the situation was looked at.
        raise Refused(ON_ITS_WAY)
    open_questions = Question.objects.filter(enrollment=enrollment, step=enrollment.step, answered_at=None)
    Message.objects.filter(pk__in=open_questions.exclude(reminder=None).values("reminder")).cancel()
    open_questions.delete()
    Placement.objects.update_or_create(
        enrollment=enrollment, defaults={"step": step, "text": text, "passed": passed, "placed_at": now}
    )
    if standing:
        standing.text, standing.status = text, Message.Status.CANCELED
        # What only waits is taken back from whoever has claimed it.
        standing.lease = standing.lease_until = None
        standing.save(update_fields=["text", "status", "lease", "lease_until"])
    else:
        reader = (enrollment.subscriber_id, enrollment.number, enrollment.pk)
        scheduling.insert_messages([(*reader, enrollment.story_id, text.pk, step, now, False)], now)
        Message.objects.filter(enrollment=enrollment, step=step).update(status=Message.Status.CANCELED)


def go_on(enrollment: Enrollment, now: datetime) -> None:
    """Be active, or wait in line where the reader is in as many other stories as may be; schedule what comes next."""
    others = Enrollment.objects.readers().filter(
        subscriber=enrollment.subscriber_id, status__in=[Status.ACTIVE, Status.PAUSED]
    )
    full = settings.MAX_STORIES_AT_ONCE and others.exclude(pk=enrollment.pk).count() >= settings.MAX_STORIES_AT_ONCE
    enrollment.resume()
    if full:
        enrollment.status = Status.WAITING
    enrollment.save(update_fields=["status", "ended_at", "reason"])
    scheduling.schedule([enrollment], now)


def said_of(enrollment: Enrollment, sentence: str) -> str:
    if enrollment.status == Status.WAITING:
        return "It waits in line: this reader is in as many stories as may be. It goes on when another one has ended."
    return sentence


def let_wait(enrollments: list[Enrollment]) -> None:
    """Pause these passages, which the caller has locked: no text of them comes, nor what reminds of a question."""
    for enrollment in enrollments:
        enrollment.status = Status.PAUSED
    write_rows(enrollments, ["status"])
    reminders = Question.objects.filter(enrollment__in=enrollments).exclude(reminder=None).values("reminder")
    Message.objects.filter(Q(step__isnull=False) | Q(pk__in=reminders), enrollment__in=enrollments).cancel()


def end(enrollments: list[Enrollment], now: datetime, reason: str) -> None:
    """End these passages, which the caller has locked, with all that waits for them."""
    for enrollment in enrollments:
        enrollment.end(Status.STOPPED, now, reason)
    write_rows(enrollments, ["status", "ended_at", "reason"])
    Message.objects.filter(enrollment__in=enrollments).cancel()
    if settings.MAX_STORIES_AT_ONCE:
        scheduling.follow_end([enrollment.pk for enrollment in enrollments])


DOES: dict[Action, Callable[[int, datetime], str]] = {
    Action.PAUSE: pause,
    Action.RESUME: resume,
    Action.SEND: send,
    Action.AGAIN: start_again,
    Action.STOP: stop,
}
