"""What all processes have counted together, for /metrics."""

from django.db import models


class Sample(models.Model):
    """One number of a metric: all processes on all machines add to it, and nobody ever sets it back."""

    name = models.CharField(max_length=100)
    labels = models.CharField(max_length=200, help_text="What is counted by itself here, as JSON.")
    value = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "labels"], name="one_sample_each")]

    def __str__(self):
        return f"{self.name} {self.labels}"
