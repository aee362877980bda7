"""How readers consented who were added by the newsroom. Who texted us first has that text for it."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from .readers import Subscriber


class Consent(models.Model):
    """That one reader agreed, elsewhere, to be texted; it goes with the reader."""

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="consents")
    how = models.CharField(max_length=300, help_text="Where and in which words the reader agreed.")
    given_on = models.DateField("given on")
    taken_by = models.CharField("taken by", max_length=150, help_text="Who took it, or keeps the record of it.")
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    recorded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        default_permissions = ["view"]

    def __str__(self):
        return f"{self.given_on:%-d %b %Y}: {self.how} (taken by {self.taken_by})"
