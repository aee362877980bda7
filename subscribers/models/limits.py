"""What was spent, and when the next story may begin: each one row, so that nothing has to be counted."""

from django.db import models


class SpentDay(models.Model):
    """How many segments the carrier took on one day of the newsroom's; counted while DAILY_SEGMENTS is set."""

    day = models.DateField(primary_key=True)
    segments = models.PositiveBigIntegerField()

    def __str__(self):
        return f"{self.segments} segments on {self.day}"


class Gate(models.Model):
    """Where stories that readers' texts begin line up; there is one, used while ENROLLMENTS_PER_MINUTE is set."""

    free_at = models.FloatField(help_text="When the last of them had its turn, in seconds since 1970.")
    asked_at = models.FloatField(db_default=0, help_text="When somebody was last given a turn, in seconds since 1970.")

    def __str__(self):
        return "Gate"
