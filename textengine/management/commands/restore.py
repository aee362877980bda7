from datetime import datetime
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from textengine.backups import BackupError
from textengine.backups.restoring import by_the_clock, restore


class Command(BaseCommand):
    help = "Make an empty database what a backup says, with the brake on (see docs/backups.md)."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FILE", help="an archive that `manage.py backup` wrote")

    def handle(self, *args, file, **options):
        try:
            manifest = restore(file.absolute(), timezone.now())
        except BackupError as error:
            raise CommandError(str(error)) from error
        taken_at = by_the_clock(datetime.fromisoformat(manifest["taken_at"]))
        self.stdout.write(f"Restored the backup of {taken_at}. Everything is on hold: nobody is texted.")
        self.stdout.write(
            "Next: manage.py migrate, then manage.py catchup, then start the worker; release the hold in the newsroom."
        )
