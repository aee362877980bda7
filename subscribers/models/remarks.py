"""The reply desk: what readers wrote for people to read, what the newsroom makes of it, and what it answers."""

from datetime import datetime
from typing import Self
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from stories.models import BODY_MAX_LENGTH, Story, StoryText

from .locking import LockedQuerySet
from .messages import Message
from .readers import Subscriber


def by_whom() -> models.ForeignKey:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )


def message_of(**options) -> models.OneToOneField:
    """A message of the queue; whoever deletes messages of readers deletes what points at them.

    Nothing is asked of the database when a message goes: texts that wait are deleted while a webhook is answered.
    """
    return models.OneToOneField(Message, on_delete=models.DO_NOTHING, db_constraint=False, **options)


class Tag(models.Model):
    """What a reader's text is to the newsroom."""

    name = models.CharField(max_length=30, unique=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self):
        return self.name


class RemarkQuerySet(LockedQuerySet):
    def unread(self) -> Self:
        return self.filter(read_at=None)

    def read(self) -> Self:
        return self.exclude(read_at=None)

    def reachable(self) -> Self:
        """Of readers who may be answered."""
        return self.filter(subscriber__opted_out_at=None, subscriber__forgotten_at=None)


class Remark(models.Model):
    """A reader's text that is for people to read: no command, no keyword, nothing of a rehearsal."""

    class Quoting(models.TextChoices):
        UNASKED = "", "Not asked"
        ASKED = "asked", "Asked"
        GRANTED = "granted", "May be quoted"
        REFUSED = "refused", "May not be quoted"

    # Its number grows with time, so that pages go by it.
    message = message_of(primary_key=True, related_name="remark")
    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="remarks")
    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="+", db_index=False)
    text = models.ForeignKey(
        StoryText,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        db_index=False,
        help_text="The story's text that provoked it; empty where that was deleted.",
    )
    provoked_by = models.ForeignKey(
        Message,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        null=True,
        help_text="The message by which the reader had that text.",
    )
    came_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    read_by = by_whom()
    answered_at = models.DateTimeField(null=True)
    tags = models.ManyToManyField(Tag, through="Tagging", related_name="remarks")
    quoting = models.CharField(max_length=8, choices=Quoting, blank=True, default=Quoting.UNASKED)
    quoting_how = models.CharField("how", max_length=300, blank=True, help_text="How the reader said so.")
    quoting_at = models.DateTimeField("when", null=True)
    quoting_by = by_whom()

    objects = RemarkQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = "reader’s reply"
        verbose_name_plural = "reply desk"
        constraints = [
            models.CheckConstraint(
                condition=Q(quoting__in=["", "asked"]) | ~Q(quoting_how="") & Q(quoting_at__isnull=False),
                name="consent_says_how_and_when",
            ),
        ]
        indexes = [
            models.Index(fields=["came_at"], name="remark_came"),
            # What is unread comes first on every page, and each group says how much of it there is.
            models.Index(fields=["message"], condition=Q(read_at=None), name="remark_unread"),
            models.Index(fields=["story", "message"], condition=Q(read_at=None), name="remark_unread_story"),
            models.Index(fields=["text", "message"], condition=Q(read_at=None), name="remark_unread_text"),
            models.Index(fields=["story", "text", "message"], name="remark_group"),
            models.Index(fields=["text", "message"], name="remark_text"),
            models.Index(fields=["story", "message"], name="remark_story"),
            models.Index(fields=["subscriber"], condition=Q(quoting="asked"), name="remark_asked"),
        ]

    def __str__(self):
        return f"Reply {self.pk}"

    def decide_quoting(self, quoting: Quoting, how: str, by, now: datetime) -> None:
        self.quoting, self.quoting_how, self.quoting_by, self.quoting_at = quoting, how, by, now
        self.save(update_fields=["quoting", "quoting_how", "quoting_by", "quoting_at"])


class Tagging(models.Model):
    remark = models.ForeignKey(Remark, on_delete=models.CASCADE)
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tag", "remark"], name="tagged_once")]

    def __str__(self):
        return f"{self.tag} on {self.remark}"


class Note(models.Model):
    """What somebody of the newsroom says to colleagues about a reader's text."""

    remark = models.ForeignKey(Remark, on_delete=models.CASCADE, related_name="notes")
    body = models.TextField("note", max_length=2000)
    created_by = by_whom()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["pk"]

    def __str__(self):
        return f"Note {self.pk}"


class ReplyQuerySet(LockedQuerySet):
    def unfinished(self) -> Self:
        return self.filter(done_at=None)


class Reply(models.Model):
    """What the newsroom answers: to one reader, or to each in a group, who are gone through batch by batch."""

    key = models.UUIDField(default=uuid4, unique=True, editable=False, help_text="A form that is sent twice acts once.")
    body = models.TextField(max_length=BODY_MAX_LENGTH)
    asks_to_quote = models.BooleanField(default=False)
    created_by = by_whom()
    created_at = models.DateTimeField(default=timezone.now)
    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="+")
    text = models.ForeignKey(StoryText, on_delete=models.SET_NULL, related_name="+", null=True)
    tag = models.ForeignKey(Tag, on_delete=models.SET_NULL, related_name="+", null=True)
    is_to_group = models.BooleanField(default=False)
    unanswered_only = models.BooleanField(default=True)
    up_to = models.BigIntegerField(default=0, help_text="The last reader's text that it answers.")
    after = models.BigIntegerField(default=0, help_text="How far the group has been gone through.")
    expected = models.PositiveIntegerField(default=1, help_text="How many readers there were when it was written.")
    done_at = models.DateTimeField(null=True)

    objects = ReplyQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "replies"
        indexes = [models.Index(fields=["id"], condition=Q(done_at=None), name="reply_unfinished")]

    def __str__(self):
        return f"Answer {self.pk}"


class ReplyTo(models.Model):
    """That a reader was answered: each answer once."""

    reply = models.ForeignKey(Reply, on_delete=models.CASCADE, related_name="sent")
    remark = models.ForeignKey(Remark, on_delete=models.CASCADE, related_name="answers")
    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="+", db_index=False)
    message = message_of(related_name="reply_to")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reply", "subscriber"], name="answered_once")]
        indexes = [models.Index(fields=["subscriber", "created_at"], name="reply_to_subscriber")]

    def __str__(self):
        return f"{self.reply} to {self.subscriber_id}"


class Digest(models.Model):
    """What was unread at one hour or day, told to the newsroom by one way."""

    class Channel(models.TextChoices):
        EMAIL = "email", "E-mail"
        WEBHOOK = "webhook", "Webhook"

    channel = models.CharField(max_length=7, choices=Channel)
    slot = models.DateTimeField(help_text="The hour or day that it is for.")
    unread = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, help_text="When it is tried again; empty when that is over.")
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["channel", "slot"], name="one_digest_each")]
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="digest_due")]

    def __str__(self):
        return f"{self.get_channel_display()} of {self.slot}"
