import sys
import time
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from stories.models import Story
from subscribers.making import removing, rows, trial
from subscribers.making.lives import Lives
from subscribers.models import Enrollment, Subscriber

# So many different lives are made with each story; more readers than that have one of them at other times.
LIVES_MAX = 3000


class Command(BaseCommand):
    help = (
        "Make readers who never were, with histories as real ones have, to try the newsroom out and to measure it. "
        "Their numbers can be nobody's; where somebody's number may be real, nothing is made."
    )
    # Not the carrier, which it does not use.
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("readers", nargs="?", type=int, default=200, help="how many readers (200 unless said)")
        parser.add_argument("--enrollments", type=int, help="how many passages; beyond one a reader, second stories")
        parser.add_argument("--messages", type=int, help="at least so many: readers wrote what is lacking")
        parser.add_argument("--story", action="append", default=[], metavar="SLUG", help="what they read; two trials")
        parser.add_argument("--remove", action="store_true", help="take all made readers away again")

    def handle(self, *args, readers, enrollments, messages, story, remove, **options):
        if remove:
            count = removing.remove(self.progress("readers removed"))
            self.stdout.write(f"{count:,} made readers were removed.")
            return
        try:
            trial.refuse_where_readers_are_real()
        except trial.Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        if trial.made().exists():
            raise CommandError("Made readers are here already. Take them away first: manage.py makereaders --remove")
        stories = self.stories(story)
        self.check(readers, enrollments or readers, len(stories))
        self.make(readers, enrollments or readers, messages or 0, stories)

    def stories(self, slugs: list[str]) -> list[Story]:
        found = [Story.objects.filter(slug=slug, texts__isnull=False).first() for slug in slugs]
        if None in found:
            raise CommandError(f"There is no story with texts at “{slugs[found.index(None)]}”.")
        return found or trial.trial_stories()

    def check(self, readers: int, enrollments: int, stories: int) -> None:
        if not 0 < readers <= trial.READERS_MAX:
            raise CommandError(f"From 1 to {trial.READERS_MAX:,} readers can be made.")
        if not readers <= enrollments <= readers * stories:
            raise CommandError(
                f"So many readers can have {readers:,} to {readers * stories:,} enrollments: at least one each, and "
                "each story once."
            )

    def make(self, readers: int, enrollments: int, messages: int, stories: list[Story]) -> None:
        began, now = time.monotonic(), timezone.now()
        lives = min(-(-enrollments // len(stories)), LIVES_MAX)
        kinds = [
            Lives(list(each.texts.order_by("position")), keyword_of(each), now, ZoneInfo(trial.AREAS["212"]))
            for each in stories
        ]
        rows.make_lives_tables(
            [
                (each.pk, kind.life(over))
                for over in (False, True)
                for each, kind in zip(stories, kinds, strict=True)
                for _ in range(lives)
            ]
        )
        many = rows.Many(
            readers,
            enrollments,
            len(stories),
            lives,
            now,
            rows.reserve(Subscriber, readers),
            rows.reserve(Enrollment, enrollments),
        )
        made = rows.make(many, self.progress("enrollments", enrollments))
        if messages > made:
            rows.make_remarks(many, messages - made, self.progress("remarks", messages - made))
            made = messages
        with connection.cursor() as cursor:
            # Nothing can be vacuumed in a transaction of somebody's own.
            can_vacuum = connection.vendor == "postgresql" and not connection.in_atomic_block
            cursor.execute("VACUUM ANALYZE" if can_vacuum else "ANALYZE")
        titles = " and ".join(f"“{each}”" for each in stories)
        self.stdout.write(
            f"{readers:,} readers with {enrollments:,} enrollments in {titles}, and {made:,} messages,"
            f" in {time.monotonic() - began:,.0f} seconds."
        )

    def progress(self, what: str, total: int = 0):
        """Return what tells how far it is: on a terminal in one line, elsewhere now and then."""
        told = [time.monotonic()]

        def say(count: int) -> None:
            if time.monotonic() - told[0] < (0.2 if sys.stdout.isatty() else 10):
                return
            told[0] = time.monotonic()
            of = f" of {total:,}" if total else ""
            self.stdout.write(f"{count:,}{of} {what}", ending="\r" if sys.stdout.isatty() else "\n")
            self.stdout.flush()

        return say


def keyword_of(story: Story) -> str:
    return story.keyword or "Hello"
