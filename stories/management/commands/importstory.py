import sys
from collections.abc import Callable
from pathlib import Path

from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from stories.scripts.drafts import ScriptError, StoryDraft
from stories.scripts.files import read_story, source_of, title_of
from stories.scripts.importing import import_story, plan_import
from stories.scripts.pictures import Pictures
from stories.scripts.plans import Plan
from stories.storing import stored

STANDARD_INPUT = "-"


class Command(BaseCommand):
    help = "Make stories of scripts or tables, or bring those that are there up to date (see docs/story-format.md)."
    # Not the carrier, which it does not use: beside `make run`, whose `.env` does not name the sandbox, it works too.
    requires_system_checks = [Tags.files, Tags.models]

    def add_arguments(self, parser):
        parser.add_argument("files", nargs="+", metavar="FILE", help="a script or a table (CSV); - is standard input")
        parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
        parser.add_argument("--title", default="", help="of a new story whose file says none; else the file's name")

    def handle(self, *args, files, dry_run, title, **options):
        # All are looked at before the first is saved, so that their problems are told together.
        looked_at = self.each(files, lambda name: look_at(name, title))
        plans = {name: plan for name, (*_, plan) in looked_at.items()}
        if not dry_run:
            new = [file for _, pictures, _ in looked_at.values() for file in pictures.new_files]
            with stored(new), transaction.atomic():
                plans = self.each(files, lambda name: save(name, *looked_at[name][:2], title))
        for plan in plans.values():
            self.stdout.write(said(plan, dry_run))

    def each(self, files: list[str], work: Callable) -> dict:
        """Return what `work` makes of each file, by its name; tell all problems, and stop there if there are any."""
        done, found = {}, False
        for name in files:
            try:
                done[name] = work(name)
            except ScriptError as error:
                found = True
                for problem in error.problems:
                    self.stderr.write(f"{name}: {problem}")
        if found:
            raise CommandError("Nothing was imported.")
        return done


def look_at(name: str, title: str) -> tuple[StoryDraft, Pictures, Plan]:
    draft = read_story(source_of(content_of(name)), name)
    pictures = Pictures(draft, folder_of(name))
    return draft, pictures, plan_import(draft, pictures, title or title_of(name))


def save(name: str, draft: StoryDraft, pictures: Pictures, title: str) -> Plan:
    return import_story(draft, pictures, timezone.now(), title or title_of(name))


def content_of(name: str) -> bytes:
    if name == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from error


def folder_of(name: str) -> Path | None:
    return None if name == STANDARD_INPUT else Path(name).parent


def said(plan: Plan, dry_run: bool) -> str:
    """Say in one line what became of a story, or would become of it."""
    if plan.changes_nothing:
        return f"“{plan.story}” is already as the file says."
    words = ("Would make", "Made") if plan.is_new else ("Would change", "Changed")
    what = [plan.summary] if plan.is_new or plan.texts_changed else []
    what += [] if plan.is_new else [change.name for change in plan.fields]
    return f"{words[not dry_run]} “{plan.story}” ({plan.story.slug}): {', '.join(what)}."
