"""What the system says by itself, where editors have written it; the rest is said in the words of wording.py."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q


class SystemText(models.Model):
    """The newsroom's own words for one occasion, in one language."""

    class Kind(models.TextChoices):
        WELCOME = "welcome", "Welcome"
        HELP = "help", "Help"
        STOPPED = "stopped", "Stopped"
        STARTED = "started", "Started again"
        PAUSED = "paused", "Paused"
        RESUMED = "resumed", "Goes on"
        WHERE = "where", "Where one is"
        WHERE_PAUSED = "where_paused", "Where one is, paused"
        WHERE_ASKED = "where_asked", "Where one is, at a question"
        IN_LINE = "in_line", "Waits in line"
        NOTHING = "nothing", "Reads nothing"
        ALL_READ = "all_read", "Has read everything"
        UNKNOWN = "unknown", "Anything else"
        FORGOTTEN = "forgotten", "Erased"

    kind = models.CharField("occasion", max_length=12, choices=Kind)
    language = models.CharField(
        max_length=10,
        blank=True,
        validators=[RegexValidator(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,4})?$", "A language is written as “de” or “pt-BR”.")],
        help_text="For readers of stories in this language, such as “de”; empty for everybody else.",
    )
    body = models.TextField("text", blank=True, max_length=1600, help_text="Empty: nothing is said.")

    class Meta:
        ordering = ["kind", "language"]
        verbose_name = "system text"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "language"],
                name="one_system_text_each",
                violation_error_message="There are words for this occasion in this language already.",
            ),
            models.CheckConstraint(condition=~Q(kind=""), name="system_text_has_an_occasion"),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} ({self.language})" if self.language else self.get_kind_display()
