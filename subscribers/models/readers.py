"""Readers and their passages through stories."""

from datetime import datetime
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo

import phonenumbers.timezone
from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Cast
from django.utils import timezone
from phonenumber_field.modelfields import PhoneNumberField
from phonenumbers import PhoneNumber

from stories.models import Story
from stories.places import one_zone

from .locking import LockedQuerySet


@lru_cache(maxsize=10_000)
def zone_of_number(e164: str) -> ZoneInfo | None:
    """Return the time zone in which this number lies; None where it could lie in several whose clocks differ."""
    names = phonenumbers.timezone.time_zones_for_number(phonenumbers.parse(e164))
    return one_zone(tuple(name for name in names if name != "Etc/Unknown"))


def zone_of(time_zone: str, e164: str) -> ZoneInfo:
    """Return the zone of a reader: the one that is on record, else the number's, else the newsroom's."""
    return ZoneInfo(time_zone) if time_zone else zone_of_number(e164) or settings.NEWSROOM_ZONE


def masked(number: PhoneNumber | str) -> str:
    """Return a number as logs may show it: its last four digits; a name, which some texts come from, not at all."""
    last = str(number)[-4:]
    return f"…{last if last.isdecimal() else ''}"


def on_screen(number: PhoneNumber) -> str:
    """Return a number as the newsroom's pages show it: its country and its last two digits."""
    return f"+{number.country_code} … {str(number.national_number)[-2:]}"


def e164(field: str) -> Cast:
    """Return the number that this field holds as plain text: parsing it costs more than sending to it."""
    return Cast(field, models.CharField())


LAST_DIGITS_COUNT = 4


class LastDigits(models.Func):
    """The last digits of a number, as the index has them: with Right() their count is a value that comes apart from
    the statement, and SQLite does not find its index by that.
    """

    template = f"RIGHT(%(expressions)s, {LAST_DIGITS_COUNT})"
    arity = 1
    output_field = models.CharField()

    def as_sqlite(self, compiler, connection, **context):
        return self.as_sql(compiler, connection, template=f"SUBSTR(%(expressions)s, -{LAST_DIGITS_COUNT})", **context)


LAST_DIGITS = LastDigits("phone_number")


class SubscriberQuerySet(LockedQuerySet):
    def ending(self, last_digits: str) -> Self:
        """Whose numbers end with these four digits."""
        return self.alias(last_digits=LAST_DIGITS).filter(last_digits=last_digits)

    def readers(self) -> Self:
        """All but the phones that were entered for rehearsals, and on which nothing else was read."""
        read = Enrollment.objects.readers().filter(subscriber=OuterRef("pk"))
        return self.filter(~Exists(own_phone()) | Exists(read))

    def rehearsals(self) -> Self:
        """The own phones of those who write, to which rehearsals go."""
        return self.filter(Exists(own_phone()))

    def with_own_phone(self) -> Self:
        """With `is_own_phone`: whether somebody who writes has entered this number."""
        return self.annotate(is_own_phone=Exists(own_phone()))


def own_phone() -> models.QuerySet:
    return Subscriber.objects.filter(pk=OuterRef("pk"), own_phones__isnull=False)


class Subscriber(models.Model):
    phone_number = PhoneNumberField(unique=True)
    time_zone = models.CharField(
        max_length=40,
        blank=True,
        help_text="Empty: as the number says, or the newsroom's where it says nothing.",
    )
    opted_out_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField("joined", auto_now_add=True)
    heard_at = models.DateTimeField("last heard", null=True, editable=False)
    forgotten_at = models.DateTimeField(
        null=True, editable=False, help_text="When the reader asked to be forgotten: what is left goes within moments."
    )

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        permissions = [("see_numbers", "Can see readers’ whole numbers")]
        indexes = [
            # People know the last digits of a number.
            models.Index(LAST_DIGITS, name="subscriber_last_digits"),
            models.Index(fields=["heard_at"], name="subscriber_heard"),
        ]

    def __str__(self):
        """Return the number masked: this is what pages, links, titles and logs take, whoever looks at them."""
        return on_screen(self.phone_number)

    @property
    def zone(self) -> ZoneInfo:
        return zone_of(self.time_zone, str(self.phone_number))


class Far(models.Func):
    """How far a passage is, as lists tell it apart: the least number of texts of its span.

    The numbers are written out: an index is found by the words alone that it was made with.
    """

    template = (
        "CASE WHEN %(expressions)s > 10 THEN 11 WHEN %(expressions)s > 5 THEN 6 "
        "WHEN %(expressions)s > 1 THEN 2 ELSE %(expressions)s END"
    )
    output_field = models.IntegerField()


FAR = Far("step")


