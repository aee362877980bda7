"""Stories for tests."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import count

from django.contrib.auth.models import User

from stories.models import Story, StoryText
from stories.turns import Choice, Follows, Turn

numbers = count(1)


def make_story(texts: Iterable[tuple[str, int]] = (("Hello.", 0), ("Goodbye.", 60)), **fields) -> Story:
    """Return a published story of these texts, each a body and a delay in seconds; all accounts there are write it."""
    number = next(numbers)
    defaults = {"title": f"Story {number}", "slug": f"story-{number}", "status": Story.Status.PUBLISHED}
    story = Story.objects.create(**defaults | fields)
    StoryText.objects.bulk_create(
        StoryText(story=story, position=position, body=body, delay=timedelta(seconds=seconds))
        for position, (body, seconds) in enumerate(texts, start=1)
    )
    story.authors.set(User.objects.all())
    return story


def asking(*choices: str, **fields) -> Turn:
    """Return the turn of a text that asks, each choice as it is written in a line."""
    return Turn(Follows.ANSWER, choices=tuple(map(Choice.parse, choices)), **fields)


def make_branching_story(*texts: tuple[str, str, Turn], **fields) -> Story:
    """Return a published story of these texts, each its name, its body and what follows it, a minute apart."""
    story = make_story([(body, 60 if place else 0) for place, (_, body, _) in enumerate(texts)], **fields)
    for text, (label, _, turn) in zip(story.texts.order_by("position"), texts, strict=True):
        text.label, text.turn = label, turn
        text.save()
    return story


def make_pier(**fields) -> Story:
    """Return a story with a question (of these `fields`), two ways from it, and an ending on each."""
    question = asking("A, board -> ship", "B, stay -> pier", **{"hint": "Answer A or B.", "keeps": "way"} | fields)
    return make_branching_story(
        ("", "Once. Reply STOP to end.", Turn()),
        ("", "Board, or stay?", question),
        ("ship", "At sea.", Turn()),
        ("", "The end at sea.", Turn(Follows.END)),
        ("pier", "Alone.", Turn()),
        ("", "You chose to {way|wait}.", Turn(Follows.END)),
    )
