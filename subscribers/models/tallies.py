"""What was counted of stories that too many read to count them whenever somebody looks."""

from django.db import models

from stories.models import Story


class Tally(models.Model):
    """All that was counted of one story's readers, by when they joined.

    A cohort is `[since, until, counts]`: those who joined from `since` on and before `until`, both in ISO 8601, and
    a list of counts, each with what it counts; see subscribers/funnel/counting.py.
    """

    story = models.OneToOneField(Story, on_delete=models.CASCADE, primary_key=True, related_name="+")
    cohorts = models.JSONField(default=list)
    counted_at = models.DateTimeField(null=True, help_text="When the count began that the cohorts come from.")
    seconds = models.FloatField(default=0, help_text="How long that count took.")
    counting = models.JSONField(default=list, help_text="The cohorts of a count that is not yet through.")
    begun_at = models.DateTimeField(null=True, help_text="When that count began; empty where none is under way.")
    seen_at = models.DateTimeField(null=True, help_text="When that count was last known to be alive.")

    def __str__(self):
        return f"Tally of {self.story}"


class DayCount(models.Model):
    """What was counted of the last and the next day, one row; see subscribers/today/counting.py."""

    counts = models.JSONField(default=dict)
    counted_at = models.DateTimeField(null=True, help_text="Of when these counts are.")
    seconds = models.FloatField(default=0, help_text="How long counting took.")
    begun_at = models.DateTimeField(null=True, help_text="When a count began that is under way.")

    def __str__(self):
        return f"Counts of {self.counted_at}"
