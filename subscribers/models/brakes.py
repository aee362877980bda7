"""What keeps messages back: the newsroom's brake, and how fast each of our numbers may send."""

from datetime import date, datetime, timedelta
from typing import Self

from django.conf import settings
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from stories.models import Story, StoryText

from .locking import LockedQuerySet


class HoldQuerySet(LockedQuerySet):
    def active(self) -> Self:
        return self.filter(released_at=None)

    def last_restored(self) -> "Hold | None":
        """Return the latest that a restored backup began with, released or not; None where nothing was restored."""
        return self.exclude(asks_since=None).order_by("asks_until").last()

    def unfinished(self) -> Self:
        """In force, or being released."""
        return self.filter(done_at=None)

    def being_released(self) -> Self:
        """Taken off, with messages that still wait for their turn to be let go."""
        return self.filter(released_at__isnull=False, done_at=None)


class Hold(models.Model):
    """The brake: while it is on, what it covers is kept back as `held`: everything, a story, or one of its texts."""

    class Way(models.TextChoices):
        RHYTHM = "rhythm", "Go on in rhythm"  # each text moves on by as long as the hold was on
        NOW = "now", "Send what is due now"  # all at once, as fast as the carrier takes it
        SKIP = "skip", "Skip what fell due"  # its readers go on with the text after it

    story = models.ForeignKey(
        Story, on_delete=models.CASCADE, null=True, blank=True, help_text="Empty: everything is held."
    )
    text = models.ForeignKey(
        StoryText, on_delete=models.CASCADE, null=True, blank=True, help_text="Empty: the whole story is held."
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
    # When the backup was taken with which this hold began, and when that was restored or, once it is, this released:
    # what was due by the latter, the carrier may have had since the former.
    asks_since = models.DateTimeField(null=True, editable=False)
    asks_until = models.DateTimeField(null=True, editable=False)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    way = models.CharField("released how", max_length=6, choices=Way, blank=True, default="", editable=False)
    # How far its release is, which takes as many transactions as there are thousands of messages.
    waiting = models.PositiveIntegerField(
        default=0, editable=False, help_text="How many messages it held when it was released."
    )
    let_go = models.PositiveIntegerField(default=0, editable=False, help_text="How many of them have had their turn.")
    last_message = models.PositiveBigIntegerField(default=0, editable=False)
    worked_at = models.DateTimeField(null=True, editable=False)
    done_at = models.DateTimeField(null=True, editable=False)

    objects = HoldQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                Coalesce(F("story"), 0),
                Coalesce(F("text"), 0),
                condition=Q(released_at=None),
                name="one_active_hold_each",
            ),
            models.CheckConstraint(
                condition=Q(text=None) | Q(story__isnull=False), name="held_text_belongs_to_a_story"
            ),
        ]

    def __str__(self):
        return f"Hold on {self.what}"

    @property
    def what(self) -> str:
        """What it holds, in words for the middle of a sentence."""
        if self.text:
            return f"{str(self.text).lower()} of “{self.story}”"
        return f"“{self.story}”" if self.story else "everything"

    def covers(self, story: int | None, text: int | None) -> bool:
        """Tell whether it holds a message of this story's and this text's id."""
        return self.story_id is None or (self.story_id == story and self.text_id in (None, text))


# The longest text at the lowest rate takes 17 minutes, and a carrier that says “too much” gets a rest of 19.
FREE_WITHIN = timedelta(minutes=30)


class SenderQuerySet(LockedQuerySet):
    def limited(self, now: datetime) -> Self:
        """With a rate or a cap, or slowed down at present."""
        return self.exclude(segments_per_second=None, segments_per_day=None, free_at=None).exclude(
            segments_per_second=None, segments_per_day=None, free_at__lte=now
        )


class Sender(models.Model):
    """One of our numbers, or our messaging service, and how fast it may send. One that has no row is not limited."""

    name = models.CharField(
        "number",
        max_length=100,
        unique=True,
        validators=[
            RegexValidator(
                r"^(\+[1-9][0-9]{6,14}|[0-9]{3,8}|MG[0-9a-fA-F]{32})$",
                "This is neither a number such as +14155550100, nor a short code, nor the SID of a messaging service.",
            )
        ],
        help_text="Our number, such as +14155550100, or the SID of our messaging service.",
    )
    segments_per_second = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.01, "A rate is more than nothing: 0.01 at least, or empty for no limit.")],
        help_text="What the carrier lets through, such as 1 for a long code or 100 for a short code. Empty: no limit.",
    )
    segments_per_day = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="What comes after goes out on the next day, by the newsroom's clock. Empty: no limit.",
    )
    free_at = models.DateTimeField(
        null=True, editable=False, help_text="When all that was claimed has gone out at this rate."
    )
    day = models.DateField(null=True, editable=False, help_text="The day that is being counted.")
    segments_today = models.PositiveIntegerField(default=0, editable=False)

    objects = SenderQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = "sending number"
        constraints = [
            models.CheckConstraint(
                condition=Q(segments_per_second=None) | Q(segments_per_second__gt=0), name="rate_is_more_than_nothing"
            ),
        ]

    def __str__(self):
        return self.name

    def may_send(self, now: datetime) -> bool:
        return self.free_from(now) <= now and not self.is_spent(now)

    def free_from(self, now: datetime) -> datetime:
        """Return from when on there is room; what no rate explains was written by a clock that was ahead."""
        known = self.free_at is not None and self.free_at - now < FREE_WITHIN
        return max(self.free_at, now) if known else now

    def is_spent(self, now: datetime) -> bool:
        """Whether the day's segments are used up."""
        return self.segments_per_day is not None and self.sent_on(now) >= self.segments_per_day

    def sent_on(self, now: datetime) -> int:
        return self.segments_today if self.day == newsroom_day(now) else 0

    def spend(self, segments: int, now: datetime) -> None:
        """Count these segments as sent: the next ones wait until the rate has room again."""
        self.segments_today, self.day = self.sent_on(now) + segments, newsroom_day(now)
        if self.segments_per_second:
            self.free_at = self.free_from(now) + timedelta(seconds=segments / self.segments_per_second)


def newsroom_day(now: datetime) -> date:
    return now.astimezone(settings.NEWSROOM_ZONE).date()
