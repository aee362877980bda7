"""What stands in the way of publishing a story, and what publishing, unpublishing and archiving do."""

import re
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from . import history
from .keywords import refusal
from .models import BODY_MAX_LENGTH, Story, StoryText
from .placeholders import longest
from .templatetags.phone_numbers import spaced
from .turn_problems import turn_problems

# Carriers ask that the first text says how to end it. The word that they act on has to stand there by itself and in
# capitals, as in “Reply STOP to end”: small letters are a story's own ("don't stop").
STOP_IN_WORDS = re.compile(r"\bSTOP\b")
EMPTY = "Write a text or choose a picture."
NO_WAY_OUT = "The first text does not say how to stop. Add a sentence such as “Reply STOP to end.”"


def obstacles(
    story: Story, texts: Iterable[StoryText], problems: list[list[str]] | None = None, *, files: bool = True
) -> list[str]:
    """Return what stands in the way of publishing `story` with these `texts`, each a sentence; empty if nothing does.

    Both may be unsaved, as a form or a file has them; the order of `texts` counts, not their positions. `problems`
    are those of each text where they are known already. Without `files` it is not looked whether the pictures are
    still there, which costs a request each on a distant storage.
    """
    texts = list(texts)
    if problems is None:
        problems = problems_of(texts, files=files)
    first = [NO_WAY_OUT] if texts and not says_how_to_stop(texts[0]) else []
    return keyword_obstacles(story) + number_obstacles() + text_obstacles(problems) + first


def refusals(story: Story, texts: Iterable[StoryText], problems: list[list[str]] | None = None) -> list[str]:
    """Return the obstacles for which `story` may not be saved as published; compares with what is saved of it.

    A live story that never said how to stop can be corrected without saying it now, or nothing in it could be
    mended before its beginning is. It is warned instead.
    """
    live = StoryText.objects.filter(story=story.pk, story__status=Story.Status.PUBLISHED)
    first = live.order_by("position").first()
    lives_with = [NO_WAY_OUT] if first and not says_how_to_stop(first) else []
    return [sentence for sentence in obstacles(story, texts, problems) if sentence not in lives_with]


def warnings(story: Story) -> list[str]:
    """Return what is wrong with a saved story that readers can start, or that some still read."""
    texts = story.texts.order_by("position")
    if story.status == Story.Status.PUBLISHED:
        return obstacles(story, texts, files=False)
    if not story.enrollments.readers().live().exists():
        return []
    return text_obstacles(problems_of(texts, files=False))


def kept_by_holds(texts: QuerySet[StoryText]) -> list[str]:
    """Return, for each of these texts that is on hold, why it cannot be deleted: that would lift the hold unasked."""
    held = texts.filter(hold__isnull=False, hold__released_at=None).order_by("position")
    return [
        f"Text {position} is on hold ({reason}), so it cannot be deleted until somebody releases it."
        for position, reason in held.values_list("position", "hold__reason")
    ]


def keyword_obstacles(story: Story) -> list[str]:
    if not story.keyword:
        return [] if story.weight else ["Nobody could start it: give it a keyword, or a weight above 0."]
    if reason := refusal(story.keyword):
        return [f"The keyword {reason}"]
    other = Story.objects.published().filter(keyword=story.keyword).exclude(pk=story.pk).first()
    return [f"The keyword {story.keyword} already starts “{other}”; choose another word."] if other else []


def number_obstacles() -> list[str]:
    if settings.TWILIO_NUMBER or settings.TWILIO_MESSAGING_SERVICE_SID:
        return []
    return ["There is no phone number yet that readers could text. Whoever runs this newsroom's server sets it up."]


def text_obstacles(problems: list[list[str]]) -> list[str]:
    """Return the problems of each text as sentences that say which."""
    if not problems:
        return ["There is no text yet; write at least one."]
    return [f"Text {number}: {problem}" for number, of_text in enumerate(problems, start=1) for problem in of_text]


def problems_of(texts: Iterable[StoryText], *, files: bool = True) -> list[list[str]]:
    """Return what is wrong with each of a story's texts, by itself and as a way from or to others."""
    texts = list(texts)
    return with_turns(texts, [text_problems(text, files=files) for text in texts])


def with_turns(texts: list[StoryText], problems: list[list[str]]) -> list[list[str]]:
    """Return the problems of these texts with those of what they ask and where they lead."""
    return [of_text + of_turn for of_text, of_turn in zip(problems, turn_problems(texts), strict=True)]


def text_problems(text: StoryText, *, files: bool = True) -> list[str]:
    """Return why the carrier would not take this text as it stands, or not all of it."""
    problems = []
    if not (text.body.strip() or text.media or text.media_url):
        problems.append(EMPTY)
    length = len(longest(text.body))
    if length > BODY_MAX_LENGTH:
        problems.append(f"A text can have at most {BODY_MAX_LENGTH:,} characters; this one has {length:,}. Divide it.")
    # What was chosen just now is not stored yet.
    if files and text.media and text.media._committed and not text.media.storage.exists(text.media.name):
        problems.append("Its picture is no longer there; choose it again.")
    return problems


def says_how_to_stop(text: StoryText) -> bool:
    return bool(STOP_IN_WORDS.search(text.body))


def how_to_start(story: Story) -> str:
    """Say what a reader does to start this published story."""
    number = story.number or settings.TWILIO_NUMBER
    number = f" to {spaced(number)}" if number else ""
    if story.keyword:
        return f"Readers can text {story.keyword}{number}."
    return f"It has no keyword: readers who text anything else{number} may get it."


@transaction.atomic
def change_status(story: Story, status: Story.Status, user: User, now: datetime) -> bool:
    """Give the saved story this status; return whether it had another one."""
    story = Story.objects.select_for_update(no_key=True).get(pk=story.pk)
    if story.status == status:
        return False
    history.keep(story, now)
    story.status = status
    story.save(update_fields=["status", "updated_at"])
    history.keep(story, now, user)
    return True
