"""How many read a story, in numbers and in words. Who they are is none of this app's business."""

from dataclasses import dataclass

from django.db.models import Count, F, Min, Q, QuerySet

from .models import Story, StoryText


def readers(count: int) -> str:
    return "nobody" if count == 0 else "1 reader" if count == 1 else f"{count:,} readers"


def still_reading(story: Story, nobody: str = "Nobody is in the middle of it.") -> str:
    """Say how many are in the middle of this story, and that they read on; or `nobody`."""
    count = story.enrollments.readers().live().count()
    return f"{readers(count)} {'is' if count == 1 else 'are'} still reading; they get the rest." if count else nobody


@dataclass(frozen=True, slots=True)
class Reach:
    """How many readers had a text as it was, and how many will get it as it now reads."""

    text: StoryText
    had: int
    will_get: int
    by_answers: bool = False  # then they get it if their answers lead to it

    def __str__(self) -> str:
        had = f"{readers(self.had)} had it as it was"
        will = "may" if self.by_answers else "will"
        return f"Text {self.text.position}: {had}, {readers(self.will_get)} {will} get it as it now reads."


def reach(story: Story, changed: list[int]) -> list[Reach]:
    """Return the reach of these texts of the story (their ids), in order: four queries, however many read it.

    A reader gets a text that was there when the reader began, and a later one only if it stands behind the reader's
    place; see Way in subscribers/scheduling.py.
    """
    live = story.enrollments.readers().live()
    reading = live.aggregate(count=Count("pk"), first=Min("created_at"))
    of_story = list(story.texts.order_by("position"))
    texts = [text for text in of_story if text.pk in changed]
    by_answers = any(text.leads_away for text in of_story)
    had = had_counts(story, changed)
    later = [text for text in texts if reading["first"] and text.created_at > reading["first"]]
    past = {pk: live_had for pk, (_, live_had) in had.items()} | past_counts(live, later)
    return [
        Reach(text, had.get(text.pk, (0, 0))[0], reading["count"] - past.get(text.pk, 0), by_answers) for text in texts
    ]


def had_counts(story: Story, texts: list[int]) -> dict[int, tuple[int, int]]:
    """Return, by the text's id, how many had it, and how many of them are still reading."""
    rows = (
        story.enrollments.readers()
        .filter(messages__text__in=texts, messages__sent_at__isnull=False, messages__step__isnull=False)
        .order_by()
        .values_list("messages__text")
        .annotate(had=Count("pk"), live_had=Count("pk", filter=Q(status__in=story.enrollments.model.LIVE)))
    )
    return {text: (had, live_had) for text, had, live_had in rows}


def past_counts(live: QuerySet, texts: list[StoryText]) -> dict[int, int]:
    """Return, for texts that came when some were reading already, how many had them or are behind their place."""
    if not texts:
        return {}
    waits, had = Q(messages__step=F("step") + 1), Q(messages__sent_at__isnull=False)
    counts = {
        f"text_{text.pk}": Count(
            "pk",
            distinct=True,
            filter=had & Q(messages__text=text)
            | waits & Q(messages__text__position__gt=text.position, created_at__lt=text.created_at),
        )
        for text in texts
    }
    found = live.filter(waits | had & Q(messages__text__in=texts)).order_by().aggregate(**counts)
    return {text.pk: found[f"text_{text.pk}"] for text in texts}
