"""Stories for tests."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import count

from stories.models import Story, StoryText

numbers = count(1)


def make_story(texts: Iterable[tuple[str, int]] = (("Hello.", 0), ("Goodbye.", 60)), **fields) -> Story:
    """Return a published story of these texts, each a body and a delay in seconds."""
    number = next(numbers)
    defaults = {"title": f"Story {number}", "slug": f"story-{number}", "status": Story.Status.PUBLISHED}
    story = Story.objects.create(**defaults | fields)
    StoryText.objects.bulk_create(
        StoryText(story=story, position=position, body=body, delay=timedelta(seconds=seconds))
        for position, (body, seconds) in enumerate(texts, start=1)
    )
    return story
