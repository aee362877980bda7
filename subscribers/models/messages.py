"""Every text of both directions: a message is a row before it is a text."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce

from stories.models import BODY_MAX_LENGTH, Story, StoryText
from textengine import traces

from .brakes import Hold
from .locking import LockedQuerySet
from .readers import Enrollment, Subscriber, e164
from .words import SystemText

# No lease is as long.
LEASE_MAX = timedelta(minutes=5)
# When it was sent or will be, or came in. Rows are made long before they are sent, so their ids say little.
MOMENT = Coalesce("sent_at", "due_at", "created_at")
NEWEST = [MOMENT.desc(), F("pk").desc()]


def led(lead: str, body: str) -> str:
    """Return the words of a text with what a rehearsal says before them, if the carrier takes as much."""
    words = "\n".join(part for part in (lead, body) if part)
    return words if len(words) <= BODY_MAX_LENGTH else body


class MessageQuerySet(LockedQuerySet):
    def waiting(self) -> Self:
        """Not yet on its way to the carrier: can still be canceled, moved or reworded."""
        return self.filter(
            Q(status__in=[Message.Status.SCHEDULED, Message.Status.HELD])
            | Q(status=Message.Status.SENDING, begun_at=None)
        )

    def due(self, now: datetime) -> Self:
        return self.filter(status=Message.Status.SCHEDULED, due_at__lte=now)

    def expired(self, now: datetime) -> Self:
        """Claimed by someone who did not finish in time, or under a lease that a clock gave which was ahead."""
        over = Q(lease_until__lt=now) | Q(lease_until__gt=now + LEASE_MAX)
        return self.filter(over, status=Message.Status.SENDING)

    def claimed(self, lease: UUID, now: datetime) -> Self:
        """Those under this lease, as long as it runs, whose requests have not begun."""
        return self.filter(status=Message.Status.SENDING, lease=lease, lease_until__gt=now, begun_at=None)

    def wanted(self) -> Self:
        """To readers who have not opted out and, if it belongs to a story, are reading it.

        Only that they have is said to those who have.
        """
        stopped = Exists(Subscriber.objects.filter(pk=OuterRef("subscriber")).exclude(opted_out_at=None))
        reading = Enrollment.objects.filter(pk=OuterRef("enrollment"), status=Enrollment.Status.ACTIVE)
        confirms = Q(automatic=SystemText.Kind.STOPPED)
        return self.filter(confirms & stopped | ~confirms & ~stopped, Q(step=None) | Exists(reading))

    def addressed(self) -> Self:
        """With `to`, the reader's number in E.164."""
        return self.annotate(to=e164("subscriber__phone_number"))

    def held_by(self, holds: Iterable[Hold]) -> Self:
        """Those that any of these holds covers."""
        covered = Q(pk=None)
        for hold in holds:
            if hold.story_id is None:
                return self.all()
            covered |= Q(text=hold.text_id) if hold.text_id else Q(story=hold.story_id)
        return self.filter(covered)

    def free_of(self, holds: Iterable[Hold]) -> Self:
        """Those that none of these holds covers."""
        free = self
        for hold in holds:
            if hold.story_id is None:
                return self.none()
            free = free.exclude(text=hold.text_id) if hold.text_id else free.exclude(story=hold.story_id)
        return free

    def give_back(self) -> int:
        """Let those that were claimed, and whose requests have not begun, be claimed anew."""
        return self.filter(status=Message.Status.SENDING, begun_at=None).update(
            status=Message.Status.SCHEDULED, lease=None, lease_until=None
        )

    def story_texts(self) -> Self:
        return self.filter(step__isnull=False)

    def skipped(self) -> Self:
        """What stands for the texts that readers were led past; their `due_at` is when those would have come."""
        return self.filter(step=None, status=Message.Status.CANCELED, reason=Message.SKIPPED).exclude(text=None)

    def cancel(self) -> int:
        """Cancel those that are still waiting; return how many."""
        return self.waiting().update(status=Message.Status.CANCELED, lease=None, lease_until=None)


