"""Who looked at what of readers: rows are added, and never changed or taken away."""

from typing import NoReturn, Self

from django.contrib.auth.models import User
from django.db import models

from .readers import Subscriber


class AccessQuerySet(models.QuerySet):
    def update(self, **kwargs) -> NoReturn:
        raise TypeError("What was looked at stays on record as it is.")

    def delete(self) -> NoReturn:
        raise TypeError("What was looked at stays on record.")

    def of(self, subscriber: Subscriber) -> Self:
        return self.filter(subscriber=subscriber.pk)


class Access(models.Model):
    """That one person looked at something of readers. It names both by what stays when either is gone."""

    class What(models.TextChoices):
        PAGE = "page", "Opened a reader’s page"
        NUMBER = "number", "Had a number shown"
        EXPORT = "export", "Asked for an export"
        DOWNLOAD = "download", "Fetched an export"
        IMPORT = "import", "Added readers"
        ERASURE = "erasure", "Erased a reader"

    at = models.DateTimeField("time", auto_now_add=True, db_index=True)
    user = models.PositiveIntegerField("account", db_index=True)
    who = models.CharField(max_length=150)
    what = models.CharField(max_length=8, choices=What)
    subscriber = models.PositiveBigIntegerField("reader", null=True, db_index=True)
    about = models.CharField(max_length=300, blank=True)

    objects = AccessQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = "access"
        verbose_name_plural = "access log"
        default_permissions = ["view"]

    def __str__(self):
        return f"{self.who}: {self.get_what_display()}"

    def save(self, *args, **kwargs):
        if not self._state.adding:
            raise TypeError("What was looked at stays on record as it is.")
        super().save(*args, force_insert=True)

    def delete(self, *args, **kwargs) -> NoReturn:
        raise TypeError("What was looked at stays on record.")

    @classmethod
    def record(cls, user: User, what: What, about: str = "", subscriber: Subscriber | None = None) -> Self:
        """Put on record that this person did this; `about` never has a whole number."""
        who, pk = user.get_username(), subscriber and subscriber.pk
        return cls.objects.create(user=user.pk, who=who, what=what, about=about[:300], subscriber=pk)
