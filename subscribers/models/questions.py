"""What readers were asked, and what they answered."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F

from stories.models import StoryText
from stories.turns import NAME_MAX_LENGTH, WORDS_MAX_LENGTH

from .locking import LockedQuerySet
from .messages import Message
from .readers import Enrollment


class QuestionQuerySet(LockedQuerySet):
    def waiting(self) -> Self:
        """Whose reader is still where it was asked, and has not answered."""
        return self.filter(answered_at=None, enrollment__status__in=Enrollment.LIVE, step=F("enrollment__step"))

    def kept(self) -> Self:
        """Whose answers are kept for later texts; the oldest first."""
        return self.exclude(keeps="").exclude(words="").order_by("step")


class Question(models.Model):
    """One text that asked one reader, and the answer. It is made when the text is known to have been sent.

    One that has no answer although its reader went on was left to its time: the default was taken.
    """

    enrollment = models.ForeignKey(Enrollment, on_delete=models.CASCADE, related_name="questions")
    step = models.PositiveIntegerField(help_text="Which text on this reader's way it was, counted from 1.")
    # A text may be deleted, and put back, while readers answer it: this keeps its number.
    text = models.ForeignKey(StoryText, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    asked_at = models.DateTimeField()
    reminder = models.OneToOneField(
        Message, on_delete=models.SET_NULL, related_name="+", null=True, blank=True, editable=False
    )
    hints = models.PositiveSmallIntegerField("hints sent", default=0)
    answered_at = models.DateTimeField(null=True, blank=True)
    choice = models.CharField(max_length=WORDS_MAX_LENGTH, blank=True, help_text="The answer, as the story names it.")
    keeps = models.CharField(max_length=NAME_MAX_LENGTH, blank=True, help_text="The name for later texts.")
    words = models.CharField(max_length=WORDS_MAX_LENGTH, blank=True, help_text="What later texts say there.")

    objects = QuestionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["enrollment", "step"], name="one_question_per_step"),
        ]

    def __str__(self):
        return f"{self.keeps}: {self.words}" if self.words else self.choice or f"Question {self.pk}"

    def answer(self, choice: str, keeps: str, words: str, now: datetime) -> None:
        """Take this answer; scheduling what it leads to is its caller's to do."""
        self.answered_at, self.choice = now, choice
        self.keeps, self.words = keeps, words if keeps else ""
