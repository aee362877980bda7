"""How far readers are, with a fixed number of queries for however many of them."""

from dataclasses import dataclass

from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce

from stories.models import StoryText

from .models import Enrollment, Message


@dataclass(frozen=True, slots=True)
class Progress:
    """Texts sent of texts on this reader's way, and the message that comes or would have come next."""

    sent: int
    total: int
    upcoming: Message | None

    def __str__(self):
        return f"{self.sent} of {self.total}"


def with_progress(enrollments: QuerySet[Enrollment]) -> QuerySet[Enrollment]:
    """Return these enrollments with all that progress_of() looks at, `last_sent_at`, and `lost_count`.

    Lost are the texts that the carrier had accepted, that did not reach the phone, and that are not sent again.
    """
    unsent = Message.objects.story_texts().filter(sent_at=None).select_related("text").order_by("step")
    texts = StoryText.objects.filter(story=OuterRef("story")).order_by().values("story").values(count=Count("pk"))
    outbound = Message.objects.filter(enrollment=OuterRef("pk")).exclude(sent_at=None)
    sent = outbound.story_texts()
    lost = (
        outbound.filter(status__in=Message.LOST, sent_again=None)
        .order_by()
        .values("enrollment")
        .values(count=Count("pk"))
    )
    return (
        enrollments.select_related("subscriber", "story")
        .prefetch_related(Prefetch("messages", queryset=unsent, to_attr="unsent"))
        .annotate(
            text_count=Coalesce(Subquery(texts), 0),
            last_sent_at=Subquery(sent.order_by("-step").values("sent_at")[:1]),
            lost_count=Coalesce(Subquery(lost), 0),
        )
    )


def progress_of(enrollment: Enrollment) -> Progress:
    """Return how far this enrollment, which comes from with_progress(), is.

    What remains is counted from the place of the text that comes next: where a story was rearranged, the way of
    one reader is longer or shorter than the story.
    """
    upcoming = next((message for message in enrollment.unsent if message.step == enrollment.step + 1), None)
    if enrollment.status == Enrollment.Status.COMPLETED:
        remaining = 0
    elif upcoming and upcoming.text:
        remaining = enrollment.text_count - upcoming.text.position + 1
    else:
        remaining = max(enrollment.text_count - enrollment.step, 0)
    return Progress(enrollment.step, enrollment.step + remaining, upcoming)
