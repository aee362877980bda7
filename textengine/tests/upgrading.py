"""The first release in the middle of a story: its own code, where the history has it, and what it left, recorded."""

import json
import os
import subprocess
import tarfile
from collections import defaultdict
from datetime import datetime
from io import BytesIO
from pathlib import Path

from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps

from .databases import run
from .migrating import Key, own_apps
from .processes import ROOT, Processes, wait_until
from .readers import phones

# The last commit that has the first release's tables, and their first three mends.
COMMIT = "715cd78767171b2a2ec79089116e07a24c7f8e0c"
MIGRATIONS = {"stories": "0001_create_stories", "subscribers": "0004_vacuum_messages_often"}
RECORD = Path(__file__).parent / "first_release.json"
# Long enough for all that happens before the second one, on a busy machine too.
SECONDS_BETWEEN = 40
TEXTS = [("One", 0), ("Two", SECONDS_BETWEEN), ("Three", 1)]
# Who has had the first text; whose request the carrier has, and we do not know; who is claimed; and who is only due.
PARTS = {"read": 8, "unknown": 4, "claimed": 4, "due": 2}

MAKE_STORY = "from stories.tests.factory import make_story; make_story({texts}, keyword='river')"
ENROLL = """
from stories.models import Story
from subscribers.tests.factory import make_enrollment, make_subscriber
for phone in {phones}:
    make_enrollment(make_subscriber(phone), Story.objects.get())
"""
CLAIM = "from django.utils import timezone; from subscribers.claiming import claim; claim(timezone.now())"
ENQUEUE = """
from django_q.tasks import async_task
async_task("subscribers.tasks.follow_story", 1)
async_task("subscribers.tasks.follow_story", 1, 2)
async_task("subscribers.tasks.sweep")
"""


def readers() -> dict[str, list[str]]:
    """Return the phones of each part of the readers."""
    left, found = phones(sum(PARTS.values())), {}
    for part, count in PARTS.items():
        found[part], left = left[:count], left[count:]
    return found


def first_release_code(directory: Path) -> Path | None:
    """Return a folder with the first release's own code; None where the history does not reach as far."""
    archive = ["git", "archive", "--format=tar", COMMIT]
    try:
        found = subprocess.run(archive, cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    with tarfile.open(fileobj=BytesIO(found.stdout)) as files:
        files.extractall(directory)  # noqa: S202  Our own history.
    return directory


def shell(processes: Processes, script: str) -> None:
    processes.manage("shell", "--command", script)


def read_to_the_middle(processes: Processes) -> None:
    """Let the first release's worker read a story to its readers, and end it by a power cut in the middle."""
    part = readers()
    processes.manage("migrate", "--verbosity", "0")
    shell(processes, MAKE_STORY.format(texts=TEXTS))
    processes.start("worker")
    shell(processes, ENROLL.format(phones=part["read"]))
    sent = "SELECT count(*) FROM subscribers_message WHERE step = 1 AND sent_at IS NOT NULL"
    wait_until(lambda: run(sent) == [(len(part["read"]),)], 30, processes.logged)
    processes.sandbox.faults({"next": [{"kind": "hang-after", "count": len(part["unknown"])}], "callback-late": 3600})
    before = processes.sandbox.count()
    shell(processes, ENROLL.format(phones=part["unknown"]))
    wait_until(lambda: processes.sandbox.count() == before + len(part["unknown"]), 30, processes.logged)
    processes.kill("worker")
    processes.sandbox.faults({})
    shell(processes, ENROLL.format(phones=part["claimed"]))
    shell(processes, CLAIM)
    shell(processes, ENQUEUE)
    shell(processes, ENROLL.format(phones=part["due"]))


def record(processes: Processes, now: datetime) -> None:
    """Keep what the first release left, as its own code says it."""
    rows = json.loads(processes.manage("dumpdata", "stories", "subscribers", "django_q.ormq", "django_q.schedule"))
    RECORD.write_text(json.dumps({"recorded_at": now.isoformat(), "rows": rows}, indent=1) + "\n")


def recorded(executor: MigrationExecutor) -> list[Key]:
    """Return the migrations of the tables that were recorded."""
    others = [key for key in executor.loader.graph.leaf_nodes() if key[0] not in own_apps()]
    return [*MIGRATIONS.items(), *others]


def load(old: StateApps, now: datetime) -> None:
    """Put into the first release's tables what it left, as if that had been at `now`."""
    kept = json.loads(RECORD.read_text())
    shift, found = now - datetime.fromisoformat(kept["recorded_at"]), defaultdict(list)
    for row in kept["rows"]:
        model = old.get_model(row["model"])
        found[model].append(model(pk=row["pk"], **dict(value_of(model, item, shift) for item in row["fields"].items())))
    # References are looked at when the transaction ends, in whatever order the rows come.
    with transaction.atomic():
        for model, its_rows in found.items():
            # Migrations made rows of their own.
            model.objects.all().delete()
            model.objects.bulk_create(its_rows)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(found)):
            cursor.execute(statement)


def value_of(model: type[models.Model], item: tuple[str, object], shift) -> tuple[str, object]:
    """Return the column of a recorded field, and its value, every moment moved by `shift`."""
    field = model._meta.get_field(item[0])
    value = field.to_python(item[1])
    if value is not None and isinstance(field, models.DateTimeField):
        value += shift
    return field.attname, value


def is_to_record() -> bool:
    return os.environ.get("RECORD_FIRST_RELEASE") == "true"
