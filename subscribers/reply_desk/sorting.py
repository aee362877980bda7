"""Which of the texts that came in are for people to read, and what provoked each.

It is found out afterwards, so that the webhook that takes a text in has nothing to do with it: whatever a text did was
written down with the very moment at which it came.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from stories.answers import match
from stories.keywords import HELP_WORDS, STOP_WORDS, command_words, normalize
from stories.models import Story, StoryText
from textengine.database import read, retried_at_once, run_sql

from ..meaning import Keyword, misspelt
from ..models import Message, Question, Remark
from ..wording import Kind

BATCH = 500
# What the system says to somebody who wrote something that is no command.
TO_REMARKS = [Kind.UNKNOWN, Kind.ALL_READ, Kind.WELCOME, Kind.IN_LINE]
# Who may be somebody who agrees to what a person has asked.
AGREEING = "YES"
OPENING_AGAIN = frozenset({"START", "UNSTOP"})

# What came in and was not looked at; what its reader had been sent last by a story; which question it answered; whether
# the system took it for a command; whether it was a stop; whether a person had written to this reader.
UNSORTED = """
SELECT m.id, m.subscriber_id, m.body, m.created_at, m.reason, (
    SELECT p.id FROM subscribers_message p
    WHERE p.subscriber_id = m.subscriber_id AND p.step IS NOT NULL AND COALESCE(p.sent_at, p.begun_at) <= m.created_at
    ORDER BY COALESCE(p.sent_at, p.begun_at) DESC, p.id DESC LIMIT 1
), (
    SELECT q.id FROM subscribers_question q JOIN subscribers_enrollment e ON e.id = q.enrollment_id
    WHERE e.subscriber_id = m.subscriber_id AND q.answered_at = m.created_at LIMIT 1
), EXISTS (
    SELECT 1 FROM subscribers_message s
    WHERE s.subscriber_id = m.subscriber_id AND s.created_at = m.created_at AND NOT (s.automatic = '')
        AND s.automatic NOT IN %(to_remarks)s
), EXISTS (
    SELECT 1 FROM subscribers_subscriber r WHERE r.id = m.subscriber_id AND r.opted_out_at = m.created_at
), EXISTS (
    SELECT 1 FROM subscribers_replyto t WHERE t.subscriber_id = m.subscriber_id AND t.created_at < m.created_at
)
FROM subscribers_message m
WHERE m.direction = 'inbound' AND m.sorted_at IS NULL ORDER BY m.id LIMIT %(limit)s{lock}
"""


@dataclass(frozen=True, slots=True)
class Inbound:
    """A text that came in; `provoked_by` and `question` are ids, None where there is none."""

    message: int
    subscriber: int | None
    body: str
    came_at: datetime
    reason: str
    provoked_by: int | None
    question: int | None
    is_command: bool
    is_stop: bool
    is_in_conversation: bool


def sort(now: datetime) -> bool:
    """Look at what came in since the last time, a batch of it; return whether there may be more."""
    # On SQLite even looking into a transaction takes the lock by which writers take turns.
    waiting = run_sql("SELECT 1 FROM subscribers_message WHERE direction = 'inbound' AND sorted_at IS NULL LIMIT 1")
    return bool(waiting) and sort_batch(now) == BATCH


@retried_at_once
def sort_batch(now: datetime) -> int:
    """Sort a batch; return how many were looked at."""
    found = unsorted()
    Remark.objects.bulk_create(remarks_among(found), ignore_conflicts=True)
    Message.objects.filter(pk__in=[text.message for text in found]).update(sorted_at=now)
    return len(found)


def unsorted() -> list[Inbound]:
    """Return a batch of what nobody else is looking at."""
    lock = " FOR NO KEY UPDATE OF m SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    rows = run_sql(UNSORTED.format(lock=lock), to_remarks=[str(kind) for kind in TO_REMARKS], limit=BATCH)
    return [
        Inbound(pk, subscriber, body, read(Message, "created_at", came_at), reason, *ids, *map(bool, facts))
        for pk, subscriber, body, came_at, reason, *rest in rows
        for ids, facts in [(rest[:2], rest[2:])]
    ]


def remarks_among(found: list[Inbound]) -> list[Remark]:
    provoking = Message.objects.select_related("enrollment").in_bulk({text.provoked_by for text in found} - {None})
    questions = questions_answered(found)
    keywords = {
        keyword: Keyword(pk) for keyword, pk in Story.objects.exclude(keyword=None).values_list("keyword", "pk")
    }
    remarks = []
    for text in found:
        provoked_by, question = provoking.get(text.provoked_by), questions.get(text.question)
        asked_by = question.enrollment if question else provoked_by and provoked_by.enrollment
        if not asked_by or asked_by.is_rehearsal or not is_to_be_read(text, question, keywords):
            continue
        remarks.append(remark_of(text, provoked_by, question))
    return remarks


def questions_answered(found: list[Inbound]) -> dict[int, Question]:
    """Return the questions that these texts answered, each with the text that was `asking`, if it is still there."""
    questions = Question.objects.select_related("enrollment").in_bulk({text.question for text in found} - {None})
    texts = StoryText.objects.in_bulk({question.text_id for question in questions.values()})
    for question in questions.values():
        question.asking = texts.get(question.text_id)
    return questions


def is_to_be_read(text: Inbound, question: Question | None, keywords: dict[str, Keyword]) -> bool:
    """Tell whether a person has something to read here.

    1. Not from where we cannot text, no stop, and nothing without words or pictures.
    2. An answer, unless it is only the word of a choice: those are counted, and not read.
    3. Else what is no command and no keyword, misspelt or not. "Yes" is what the carrier takes for a START, but it is
       said to people, too.
    """
    word = normalize(text.body)
    if text.reason or text.is_stop:
        return False
    if question:
        return not is_bare_choice(question.asking, text.body, word)
    if word == AGREEING:
        return text.is_in_conversation
    if text.is_command or word in STOP_WORDS | HELP_WORDS | OPENING_AGAIN | command_words().keys():
        return False
    return word not in keywords and not misspelt(word, keywords)


def is_bare_choice(asking: StoryText | None, body: str, word: str) -> bool:
    choice = match(asking.choices, body) if asking else None
    return bool(choice) and not choice.takes_anything and word in map(normalize, choice.words)


def remark_of(text: Inbound, provoked_by: Message | None, question: Question | None) -> Remark:
    asking = question.asking if question else None
    same = provoked_by and (not question or provoked_by.enrollment_id == question.enrollment_id)
    return Remark(
        message_id=text.message,
        subscriber_id=text.subscriber,
        story_id=question.enrollment.story_id if question else provoked_by.enrollment.story_id,
        text_id=asking.pk if asking else None if question else provoked_by.text_id,
        provoked_by=provoked_by if same else None,
        came_at=text.came_at,
    )
