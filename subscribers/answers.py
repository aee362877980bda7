"""What a reader's text means to a story that waits for an answer."""

import logging
from datetime import datetime, timedelta

from django.conf import settings

from stories.answers import kept_words, match
from stories.models import StoryText
from stories.placeholders import filled
from stories.places import TIME_ZONE, zone_of_place
from stories.turns import Choice

from .models import Message, Question
from .questions import HINTS_MAX, kept_by, open_question, question_under_way, unsent
from .scheduling import schedule, set_time_zone

logger = logging.getLogger(__name__)

HOUR = timedelta(hours=1)


def hear(subscriber: int, number: str, body: str, now: datetime, means_more: bool = False) -> bool:
    """Take a text as the answer to what our `number`, which was texted, asked last; return whether it was one.

    Call it in the transaction that locked the subscriber. What fits no answer gets the question's hint, at most
    twice; one that `means_more`, such as a story's keyword, is left to that.

    1. Without an open question, or when what comes without an answer is on its way already, it is no answer. A reader
       may be faster than the record of the text that asks.
    2. An answer is kept, and what it leads to is scheduled, its wait counted from now; the reminder is off. One that
       says where the reader is sets the time zone.
    3. Anything else is helped.
    4. One text's answers are taken ANSWERS_PER_HOUR times within an hour at most: in a story that leads back to it, two
       machines could answer each other for ever. It goes on waiting; the next answer after that hour is taken.
    """
    question = open_question(subscriber, number) or question_under_way(subscriber, number)
    text = question and StoryText.objects.filter(pk=question.text_id).first()
    if not text or not text.asks or is_too_late(question):
        return False
    if is_answered_too_often(question, now):
        logger.warning("answer.ignored enrollment=%s text=%s", question.enrollment_id, text.pk)
        return not means_more
    choice = match(text.choices, body)
    if choice:
        take(question, text, choice, body, now)
    elif question.pk and not means_more:
        help_along(question, text, now)
    return bool(choice) or not means_more


def is_too_late(question: Question) -> bool:
    """Tell whether the text that comes without an answer is at the carrier, or about to be."""
    following = Message.objects.filter(enrollment=question.enrollment_id, step=question.step + 1)
    return any(message.begun_at or message.sent_at for message in following.locked())


def is_answered_too_often(question: Question, now: datetime) -> bool:
    """Tell whether this reader has answered the same text so often that both may be machines."""
    same = Question.objects.filter(enrollment=question.enrollment_id, text=question.text_id)
    return same.filter(answered_at__gt=now - HOUR).count() >= settings.ANSWERS_PER_HOUR


def take(question: Question, text: StoryText, choice: Choice, body: str, now: datetime) -> None:
    words = kept_words(body) if choice.takes_anything else choice.name
    question.answer(choice.name, text.keeps, words, now)
    question.save()
    if question.reminder_id:
        Message.objects.filter(pk=question.reminder_id).cancel()
    # It stood for the answer that was not given.
    Message.objects.filter(enrollment=question.enrollment_id, step=question.step + 1).delete()
    zone = zone_of_place(words) if text.keeps == TIME_ZONE else ""
    if zone:
        set_time_zone(question.enrollment.subscriber_id, zone, now)
    else:
        schedule([question.enrollment], now)
    logger.info("question.answered id=%s enrollment=%s step=%s", question.pk, question.enrollment_id, question.step)


def help_along(question: Question, text: StoryText, now: datetime) -> None:
    if question.hints < HINTS_MAX and text.hint:
        question.hints += 1
        question.save(update_fields=["hints"])
        kept = kept_by([question.enrollment_id]).get(question.enrollment_id, {})
        unsent(question.enrollment, filled(text.hint, kept), now).save()
