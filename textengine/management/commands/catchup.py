from datetime import datetime

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from subscribers.catching_up import catch_up
from subscribers.models import Hold
from textengine.carrier import CarrierError


class Command(BaseCommand):
    help = "Take in what readers texted while nothing could hear it: since the backup that was restored, or --since."

    def add_arguments(self, parser):
        parser.add_argument("--since", metavar="MOMENT", help="such as 2026-11-25T03:00+01:00, or 2026-11-25 03:00")

    def handle(self, *args, since, **options):
        try:
            count = catch_up(self.moment(since), timezone.now())
        except CarrierError as error:
            raise CommandError(f"The carrier cannot say what readers texted: {error.reason}.") from error
        texts = "1 text that was" if count == 1 else f"{count} texts that were"
        self.stdout.write(f"Took in {texts} not known here.")

    def moment(self, since: str | None) -> datetime:
        if since is None:
            restored = Hold.objects.last_restored()
            if restored is None:
                raise CommandError("No backup was restored here: say with --since from when on texts may be missing.")
            return restored.asks_since
        moment = parse_datetime(since)
        if moment is None:
            raise CommandError(f"--since is {since!r}; give a moment such as 2026-11-25T03:00+01:00.")
        return moment if moment.tzinfo else timezone.make_aware(moment)
