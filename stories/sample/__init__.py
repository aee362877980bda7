"""The stories that ship with the project, for a first text to a first reader.

`story.toml` is one that goes straight on. Its pictures are the JPEG files, each drawn as the SVG of the same name and
photographed in a browser; only the JPEGs are sent. `keeper.txt` is one that asks, written as a script.
"""

import tomllib
from datetime import timedelta
from pathlib import Path

from django.core.files import File
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from stories import history
from stories.models import Story, StoryText
from stories.scripts.drafts import StoryDraft
from stories.scripts.importing import import_story
from stories.scripts.pictures import Pictures
from stories.scripts.script import read_script

FOLDER = Path(__file__).resolve().parent


def read_sample_story() -> dict:
    return tomllib.loads((FOLDER / "story.toml").read_text(encoding="utf-8"))


@transaction.atomic
def load_sample_story() -> Story | None:
    """Publish the sample story; return None, and change nothing, where its slug or its keyword is already taken."""
    sample = read_sample_story()
    texts = sample.pop("texts")
    if is_taken(sample):
        return None
    story = Story.objects.create(**sample, status=Story.Status.PUBLISHED)
    for position, text in enumerate(texts, start=1):
        add_text(story, position, **text)
    history.keep(story, timezone.now(), reason="The sample story")
    return story


def read_branching_sample() -> StoryDraft:
    return read_script((FOLDER / "keeper.txt").read_text(encoding="utf-8"))


@transaction.atomic
def load_branching_sample() -> Story | None:
    """Publish the sample story that asks; return None, and change nothing, where its slug or keyword is taken."""
    draft = read_branching_sample()
    if is_taken(draft.fields):
        return None
    return import_story(draft, Pictures(draft), timezone.now()).story


def is_taken(said: dict) -> bool:
    return Story.objects.filter(Q(slug=said["slug"]) | Q(keyword=said["keyword"])).exists()


def add_text(story: Story, position: int, delay: int, body: str = "", picture: str = "", alt: str = "") -> None:
    text = StoryText(story=story, position=position, body=body, alt=alt, delay=timedelta(seconds=delay))
    if picture:
        with (FOLDER / picture).open("rb") as file:
            text.media = File(file, name=picture)
            text.save()
    else:
        text.save()
