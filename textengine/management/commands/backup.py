from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize
from django.utils import timezone

from textengine.backups import BackupError
from textengine.backups.taking import take


class Command(BaseCommand):
    help = "Write all rows and pictures to one new archive, while everything runs (see docs/backups.md)."
    # Whatever is wrong with the settings, what is there can be saved.
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FILE", help="the archive, such as backup.tar.gz")
        parser.add_argument("--without-media", action="store_true", help="leave out pictures, kept safe elsewhere")

    def handle(self, *args, file, without_media, **options):
        try:
            files = take(file.absolute(), timezone.now(), with_pictures=not without_media)
        except BackupError as error:
            raise CommandError(str(error)) from error
        count = len(files) - 1
        size = file.stat().st_size / 1e6
        self.stdout.write(f"Wrote {file}: the database and {count} picture{pluralize(count)}, {size:.1f} MB.")
