"""Who reads: subscribers, their enrollments, every message of both directions, and the newsroom's brake."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Self
from uuid import UUID
from zoneinfo import ZoneInfo

import phonenumbers.timezone
from django.conf import settings
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone
from phonenumber_field.modelfields import PhoneNumberField
from phonenumbers import PhoneNumber

from stories.models import Story, StoryText


@lru_cache(maxsize=10_000)
def zone_of_number(e164: str) -> ZoneInfo | None:
    """Return the time zone in which this number lies; None where it could lie in several whose clocks differ."""
    names = phonenumbers.timezone.time_zones_for_number(phonenumbers.parse(e164))
    zones = [ZoneInfo(name) for name in names if name != "Etc/Unknown"]
    year = datetime.now(UTC).year
    months = [datetime(year, month, 1, tzinfo=UTC) for month in range(1, 13)]
    clocks = {tuple(month.astimezone(zone).utcoffset() for month in months) for zone in zones}
    return zones[0] if len(clocks) == 1 else None


def zone_of(time_zone: str, e164: str) -> ZoneInfo:
    """Return the zone of a reader: the one that is on record, else the number's, else the newsroom's."""
    return ZoneInfo(time_zone) if time_zone else zone_of_number(e164) or settings.NEWSROOM_ZONE


def masked(number: PhoneNumber | str) -> str:
    """Return a number as logs may show it: its last four digits."""
    return f"…{str(number)[-4:]}"


class LockedQuerySet(models.QuerySet):
    """Every transaction locks subscribers before enrollments before messages, each by id: so none waits in a circle.

    The keys are left unlocked, since whoever writes a row that points here looks at them when it commits.
    """

    def locked(self) -> Self:
        return self.select_for_update(of=("self",), no_key=True).order_by("pk")


def e164(field: str) -> Cast:
    """Return the number that this field holds as plain text: parsing it costs more than sending to it."""
    return Cast(field, models.CharField())


class Subscriber(models.Model):
    phone_number = PhoneNumberField(unique=True)
    time_zone = models.CharField(
        max_length=40,
        blank=True,
        help_text="Empty: as the number says, or the newsroom's where it says nothing.",
    )
    opted_out_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField("joined", auto_now_add=True)

    objects = LockedQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self):
        return str(self.phone_number)

    @property
    def zone(self) -> ZoneInfo:
        return zone_of(self.time_zone, str(self.phone_number))


class EnrollmentQuerySet(LockedQuerySet):
    def live(self) -> Self:
        """Still on its way, or waiting to go on."""
        return self.filter(status__in=Enrollment.LIVE)


class Enrollment(models.Model):
    """One passage of one subscriber through one story."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"  # the next text is scheduled
        PAUSED = "paused", "Paused"  # waits until someone lets it go on
        COMPLETED = "completed", "Completed"  # the last text was sent
        STOPPED = "stopped", "Stopped"  # the reader texted STOP, or an editor ended it
        FAILED = "failed", "Failed"  # a text could not be sent; `reason` says why

    LIVE = (Status.ACTIVE, Status.PAUSED)

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="enrollments")
    story = models.ForeignKey(Story, on_delete=models.PROTECT, related_name="enrollments")
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    step = models.PositiveIntegerField("texts sent", default=0)
    number = models.CharField(
        "our number", max_length=100, blank=True, help_text="The number of ours that the reader texted."
    )
    reason = models.CharField(max_length=300, blank=True, help_text="Why it stopped or failed.")
    created_at = models.DateTimeField("started", default=timezone.now, editable=False)
    ended_at = models.DateTimeField("ended", null=True, blank=True)

    objects = EnrollmentQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscriber", "story"],
                condition=Q(status__in=["active", "paused"]),
                name="one_live_enrollment_per_story",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["active", "paused", "completed", "stopped", "failed"]),
                name="enrollment_status_is_known",
            ),
        ]
        indexes = [models.Index(fields=["story", "status"], name="enrollment_story_status")]

    def __str__(self):
        return f"{self.subscriber} in {self.story}"

    def end(self, status: Status, now: datetime, reason: str = "") -> None:
        """End this passage as `status`; what it had scheduled is its caller's to cancel."""
        self.status, self.ended_at, self.reason = status, now, reason

    def resume(self) -> None:
        """Let this passage go on; scheduling its next message is its caller's to do."""
        self.status, self.ended_at, self.reason = self.Status.ACTIVE, None, ""


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
        """Claimed by someone who did not finish in time."""
        return self.filter(status=Message.Status.SENDING, lease_until__lt=now)

    def claimed(self, lease: UUID, now: datetime) -> Self:
        """Those under this lease, as long as it runs, whose requests have not begun."""
        return self.filter(status=Message.Status.SENDING, lease=lease, lease_until__gt=now, begun_at=None)

    def wanted(self) -> Self:
        """To readers who have not opted out and, if it belongs to a story, are reading it."""
        reader = Subscriber.objects.filter(pk=OuterRef("subscriber"), opted_out_at=None)
        reading = Enrollment.objects.filter(pk=OuterRef("enrollment"), status=Enrollment.Status.ACTIVE)
        return self.filter(Exists(reader), Q(step=None) | Exists(reading))

    def worded(self) -> Self:
        """With words to send: a story's text that was deleted took them along."""
        return self.filter(Q(step=None) | Q(text__isnull=False))

    def addressed(self) -> Self:
        """With `to`, the reader's number in E.164."""
        return self.annotate(to=e164("subscriber__phone_number"))

    def begin(self, now: datetime, lease_until: datetime, pictures: dict[int, str]) -> int:
        """Take over the stories' texts as they now read: the requests begin. Return how many.

        `pictures` are the addresses of these texts' pictures, by the text's id; the other texts have none.
        """
        text = StoryText.objects.filter(pk=OuterRef("text")).values("body")
        urls = [When(text=pk, then=Value([url], models.JSONField())) for pk, url in pictures.items()]
        return self.update(
            body=Coalesce(Subquery(text), F("body")),
            media_urls=Case(When(text=None, then=F("media_urls")), *urls, default=Value([], models.JSONField())),
            begun_at=now,
            lease_until=lease_until,
            attempts=F("attempts") + 1,
        )

    def give_back(self) -> int:
        """Let those that were claimed, and whose requests have not begun, be claimed anew."""
        return self.filter(status=Message.Status.SENDING, begun_at=None).update(
            status=Message.Status.SCHEDULED, lease=None, lease_until=None
        )

    def story_texts(self) -> Self:
        return self.filter(step__isnull=False)

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

    direction = models.CharField(max_length=8, choices=Direction)
    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="messages", null=True, blank=True)
    sender = models.CharField(
        max_length=100,
        blank=True,
        help_text="Who texted us, where that is not a phone number: a short code or a name.",
    )
    number = models.CharField("our number", max_length=100, blank=True)
    enrollment = models.ForeignKey(Enrollment, on_delete=models.CASCADE, related_name="messages", null=True, blank=True)
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
    body = models.TextField(blank=True, help_text="As it was sent; empty until then.")
    media_urls = models.JSONField("pictures", default=list, blank=True)
    sid = models.CharField("SID", max_length=34, unique=True, null=True, blank=True)
    status = models.CharField(max_length=11, choices=Status)
    error_code = models.PositiveIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    segments = models.PositiveSmallIntegerField(null=True, blank=True, help_text="As the carrier counted them.")
    created_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField("due", null=True, blank=True)
    begun_at = models.DateTimeField(null=True, blank=True, help_text="When the request to the carrier began.")
    sent_at = models.DateTimeField("sent", null=True, blank=True, help_text="When the carrier had accepted it.")
    lease = models.UUIDField(null=True, blank=True, help_text="Names the claim that is sending it.")
    lease_until = models.DateTimeField(null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["enrollment", "step"], name="one_message_per_step"),
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
            models.Index(fields=["due_at"], condition=Q(status="scheduled"), name="message_due"),
            models.Index(fields=["story", "due_at"], condition=Q(status="scheduled"), name="message_due_by_story"),
            models.Index(fields=["lease_until"], condition=Q(status="sending"), name="message_lease"),
        ]

    def __str__(self):
        return f"Message {self.pk}"

    @property
    def wording(self) -> StoryText | None:
        """The story's text whose words this will take over when its request begins; None once it has words."""
        return self.text if not self.begun_at and not self.sent_at else None

    def accept(self, sid: str, status: Status, sent_at: datetime, segments: int | None) -> None:
        """Be at the carrier, under its SID."""
        self.sid, self.status, self.sent_at, self.segments = sid, status, sent_at, segments
        self.lease = self.lease_until = self.error_code = None
        self.reason = ""

    def release(self, due_at: datetime) -> None:
        """Be scheduled again: the carrier certainly does not have it."""
        self.status, self.due_at = self.Status.SCHEDULED, due_at
        self.begun_at = self.lease = self.lease_until = None

    def fail(self) -> None:
        """Not be sent any more."""
        self.status = self.Status.FAILED
        self.begun_at = self.lease = self.lease_until = None

    def reschedule(self, text: StoryText, due: datetime) -> None:
        """Stand for `text`, due at `due`; a hold stays on, and a wait after a failed attempt is not cut short."""
        self.text = text
        self.due_at = max(due, self.due_at) if self.attempts and self.status == self.Status.SCHEDULED else due
        if self.status != self.Status.HELD:
            self.status = self.Status.SCHEDULED
        self.lease = self.lease_until = self.error_code = None
        self.reason = ""


class HoldQuerySet(LockedQuerySet):
    def active(self) -> Self:
        return self.filter(released_at=None)


class Hold(models.Model):
    """The brake: while it is on, what it covers is kept back as `held`."""

    story = models.ForeignKey(
        Story, on_delete=models.CASCADE, null=True, blank=True, help_text="Empty: everything is held."
    )
    reason = models.CharField(max_length=300)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    created_at = models.DateTimeField("since", auto_now_add=True)
    released_at = models.DateTimeField("released", null=True, blank=True, editable=False)

    objects = HoldQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                Coalesce(F("story"), 0), condition=Q(released_at=None), name="one_active_hold_each"
            ),
        ]

    def __str__(self):
        return f"Hold on {self.story or 'everything'}"
