"""How far readers are, with a fixed number of queries for however many of them."""

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce

from stories.branches import Branches, reached
from stories.models import StoryText
from stories.turns import Follows

from .models import Enrollment, Message, Question


@dataclass(frozen=True, slots=True)
class Progress:
    """Texts sent of texts on this reader's way, and the message that comes or would have come next.

    Where answers lead to ways of different lengths, `least` and `total` are those of the shortest and the longest;
    in one that `may_repeat`, because it can lead back, nobody knows the most. `at_question`: an answer is waited for.
    """

    sent: int
    total: int
    upcoming: Message | None
    least: int = 0
    may_repeat: bool = False
    at_question: bool = False

    @property
    def whole(self) -> str:
        """How many texts this reader's way has."""
        if self.may_repeat:
            return f"{self.least} or more"
        return f"{self.least} to {self.total}" if 0 < self.least < self.total else str(self.total)

    def __str__(self):
        return f"{self.sent} of {self.whole}"


def with_progress(enrollments: QuerySet[Enrollment]) -> QuerySet[Enrollment]:
    """Return these enrollments with all that progress_of() looks at, `last_sent_at`, and `lost_count`.

    Lost are the texts that the carrier had accepted, that did not reach the phone, and that are not sent again.
    """
    unsent = Message.objects.story_texts().filter(sent_at=None).select_related("text").order_by("step")
    texts = StoryText.objects.filter(story=OuterRef("story")).order_by().values("story").values(count=Count("pk"))
    asked = Question.objects.filter(enrollment=OuterRef("pk"), step=OuterRef("step"), answered_at=None)
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
        .prefetch_related(
            Prefetch("messages", queryset=unsent, to_attr="unsent"),
            Prefetch("story__texts", queryset=texts_of_ways(), to_attr="texts_of_ways"),
        )
        .annotate(
            asked_by=Subquery(asked.values("text")[:1]),
            text_count=Coalesce(Subquery(texts), 0),
            last_sent_at=Subquery(sent.order_by("-step").values("sent_at")[:1]),
            lost_count=Coalesce(Subquery(lost), 0),
        )
    )


def texts_of_ways() -> QuerySet[StoryText]:
    """Return the texts, in order, of those stories in which a text asks, leads elsewhere or ends it."""
    turning = StoryText.objects.filter(story=OuterRef("story")).exclude(follows=Follows.NEXT)
    return StoryText.objects.filter(Exists(turning)).defer("body", "alt").order_by("position")


def progress_of(enrollment: Enrollment) -> Progress:
    """Return how far this enrollment, which comes from with_progress(), is.

    What remains is counted from the place of the text that comes next: where a story was rearranged, the way of
    one reader is longer or shorter than the story.
    """
    upcoming = next((message for message in enrollment.unsent if message.step == enrollment.step + 1), None)
    if enrollment.story.texts_of_ways and enrollment.status != Enrollment.Status.COMPLETED:
        return progress_on_ways(enrollment, upcoming)
    if enrollment.status == Enrollment.Status.COMPLETED:
        remaining = 0
    elif upcoming and upcoming.text:
        remaining = enrollment.text_count - upcoming.text.position + 1
    else:
        remaining = max(enrollment.text_count - enrollment.step, 0)
    return Progress(enrollment.step, enrollment.step + remaining, upcoming)


def progress_on_ways(enrollment: Enrollment, upcoming: Message | None) -> Progress:
    """Return how far a reader is whose way depends on answers: what remains is counted on the ways from here."""
    texts, step = enrollment.story.texts_of_ways, enrollment.step
    places = {text.pk: place for place, text in enumerate(texts)}
    start, behind = (enrollment.asked_by, 1) if enrollment.asked_by in places else (upcoming and upcoming.text_id, 0)
    if start not in places:
        return Progress(step, step, upcoming)
    ways, place = Branches(texts), places[start]
    least, most = (step - behind + len(ways.way(lambda place: 1, most, place)) for most in (False, True))
    ahead = reached([place], lambda place: [lead.to for lead in ways.leads[place]])
    may_repeat = any(source in ahead for source, _ in ways.loops())
    return Progress(step, most, upcoming, least, may_repeat, at_question=bool(behind))
