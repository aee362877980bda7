"""That an editor has put a reader at another text."""

from django.db import models

from stories.models import StoryText

from .locking import LockedQuerySet
from .readers import Enrollment


class Placement(models.Model):
    """From this step on a reader's way is another one: what stands behind it there does not come any more.

    What had stood further on comes, also what the reader had before: whoever put the reader there wanted that.
    """

    enrollment = models.OneToOneField(Enrollment, on_delete=models.CASCADE, related_name="placement")
    step = models.PositiveIntegerField(help_text="Which text on this reader's way it is, counted from 1.")
    # A text may be deleted, and put back, while readers wait for it: this keeps its number.
    text = models.ForeignKey(StoryText, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    passed = models.JSONField(help_text="The ids of the texts that do not come any more.")
    placed_at = models.DateTimeField()

    objects = LockedQuerySet.as_manager()

    def __str__(self):
        return f"Put at text {self.text_id} as step {self.step}"
