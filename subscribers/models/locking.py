"""In which order rows are locked."""

from typing import Self

from django.db import models


class LockedQuerySet(models.QuerySet):
    """Every transaction locks subscribers before enrollments before messages, each by id: so none waits in a circle.

    The keys are left unlocked, since whoever writes a row that points here looks at them when it commits.
    """

    def locked(self) -> Self:
        return self.select_for_update(of=("self",), no_key=True).order_by("pk")