class EnrollmentQuerySet(LockedQuerySet):
    def live(self) -> Self:
        """Still on its way, or waiting to go on."""
        return self.filter(status__in=Enrollment.LIVE)

    def readers(self) -> Self:
        """Of readers: what is counted wherever readers are."""
        return self.filter(pace=None)

    def rehearsals(self) -> Self:
        """Of those who write, to their own phones."""
        return self.exclude(pace=None)


def protect_readers(collector, field, enrollments, using) -> None:
    """Keep a story that has readers from being deleted; rehearsals of it go with it."""
    on_delete = models.PROTECT if enrollments.filter(pace=None).exists() else models.CASCADE
    on_delete(collector, field, enrollments, using)


class Enrollment(models.Model):
    """One passage of one subscriber through one story: a reader's, or a rehearsal."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"  # the next text is scheduled
        PAUSED = "paused", "Paused"  # waits until someone lets it go on
        WAITING = "waiting", "Waits in line"  # begins when another story of this reader has ended
        COMPLETED = "completed", "Completed"  # the last text was sent
        STOPPED = "stopped", "Stopped"  # the reader texted STOP, or an editor ended it
        FAILED = "failed", "Failed"  # a text could not be sent; `reason` says why

    LIVE = (Status.ACTIVE, Status.PAUSED, Status.WAITING)

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="enrollments")
    story = models.ForeignKey(Story, on_delete=protect_readers, related_name="enrollments")
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    step = models.PositiveIntegerField("texts sent", default=0)
    number = models.CharField(
        "our number", max_length=100, blank=True, help_text="The number of ours that the reader texted."
    )
    reason = models.CharField(max_length=300, blank=True, help_text="Why it stopped or failed.")
    was_paused = models.BooleanField(default=False, db_default=False, editable=False)
    pace = models.FloatField(
        null=True,
        blank=True,
        editable=False,
        help_text="Of a rehearsal: which part of their true length its waits have, 1 at true speed. Empty: a reader's.",
    )
    created_at = models.DateTimeField("started", default=timezone.now, editable=False)
    ended_at = models.DateTimeField("ended", null=True, blank=True)

    # Set where a text was just sent: what comes next belongs to the same trace.
    trace: str | None = None

    objects = EnrollmentQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscriber", "story"],
                condition=Q(status__in=["active", "paused", "waiting"], pace=None),
                name="one_live_enrollment_per_story",
            ),
            models.UniqueConstraint(
                fields=["subscriber", "story"],
                condition=Q(status__in=["active", "paused"], pace__isnull=False),
                name="one_live_rehearsal_per_story",
            ),
            models.CheckConstraint(
                condition=Q(pace=None) | Q(pace__gte=0, pace__lte=1), name="pace_is_a_part_of_true_length"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["active", "paused", "waiting", "completed", "stopped", "failed"]),
                name="enrollment_status_is_known",
            ),
        ]
        # The lists of the newsroom, newest first. One alone has a column that changes with each text: without it the
        # few who are far would be looked for among all who are not.
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="enrollment_newest"),
            models.Index(fields=["status", "-created_at", "-id"], name="enrollment_newest_by_status"),
            models.Index(fields=["story", "status", "-created_at", "-id"], name="enrollment_story_status"),
            models.Index(fields=["story", "-created_at", "-id"], name="enrollment_newest_of_story"),
            models.Index(
                fields=["-created_at", "-id"], condition=Q(pace__isnull=False), name="enrollment_newest_rehearsal"
            ),
            models.Index(
                fields=["subscriber"], condition=Q(status="waiting", pace=None), name="enrollment_waiting_in_line"
            ),
            models.Index(fields=["ended_at"], condition=Q(ended_at__isnull=False), name="enrollment_ended"),
            models.Index(
                FAR, F("created_at").desc(), F("id").desc(), "story", "status", name="enrollment_newest_by_far"
            ),
        ]

    def __str__(self):
        return f"{self.subscriber} in {self.story}"

    @property
    def is_rehearsal(self) -> bool:
        return self.pace is not None

    @property
    def is_compressed(self) -> bool:
        """Whether its waits are shortened, and said in brackets."""
        return self.pace is not None and self.pace < 1

    def end(self, status: Status, now: datetime, reason: str = "") -> None:
        """End this passage as `status`; what it had scheduled is its caller's to cancel."""
        self.was_paused = self.status == self.Status.PAUSED
        self.status, self.ended_at, self.reason = status, now, reason

    def begin(self, now: datetime) -> None:
        """Begin what has waited in line: delays count from now, unless something was read before."""
        self.status = self.Status.ACTIVE
        if not self.step:
            self.created_at = now

    def resume(self) -> None:
        """Let this passage go on; scheduling its next message is its caller's to do."""
        self.status, self.ended_at, self.reason, self.was_paused = self.Status.ACTIVE, None, "", False

    def take_back_end(self) -> None:
        """Let this passage be as it was before it ended: one that was paused waits on."""
        was_paused = self.was_paused
        self.resume()
        if was_paused:
            self.status = self.Status.PAUSED