class Message(models.Model):
    """One SMS or MMS of either direction. An outbound one is a row before it is a text."""

    class Direction(models.TextChoices):
        OUTBOUND = "outbound", "To the reader"
        INBOUND = "inbound", "From the reader"

    class Status(models.TextChoices):
        SCHEDULED = "scheduled", "Scheduled"  # leaves at due_at
        HELD = "held", "Held"  # due, but the newsroom's brake is on
        SENDING = "sending", "Sending"  # claimed under a lease; begun_at says whether its request began
        QUEUED = "queued", "Queued"  # the carrier accepted it
        SENT = "sent", "Sent"  # the carrier passed it on
        DELIVERED = "delivered", "Delivered"  # the phone has it
        UNDELIVERED = "undelivered", "Undelivered"  # the phone does not have it; error_code says why
        FAILED = "failed", "Failed"  # could not be sent; error_code and reason say why
        CANCELED = "canceled", "Canceled"  # withdrawn before its request began
        RECEIVED = "received", "Received"  # a reader's own text

    # A carrier's status may only replace one of a lower rank, in whatever order callbacks arrive.
    RANKS = {
        Status.QUEUED: 1,
        Status.SENT: 2,
        Status.DELIVERED: 3,
        Status.UNDELIVERED: 3,
        Status.FAILED: 3,
    }
    # What a message is that the carrier had accepted, and that did not reach the phone.
    LOST = (Status.UNDELIVERED, Status.FAILED)

    # What the system sends by itself, besides the kinds of SystemText.
    AGAIN, CLOSING = "again", "closing"
    # The reason of a message that stands for a text which its reader was led past.
    SKIPPED = "skipped: it fell due while it was on hold"
    OCCASIONS = dict(SystemText.Kind.choices) | {AGAIN: "The last text once more", CLOSING: "Closing text"}

    direction = models.CharField(max_length=8, choices=Direction)
    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="messages", null=True, blank=True)
    sender = models.CharField(
        max_length=100,
        blank=True,
        help_text="Who texted us, where that is not a phone number: a short code or a name.",
    )
    number = models.CharField("our number", max_length=100, blank=True)
    # Found by the index of one message per step.
    enrollment = models.ForeignKey(
        Enrollment, on_delete=models.CASCADE, db_index=False, related_name="messages", null=True, blank=True
    )
    # The enrollment's, which guards it: it is here for the index by which stories take turns.
    story = models.ForeignKey(
        Story,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        null=True,
        blank=True,
        editable=False,
    )
    text = models.ForeignKey(StoryText, on_delete=models.SET_NULL, related_name="+", null=True, blank=True)
    step = models.PositiveIntegerField(
        null=True, blank=True, help_text="Which text on this reader's way it is, counted from 1."
    )
    again = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="sent_again",
        null=True,
        blank=True,
        editable=False,
        help_text="The message that was lost, and that this one repeats.",
    )
    automatic = models.CharField(
        max_length=12,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="On which occasion the system sends it by itself; empty for a story’s texts and what people write.",
    )
    at_any_hour = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="Whether it leaves in quiet hours, too: in a rehearsal, or where somebody here wants it now.",
    )
    body = models.TextField(blank=True, help_text="As it was sent; empty until then.")
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="+",
        null=True,
        blank=True,
        editable=False,
        help_text="Who of the newsroom wrote it to this reader; empty for a story’s texts and what the system says.",
    )
    lead = models.CharField(
        max_length=100,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="What a rehearsal says before the text's own words: the wait that it shortened.",
    )
    media_urls = models.JSONField("pictures", default=list, blank=True)
    sid = models.CharField("SID", max_length=34, unique=True, null=True, blank=True)
    status = models.CharField(max_length=11, choices=Status)
    error_code = models.PositiveIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    segments = models.PositiveSmallIntegerField(null=True, blank=True, help_text="As the carrier counted them.")
    created_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField("due", null=True, blank=True)
    shifted = models.DurationField(
        null=True, editable=False, help_text="By how much holds have moved it on from when its text says."
    )
    begun_at = models.DateTimeField(null=True, blank=True, help_text="When the request to the carrier began.")
    sent_at = models.DateTimeField("sent", null=True, blank=True, help_text="When the carrier had accepted it.")
    redacted_at = models.DateTimeField(
        null=True, editable=False, help_text="When its words were deleted because their time was over."
    )
    lease = models.UUIDField(null=True, blank=True, help_text="Names the claim that is sending it.")
    lease_owner = models.CharField(max_length=80, blank=True, help_text="The cluster that claimed it last.")
    lease_until = models.DateTimeField(null=True, blank=True)

    sorted_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When a reader's text was looked at for the reply desk."
    )
    trace = models.CharField(  # noqa: DJ001  A default would have SQLite write all messages anew to add it.
        max_length=traces.LENGTH,
        null=True,
        default=traces.current,
        editable=False,
        help_text="Leads in the log to what it came of, and to what became of it.",
    )
    # Set where the carrier has just refused this message because `number` is ours no more.
    number_lost = False

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["enrollment", "step"], name="one_message_per_step"),
            models.UniqueConstraint(fields=["again"], condition=Q(again__isnull=False), name="repeated_once"),
            models.CheckConstraint(
                condition=Q(direction="inbound", status="received")
                | Q(direction="outbound", subscriber__isnull=False) & ~Q(status="received"),
                name="direction_fits_status",
            ),
            models.CheckConstraint(
                condition=~Q(status="scheduled") | Q(due_at__isnull=False), name="scheduled_message_is_due"
            ),
            models.CheckConstraint(
                condition=~Q(status="sending") | Q(lease__isnull=False, lease_until__isnull=False),
                name="sending_message_has_a_lease",
            ),
            models.CheckConstraint(
                condition=Q(step__isnull=True) | Q(enrollment__isnull=False),
                name="step_belongs_to_enrollment",
            ),
        ]
        indexes = [
            # Partial, so that sleeping and sent messages cost a poll nothing.
            # The number lets a poll pass over what a spent sender has waiting without reading its rows.
            models.Index(fields=["due_at", "number"], condition=Q(status="scheduled"), name="message_due"),
            models.Index(fields=["story", "due_at"], condition=Q(status="scheduled"), name="message_due_by_story"),
            models.Index(fields=["subscriber", "created_at"], condition=~Q(automatic=""), name="message_automatic"),
            models.Index(fields=["lease_until"], condition=Q(status="sending"), name="message_lease"),
            models.Index(fields=["id"], condition=Q(direction="inbound", sorted_at=None), name="message_unsorted"),
            # The lists of the newsroom, newest first. What is seldom has an index of its own: among millions that are
            # delivered nobody would find it.
            models.Index(MOMENT.desc(), F("id").desc(), name="message_newest"),
            models.Index(F("story"), MOMENT.desc(), F("id").desc(), name="message_newest_of_story"),
            models.Index(
                F("status"),
                MOMENT.desc(),
                F("id").desc(),
                condition=Q(status__in=["held", "queued", "sent", "undelivered", "failed", "canceled"]),
                name="message_newest_by_status",
            ),
            # In the order of a release's batches; with the rest, counting what a hold keeps back reads no rows.
            models.Index(fields=["id", "story", "text"], condition=Q(status="held"), name="message_held"),
        ]

    def __str__(self):
        return f"Message {self.pk}"

    @property
    def wording(self) -> StoryText | None:
        """The story's text whose words this will take over when its request begins; None once it has words."""
        return self.text if not self.begun_at and not self.sent_at else None

    def worded(self) -> str:
        """Return what it says, or what it will say as its text now reads."""
        return led(self.lead, self.wording.body) if self.wording else self.body

    @property
    def occasion(self) -> str:
        """On which occasion the system sends this by itself, in words; empty if it does not."""
        return self.OCCASIONS.get(self.automatic, self.automatic)

    def release(self, due_at: datetime) -> None:
        """Be scheduled again: the carrier certainly does not have it."""
        self.status, self.due_at = self.Status.SCHEDULED, due_at
        self.begun_at = self.lease = self.lease_until = None

    def fail(self) -> None:
        """Not be sent any more."""
        self.status = self.Status.FAILED
        self.begun_at = self.lease = self.lease_until = None

    def reschedule(self, text: StoryText, due: datetime, at_any_hour: bool) -> None:
        """Stand for `text`, due at `due`; a hold stays on, and a wait after a failed attempt is not cut short.

        Another text is held only if a hold covers it, which is seen when it is due.
        """
        self.at_any_hour = at_any_hour
        self.due_at = max(due, self.due_at) if self.attempts and self.status == self.Status.SCHEDULED else due
        if self.status != self.Status.HELD or self.text_id != text.pk:
            self.status = self.Status.SCHEDULED
        self.text = text
        self.lease = self.lease_until = self.error_code = None
        self.reason = ""
