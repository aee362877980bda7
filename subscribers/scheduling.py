"""Which text a reader gets next, and when. Writes messages as `scheduled`; sending them is dispatch's business.

Everything works on a batch with a fixed number of queries.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from stories.models import StoryText
from stories.timing import due_at

from .models import Enrollment, Message, Subscriber

# So many readers of one story are moved to new times in one transaction, so that nobody waits long for a lock.
FOLLOW_BATCH = 1000


@dataclass
class Way:
    """What a reader has had of a story, in order, and the moment from which the next text's delay counts."""

    had: list[int | None]
    since: datetime

    def following(self, texts: list[StoryText], enrolled_at: datetime) -> StoryText | None:
        """Return the first of these texts (in the story's order) that is still to come; None at the end.

        No text comes twice, however the story is rearranged. A text that was there when the reader began is not
        lost by being moved; one that was written later counts only behind the reader's place.
        """
        positions = {text.pk: text.position for text in texts}
        place = next((positions[pk] for pk in reversed(self.had) if pk in positions), 0)
        for text in texts:
            if text.pk not in self.had and (text.position > place or text.created_at <= enrolled_at):
                return text
        return None


def ways_of(enrollments: Iterable[Enrollment]) -> dict[int, Way]:
    """Return each enrollment's way so far, by the enrollment's id."""
    ways = {enrollment.pk: Way([], enrollment.created_at) for enrollment in enrollments}
    steps = (
        Message.objects.story_texts()
        .filter(enrollment__in=ways)
        .exclude(sent_at=None)
        .order_by("step")
        .values_list("enrollment", "text", "sent_at")
    )
    for enrollment, text, sent_at in steps:
        ways[enrollment].had.append(text)
        ways[enrollment].since = sent_at
    return ways


def texts_of(enrollments: Iterable[Enrollment]) -> dict[int, list[StoryText]]:
    """Return the texts of these enrollments' stories, in order, by the story's id."""
    texts = defaultdict(list)
    stories = {enrollment.story_id for enrollment in enrollments}
    for text in StoryText.objects.filter(story__in=stories).order_by("story", "position"):
        texts[text.story_id].append(text)
    return texts


def schedule(enrollments: Iterable[Enrollment], now: datetime) -> None:
    """Give each active enrollment among these its next message, or complete it where no text is left.

    A message that already stands for this step is put right: it keeps its text as long as the story has it, and
    comes when that text now says. The caller has locked the enrollments in its transaction.
    """
    enrollments = [enrollment for enrollment in enrollments if enrollment.status == Enrollment.Status.ACTIVE]
    ways, texts = ways_of(enrollments), texts_of(enrollments)
    unsent = Message.objects.story_texts().filter(enrollment__in=enrollments, sent_at=None)
    standing = {(message.enrollment_id, message.step): message for message in unsent.locked()}
    created, changed, completed, obsolete = [], [], [], []
    for enrollment in enrollments:
        way, story_texts = ways[enrollment.pk], texts[enrollment.story_id]
        message = standing.get((enrollment.pk, enrollment.step + 1))
        if message and message.begun_at:
            continue
        text = next((text for text in story_texts if message and text.pk == message.text_id), None)
        text = text or way.following(story_texts, enrollment.created_at)
        if text is None:
            enrollment.end(Enrollment.Status.COMPLETED, now)
            completed.append(enrollment)
            obsolete += [message.pk] if message else []
            continue
        due = due_at(way.since, text.delay, text.at, enrollment.subscriber.zone)
        if message is None:
            created.append(first_or_next_message(enrollment, text, due))
        else:
            message.reschedule(text, due)
            changed.append(message)
    Message.objects.bulk_create(created)
    Message.objects.write(changed, ["text", "status", "due_at", "lease", "lease_until", "error_code", "reason"])
    Message.objects.filter(pk__in=obsolete).delete()
    Enrollment.objects.write(completed, ["status", "ended_at", "reason"])


def first_or_next_message(enrollment: Enrollment, text: StoryText, due: datetime) -> Message:
    return Message(
        direction=Message.Direction.OUTBOUND,
        status=Message.Status.SCHEDULED,
        subscriber_id=enrollment.subscriber_id,
        number=enrollment.number,
        enrollment=enrollment,
        text=text,
        step=enrollment.step + 1,
        due_at=due,
    )


def follow_story(story_id: int, now: datetime, after: int = 0) -> int | None:
    """Have readers who wait for a text of this story follow its texts as they now stand.

    One call takes a batch of enrollments, those after the id `after`; it returns the `after` of the next call, or
    None when everybody has followed.
    """
    with transaction.atomic():
        waiting = Enrollment.objects.filter(story=story_id, status=Enrollment.Status.ACTIVE, pk__gt=after)
        batch = list(waiting.select_related("subscriber").locked()[:FOLLOW_BATCH])
        schedule(batch, now)
    return batch[-1].pk if len(batch) == FOLLOW_BATCH else None


def send_next_now(enrollments: Iterable[int], now: datetime) -> int:
    """Make the next text of these enrollments due at `now`; return for how many there was one.

    One that failed is tried again, unless its reader has begun the story anew or opted out. Those that are
    paused, stopped or completed are left alone.
    """
    begun_anew = Enrollment.objects.live().filter(subscriber=OuterRef("subscriber"), story=OuterRef("story"))
    may_go_on = Q(status=Enrollment.Status.ACTIVE) | (
        Q(status=Enrollment.Status.FAILED, subscriber__opted_out_at=None) & ~Exists(begun_anew)
    )
    with transaction.atomic():
        # A reader's STOP at this moment comes before or after, but not in between.
        list(Subscriber.objects.filter(enrollments__in=list(enrollments)).locked())
        found = list(
            Enrollment.objects.filter(may_go_on, pk__in=list(enrollments)).select_related("subscriber").locked()
        )
        failed = [enrollment for enrollment in found if enrollment.status == Enrollment.Status.FAILED]
        for enrollment in failed:
            enrollment.resume()
        Enrollment.objects.write(failed, ["status", "ended_at", "reason"])
        schedule(failed, now)
        return Message.objects.filter(enrollment__in=found, status=Message.Status.SCHEDULED, step__isnull=False).update(
            due_at=now
        )
