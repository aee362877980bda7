"""Questions that a story puts to its readers: asking them, and what a reader's text means as an answer.

What an answer leads to is a message as any other; which one it is, turns.Way says, and scheduling writes it.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from stories.models import StoryText
from stories.placeholders import filled
from stories.turns import Follows
from textengine.database import write_rows

from .models import Enrollment, Message, Question

# How often a reader is helped whose answer fits nothing. Two machines that text each other fall silent then.
HINTS_MAX = 2
# In a rehearsal, whoever answers has to read what is asked.
LEAST_PATIENCE = timedelta(seconds=30)

Asked = tuple[Enrollment, StoryText, datetime]  # who was asked, by which text, and when


def questions_of(
    enrollments: Collection[Enrollment], texts: dict[int, list[StoryText]]
) -> dict[tuple[int, int], Question]:
    """Return the last question that each of these enrollments was asked, by the enrollment's id and the step.

    `texts` are those of their stories, by the story's id: where none asks, nothing is looked for.
    """
    asking = {story for story, of_story in texts.items() if any(text.asks for text in of_story)}
    steps = {enrollment.pk: enrollment.step for enrollment in enrollments if enrollment.story_id in asking}
    if not steps:
        return {}
    found = Question.objects.filter(enrollment__in=steps).select_related("reminder").order_by("step")
    return {(row.enrollment_id, row.step): row for row in found if row.step == steps[row.enrollment_id]}


def ask(asked: Collection[Asked], questions: dict[tuple[int, int], Question]) -> None:
    """Keep that these readers were asked, and schedule, or put right, what reminds them."""
    if not asked:
        return
    rows = [questions.get((enrollment.pk, enrollment.step)) or asked_now(enrollment, *by) for enrollment, *by in asked]
    kept = kept_by({enrollment.pk for enrollment, text, _ in asked if "{" in text.reminder})
    created, changed = [], []
    for question, (enrollment, text, _) in zip(rows, asked, strict=True):
        words = filled(text.reminder if text.answer_within else "", kept.get(enrollment.pk, {}))
        if question.reminder:
            changed += [question.reminder] if put_right(question, words, enrollment, text) else []
        elif words:
            created.append((question, unsent(enrollment, words, question.asked_at + patience(enrollment, text))))
    Message.objects.bulk_create([reminder for _, reminder in created])
    for question, reminder in created:
        question.reminder = reminder
    write_rows([question for question, _ in created if question.pk], ["reminder"])
    Question.objects.bulk_create([question for question in rows if not question.pk])
    write_rows(changed, ["status", "lease", "lease_until", "body", "due_at"])


def patience(enrollment: Enrollment, text: StoryText) -> timedelta:
    """Return how long the answer to this text is waited for; in a compressed rehearsal that is shortened, too."""
    within = text.answer_within
    return min(within, max(within * enrollment.pace, LEAST_PATIENCE)) if enrollment.is_compressed else within


def asked_now(enrollment: Enrollment, text: StoryText, asked_at: datetime) -> Question:
    return Question(enrollment=enrollment, step=enrollment.step, text_id=text.pk, asked_at=asked_at)


def put_right(question: Question, words: str, enrollment: Enrollment, text: StoryText) -> bool:
    """Let a reminder that has not gone out say these words in time, or nothing; return whether it could."""
    reminder = question.reminder
    if reminder.begun_at or reminder.sent_at:
        return False
    reminder.lease = reminder.lease_until = None
    if not words:
        reminder.status = Message.Status.CANCELED
        return True
    if reminder.status != Message.Status.HELD:
        reminder.status = Message.Status.SCHEDULED
    reminder.body, reminder.due_at = words, question.asked_at + patience(enrollment, text)
    return True


def unsent(enrollment: Enrollment, words: str, due_at: datetime) -> Message:
    """Return a message of words that are no text of the story: they do not move its reader on."""
    return Message(
        direction=Message.Direction.OUTBOUND,
        status=Message.Status.SCHEDULED,
        subscriber_id=enrollment.subscriber_id,
        number=enrollment.number,
        enrollment=enrollment,
        story_id=enrollment.story_id,
        body=words,
        due_at=due_at,
        at_any_hour=enrollment.is_rehearsal,
    )


def kept_by(enrollments: Collection[int]) -> dict[int, dict[str, str]]:
    """Return what these passages' readers said, by the enrollment and the name; under one name, what was said last."""
    kept: dict[int, dict[str, str]] = {}
    rows = Question.objects.kept().filter(enrollment__in=enrollments).values_list("enrollment", "keeps", "words")
    for enrollment, name, words in rows:
        kept.setdefault(enrollment, {})[name] = words
    return kept


def open_question(subscriber: int, number: str) -> Question | None:
    """Return the question that this reader was asked last by our `number`, if it still waits.

    Its enrollment is locked then. One without a number hears from the configured one, and is asked by any.
    """
    asked = Question.objects.waiting().filter(enrollment__subscriber=subscriber, enrollment__number__in=["", number])
    waiting = asked.order_by("-asked_at", "-pk")
    enrollment = waiting.values_list("enrollment", flat=True).first()
    if enrollment is None or not Enrollment.objects.filter(pk=enrollment).locked():
        return None
    # While the lock was waited for, the default may have been taken.
    return waiting.filter(enrollment=enrollment).select_related("enrollment", "reminder").first()


def question_under_way(subscriber: int, number: str) -> Question | None:
    """Return the question of a text that may be on this reader's phone, though we do not know yet that it was sent.

    It is not saved; its enrollment is locked. Once the answer is there, it waits for the text to be recorded.
    """
    under_way = Message.objects.story_texts().filter(
        subscriber=subscriber,
        status=Message.Status.SENDING,
        begun_at__isnull=False,
        text__follows=Follows.ANSWER,
        enrollment__status__in=Enrollment.LIVE,
        enrollment__number__in=["", number],
    )
    found = under_way.order_by("-begun_at").values_list("enrollment", flat=True).first()
    if found is None:
        return None
    enrollment = Enrollment.objects.locked().get(pk=found)
    message = under_way.filter(enrollment=found, step=enrollment.step + 1).first()
    if message is None:
        return open_question(subscriber, number)
    asked = {"enrollment": enrollment, "step": message.step}
    if Question.objects.filter(**asked).exists():
        return None
    return Question(**asked, text_id=message.text_id, asked_at=message.begun_at)
