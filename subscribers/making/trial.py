"""Whom made readers may stand beside, and the stories that they read."""

from pathlib import Path

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from stories.models import Story
from stories.scripts.importing import import_story
from stories.scripts.pictures import Pictures
from stories.scripts.script import read_script

from ..models import Subscriber

FOLDER = Path(__file__).resolve().parent
SCRIPTS = ("straight.txt", "forked.txt")
SLUGS = ("trial-straight", "trial-forked")
# Area codes, each with the zone of its clocks. No exchange in North America begins with 0 or 1, so that a number whose
# fifth digit is a 1 can be nobody's; each area has a million of them.
AREAS = {
    "212": "America/New_York",
    "312": "America/Chicago",
    "303": "America/Denver",
    "415": "America/Los_Angeles",
    "617": "America/New_York",
    "713": "America/Chicago",
    "206": "America/Los_Angeles",
    "305": "America/New_York",
    "504": "America/Chicago",
    "808": "Pacific/Honolulu",
}
READERS_MAX = len(AREAS) * 1_000_000
MADE = rf"^\+1({'|'.join(AREAS)})1[0-9]{{6}}$"
# Numbers that are kept free for stories and films; phones of the sandbox have them.
FICTIONAL = r"^\+1[0-9]{3}55501[0-9]{2}$"


class Refusal(Exception):
    """Why no readers are made here, for who asked for them."""


def made() -> QuerySet[Subscriber]:
    return Subscriber.objects.filter(phone_number__regex=MADE)


def refuse_where_readers_are_real() -> None:
    """Raise Refusal where somebody could be texted, or counted among real readers."""
    if settings.TWILIO_API_URL.rstrip("/").endswith("twilio.com"):
        raise Refusal(
            "Nothing was made: this installation texts through Twilio, which would be asked to text the made readers, "
            "too. Set TWILIO_API_URL to the sandbox, as `make run` does."
        )
    real = Subscriber.objects.exclude(Q(phone_number__regex=MADE) | Q(phone_number__regex=FICTIONAL))
    if real.exists():
        raise Refusal(
            "Nothing was made: this database has readers whose numbers may be real. Made ones would be counted among "
            "them. Use a database of its own for trying things out; DATABASE_URL says which one."
        )


def trial_stories() -> list[Story]:
    """Return the stories that made readers read: one that goes straight on, and one that asks."""
    return [
        Story.objects.filter(slug=slug).first() or import_trial(script)
        for slug, script in zip(SLUGS, SCRIPTS, strict=True)
    ]


def import_trial(script: str) -> Story:
    draft = read_script((FOLDER / script).read_text(encoding="utf-8"))
    return import_story(draft, Pictures(draft), timezone.now()).story
