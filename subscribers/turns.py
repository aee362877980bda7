"""What comes next on a reader's way through a story, and when; or that an answer is waited for."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F, QuerySet

from stories.history import earlier_lives
from stories.models import StoryText
from stories.placeholders import KEPT, filled
from stories.turns import Choice, Follows, choice_named

from .models import Enrollment, Message, Placement, Question
from .questions import kept_by, patience


@dataclass(frozen=True, slots=True)
class Turn:
    """The text that comes next, its wait counted from `since`; without a text, the end.

    At a question that is still open, the text is the one that comes without an answer, if any does.
    """

    text: StoryText | None
    since: datetime
    at_question: bool = False
    asked_by: StoryText | None = None
    asked_at: datetime | None = None
    leads_back: bool = False  # to a text before the last one, without an answer in between


@dataclass(frozen=True, slots=True)
class Skip:
    """A text that a reader was led past, when that was, and when it would have come."""

    at: datetime
    moment: datetime


@dataclass(slots=True)
class Way:
    """What a reader has had of a story, in order, and the moment from which the next text's delay counts.

    On a straight way, whose story kept its order, all before the last text was had or came too late: only the last
    one is known. Where an editor put the reader at another text, `had` begins there, and `placement` says what does not
    come any more.
    """

    since: datetime
    had: list[int | None] = field(default_factory=list)
    straight: bool = True
    placement: Placement | None = None
    is_placed: bool = True  # whether the reader had the text of the placement, if there is one
    skipped: dict[int, Skip] = field(default_factory=dict)

    def following(
        self, texts: list[StoryText], enrolled_at: datetime, last: StoryText | None = None
    ) -> StoryText | None:
        """Return the first of these texts (in the story's order) that is still to come; None at the end.

        It comes behind `last` or, without one, behind what the reader had last.

        No text comes twice, however the story is rearranged. A text that was there when the reader began is not
        lost by being moved; one that was written later counts only behind the reader's place. Where texts lead to
        others by name, what was not had may be another's way, and loops repeat what was: there, the next in the
        order comes next.
        """
        positions = {text.pk: text.position for text in texts}
        if last is None and not self.is_placed:
            return self.after_placement(texts, positions)
        place = last.position if last else next((positions[pk] for pk in reversed(self.had) if pk in positions), 0)
        by_name = leads_by_name(texts)
        passed = self.placement.passed if self.placement else ()
        for text in texts:
            if text.pk in passed and not by_name:
                continue
            moved = not self.straight and text.created_at <= enrolled_at
            if text.position > place if by_name else text.pk not in self.had and (text.position > place or moved):
                return text
        return None

    def counts(self, step: int) -> bool:
        """Whether what was had as this step is had: what came before a placement may come again."""
        return self.placement is None or not self.is_placed or step >= self.placement.step

    def is_over(self, skipped_at: datetime) -> bool:
        """Whether a text that was skipped then may come: an editor has put the reader elsewhere since."""
        return self.placement is not None and skipped_at <= self.placement.placed_at

    def after_placement(self, texts: list[StoryText], positions: dict[int, int]) -> StoryText | None:
        """Return the text at which the reader was put or, where that was deleted meanwhile, the one after it."""
        passed = self.placement.passed
        place = max((positions[pk] for pk in passed if pk in positions), default=0)
        return next((text for text in texts if text.position > place and text.pk not in passed), None)

    def last(self, texts: list[StoryText]) -> StoryText | None:
        """Return the text that the reader had last, as long as the story has it."""
        return next((text for text in texts if self.had and text.pk == self.had[-1]), None)

    def turn(
        self, texts: list[StoryText], enrollment: Enrollment, standing: Message | None, question: Question | None
    ) -> Turn:
        """Return what comes next for a reader of these texts.

        1. A question that the reader was asked waits for its answer, as long as its text asks.
        2. A text that is scheduled already, in the message `standing`, comes next, however the story was changed.
        3. Else the text that was had last says: it asks now, leads to a text, ends the story, or the next one follows.
        """
        last = self.last(texts) if self.is_placed else None
        asks = bool(last and last.asks)
        if question and asks and question.answered_at is None:
            return self.unanswered(last, texts, enrollment, question.asked_at)
        since = question.answered_at if question and question.answered_at else self.since
        scheduled = next((text for text in texts if standing and text.pk == standing.text_id), None)
        stands = scheduled and not self.skips(scheduled, since, texts)
        if stands and not (question and question.answered_at is None):
            return Turn(scheduled, self.counted_from(since))
        if asks and question is None:
            return self.unanswered(last, texts, enrollment, since)
        choice = choice_named(last.choices, question.choice) if asks else None
        text = self.onward(last, choice, texts, enrollment.created_at, since)
        return Turn(text, self.counted_from(since), leads_back=not asks and stands_before(text, last))

    def unanswered(self, last: StoryText, texts: list[StoryText], enrollment: Enrollment, asked_at: datetime) -> Turn:
        """Return what comes after this text if its reader says nothing."""
        choice = last.turn.default
        since = asked_at + patience(enrollment, last) if choice else asked_at
        text = self.onward(last, choice, texts, enrollment.created_at, since) if choice else None
        return Turn(text, self.counted_from(since), True, last, asked_at, stands_before(text, last))

    def skips(self, text: StoryText, since: datetime, texts: list[StoryText]) -> bool:
        """Tell whether the reader was led past this text; where texts come again, only since the last one was had."""
        skip = self.skipped.get(text.pk)
        return bool(skip) and (skip.at > since or not leads_by_name(texts))

    def counted_from(self, since: datetime) -> datetime:
        """Return from when the next wait counts: where texts were skipped since then, the moment of the last one."""
        return max((skip.moment for skip in self.skipped.values() if skip.at > since), default=since)

    def onward(
        self,
        last: StoryText | None,
        choice: Choice | None,
        texts: list[StoryText],
        enrolled_at: datetime,
        since: datetime,
    ) -> StoryText | None:
        """Return the text that follows `last`, past those that are skipped: as if nobody had answered them."""
        text, passed = self.leads(last, choice, texts, enrolled_at), set()
        while text and text.pk not in passed and self.skips(text, since, texts):
            passed.add(text.pk)
            text = self.leads(text, text.turn.default, texts, enrolled_at)
        return None if text and text.pk in passed else text

    def leads(
        self, last: StoryText | None, choice: Choice | None, texts: list[StoryText], enrolled_at: datetime
    ) -> StoryText | None:
        """Return the text that `last` leads to, by this answer if it asks; a name that no text has leads to the next.

        Whatever the reader had last is gone: then to the next, too.
        """
        if last and last.follows == Follows.END:
            return None
        name = choice.leads_to if choice else last.leads_to if last and last.follows == Follows.LEAD else ""
        named = next((text for text in texts if name and text.label == name), None)
        return named or self.following(texts, enrolled_at, last)


def leads_by_name(texts: list[StoryText]) -> bool:
    return any(text.leads_away for text in texts)


def stands_before(text: StoryText | None, last: StoryText | None) -> bool:
    return bool(text and last and text.position <= last.position)


def ways_of(enrollments: list[Enrollment]) -> dict[int, Way]:
    """Return each enrollment's way so far, by the enrollment's id.

    All of it is read only where the story changed its order meanwhile, or lost the text that the reader had last.
    """
    ways = {enrollment.pk: Way(enrollment.created_at) for enrollment in enrollments}
    sent = Message.objects.story_texts().filter(enrollment__in=ways).exclude(sent_at=None)
    last = sent.filter(step=F("enrollment__step")).values_list(
        "enrollment", "text", "sent_at", "enrollment__created_at", "enrollment__story__reordered_at"
    )
    for enrollment, text, sent_at, enrolled_at, reordered_at in last:
        straight = text is not None and (reordered_at is None or reordered_at < enrolled_at)
        ways[enrollment] = Way(sent_at, [text] if straight else [], straight)
    steps = {enrollment.pk: enrollment.step for enrollment in enrollments}
    for placement in Placement.objects.filter(enrollment__in=ways):
        way = ways[placement.enrollment_id]
        way.placement, way.is_placed = placement, placement.step <= steps[placement.enrollment_id]
    skips = Message.objects.skipped().filter(enrollment__in=ways)
    for enrollment, text, at, moment in skips.values_list("enrollment", "text", "created_at", "due_at"):
        if not ways[enrollment].is_over(at):
            ways[enrollment].skipped[text] = Skip(at, moment)
    winding = [pk for pk, way in ways.items() if not way.straight]
    if winding:
        sent = sent.filter(enrollment__in=winding)
        had = list(sent.order_by("step").values_list("enrollment", "step", "text"))
        again = put_back_texts(enrollments, sent) if any(text is None for *_, text in had) else {}
        for pk, step, text in had:
            if ways[pk].counts(step):
                ways[pk].had += again.get((pk, step), [text])
    return ways


def put_back_texts(enrollments: list[Enrollment], sent: QuerySet) -> dict[tuple[int, int], list[int]]:
    """Return which texts that were deleted and put back these readers had, by the enrollment's id and the step.

    A message whose text was deleted only knows its words; they are those that the text had then. Of several texts
    with these words it is one, the oldest that the reader has not had by another message.
    """
    lives, asking = defaultdict(list), defaultdict(list)
    for row in earlier_lives({enrollment.story_id for enrollment in enrollments}):
        lives[row.story_id, row.body or row.history_object.picture_url].append(row)
        asking[row.story_id] += [row] if KEPT.search(row.body) else []
    kept = kept_by([enrollment.pk for enrollment in enrollments]) if any(asking.values()) else {}
    stories = {enrollment.pk: enrollment.story_id for enrollment in enrollments}
    had, found = defaultdict(set), {}
    orphans = sent.filter(text=None).order_by("step").only("enrollment", "step", "body", "media_urls", "sent_at")
    for message in orphans if lives else []:
        reader, words = message.enrollment_id, message.body or "".join(message.media_urls)
        filled_in = [row for row in asking[stories[reader]] if filled(row.body, kept.get(reader, {})) == words]
        rows = lives[stories[reader], words] + filled_in
        then = [row for row in rows if row.history_date <= message.sent_at < row.put_back_at]
        if texts := {row.id for row in then} - had[reader]:
            found[reader, message.step] = [min(texts)]
            had[reader].add(min(texts))
    return found
