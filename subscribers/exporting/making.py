"""Making an export: a small one at once, a large one by the cluster, whose file is kept for a day."""

import logging
import secrets
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.core.files import File
from django.core.files.storage import storages
from django.utils import timezone
from django_q.tasks import async_task

from ..models import Export
from .files import WRITERS, csv_lines
from .rows import COLUMNS, Row, rows_of, selected

logger = logging.getLogger(__name__)

# Of more rows than this an export is made in the background.
SMALL = 5000
# How often it is written down how far one is.
TELL_SECONDS = 1
# How long one may take: ten million rows.
TIMEOUT_SECONDS = 2 * 3600


def is_small(export: Export) -> bool:
    """Tell whether an export is made while somebody waits for it; it counts no more rows than that."""
    if export.what == Export.What.FUNNEL:
        return True
    return len(selected(export).values_list("pk")[: SMALL + 1]) <= SMALL


def at_once(export: Export) -> Iterator[bytes]:
    """Return a small export's file, part by part."""
    columns = COLUMNS[export.what]
    if export.suffix == Export.Suffix.CSV:
        yield from (line.encode() for line in csv_lines(columns, rows_of(export)))
        return
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
        WRITERS[export.suffix](file.name, columns, rows_of(export))
        while part := file.read(64 * 1024):
            yield part


def begin() -> None:
    """Have the cluster make what waits: one after the other, so that other workers are left for texts."""
    async_task("subscribers.tasks.make_export", timeout=TIMEOUT_SECONDS)


def make_next(now: datetime) -> None:
    """Make the export that has waited longest, unless one is being made; then the next.

    The cluster hands a task out anew while this is still at it: whoever comes second finds nothing to do.
    """
    if any(not export.is_stuck(now) for export in Export.objects.filter(status=Export.Status.RUNNING)):
        return
    export = Export.objects.filter(status=Export.Status.WAITING).order_by("pk").select_related("story", "user").first()
    waiting = Export.objects.filter(pk=export.pk, status=Export.Status.WAITING) if export else Export.objects.none()
    if waiting.update(status=Export.Status.RUNNING, touched_at=now):
        try:
            make(export)
        except Exception:
            Export.objects.filter(pk=export.pk).update(status=Export.Status.FAILED)
            raise
        finally:
            begin()


def make(export: Export) -> None:
    """Write this export's file, and put it where it is fetched from."""
    export.whole_numbers = export.whole_numbers and export.user.has_perm("subscribers.see_numbers")
    export.total = selected(export).count()
    export.save(update_fields=["whole_numbers", "total"])
    with tempfile.NamedTemporaryFile(suffix=f".{export.suffix}") as file:
        WRITERS[export.suffix](file.name, COLUMNS[export.what], told(export, rows_of(export)))
        name = storages["exports"].save(f"{secrets.token_urlsafe(24)}.{export.suffix}", File(file))
    found = Export.objects.filter(pk=export.pk, status=Export.Status.RUNNING)
    if not found.update(status=Export.Status.READY, file=name, total=export.done, done=export.done):
        storages["exports"].delete(name)  # Nobody wants it any more.
    logger.info("export.made id=%s rows=%s", export.pk, export.done)


def told(export: Export, rows: Iterable[Row]) -> Iterator[Row]:
    """Hand rows on, and write down every second how many there were."""
    told_at = time.monotonic()
    for row in rows:
        yield row
        export.done += 1
        if export.done % 100 == 0 and time.monotonic() - told_at > TELL_SECONDS:
            told_at = time.monotonic()
            Export.objects.filter(pk=export.pk).update(done=export.done, touched_at=timezone.now())


def tend(now: datetime) -> None:
    """Delete the files whose time is over, give up what a killed process has left, and go on with what waits."""
    for export in Export.objects.over(now):
        export.drop_file()
        export.delete()
    for export in Export.objects.filter(status=Export.Status.RUNNING):
        if export.is_stuck(now):
            Export.objects.filter(pk=export.pk).update(status=Export.Status.FAILED)
    if Export.objects.filter(status=Export.Status.WAITING).exists():
        begin()
