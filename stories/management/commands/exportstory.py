from pathlib import Path

from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError

from stories.models import Story
from stories.scripts.drafts import draft_of
from stories.scripts.script import write_script
from stories.scripts.table import write_table


class Command(BaseCommand):
    help = "Write a story as a script, or as a table for a spreadsheet (see docs/story-format.md)."
    # Not the carrier, which it does not use: beside `make run`, whose `.env` does not name the sandbox, it works too.
    requires_system_checks = [Tags.files, Tags.models]

    def add_arguments(self, parser):
        parser.add_argument("slug", metavar="SLUG", help="the last part of the address of the story's page")
        parser.add_argument("--csv", action="store_true", help="as a table")
        parser.add_argument(
            "--output", type=Path, help="a file, or a folder that is there: then the pictures are copied there, too"
        )

    def handle(self, *args, slug, csv, output, **options):
        story = Story.objects.filter(slug=slug).first()
        if story is None:
            raise CommandError(f"No story has the address “{slug}”.")
        words = (write_table if csv else write_script)(draft_of(story))
        if output is None:
            self.stdout.write(words, ending="")
        elif output.is_dir():
            copy_pictures(story, output)
            write(output / f"{slug}.{'csv' if csv else 'txt'}", words)
        else:
            write(output, words)


def write(path: Path, words: str) -> None:
    try:
        path.write_text(words, encoding="utf-8", newline="")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error


def copy_pictures(story: Story, folder: Path) -> None:
    """Copy the story's uploaded pictures to where the script's names lead."""
    for text in story.texts.exclude(media=""):
        path = folder / text.media.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with text.media.open() as picture:
            path.write_bytes(picture.read())
