from datetime import time, timedelta

import pytest
from django.core.exceptions import ValidationError

from stories.forms import AnswerTimeField, ChoicesField, TextForm, WaitField
from stories.turns import Choice, Turn
from stories.waits import Wait


def test_what_is_typed_is_cleaned_to_a_wait():
    field = WaitField(required=False)
    assert field.clean(" next day at 8:00 ") == Wait(days=1, at=time(8))
    assert field.clean(None) == field.clean("") == Wait()


def test_what_is_not_understood_is_refused_with_a_sentence():
    with pytest.raises(ValidationError, match="without a minus"):
        WaitField().clean("-1 hour")


def test_a_wait_is_shown_in_words_and_what_was_refused_as_it_was_typed():
    field = WaitField()
    assert field.prepare_value(Wait(delay=timedelta(minutes=90))) == "1 hour and 30 minutes"
    assert field.prepare_value("soon") == "soon"


def test_an_unchanged_wait_counts_as_unchanged_however_it_is_typed():
    field = WaitField(required=False)
    assert not field.has_changed(Wait(), "")
    assert not field.has_changed(Wait(delay=timedelta(hours=2)), "120 min")
    assert not field.has_changed(Wait(days=1, at=time(20)), "tomorrow at 8 pm")
    assert field.has_changed(Wait(delay=timedelta(hours=2)), "3 hours")
    assert field.has_changed(Wait(at=time(8)), "next day at 8:00")
    assert field.has_changed(Wait(), "soon")


def test_answers_and_their_time_are_cleaned_shown_in_words_and_compared_as_what_they_mean():
    choices, time_field = ChoicesField(required=False, initial=()), AnswerTimeField(required=False)
    assert choices.clean("A, board -> ship\r\nstay") == (Choice(("A", "board"), "ship"), Choice(("stay",)))
    assert choices.prepare_value((Choice(("A",), "ship"), Choice(("B",)))) == "A -> ship\nB"
    assert not choices.has_changed((Choice(("A",)),), " A ->  next ")
    assert choices.has_changed((Choice(("A",)),), "A -> ship")
    assert (time_field.clean("after 2 days"), time_field.clean("")) == (timedelta(days=2), None)
    assert time_field.prepare_value(timedelta(days=2)) == "2 days"
    assert not time_field.has_changed(timedelta(days=2), "48 hours")
    with pytest.raises(ValidationError, match="no length of time"):
        time_field.clean("next day at 8:00")


@pytest.mark.django_db
def test_nobody_is_told_of_what_is_wrong_with_a_question_that_is_none_any_more():
    wrong = {"body": "Words", "choices": "-> ship", "keeps": "my name", "answer_within": "soon", "leads_to": "ship!"}
    assert set(TextForm({"follows": "answer", **wrong}).errors) == {"choices", "keeps", "answer_within"}
    assert set(TextForm({"follows": "lead", **wrong}).errors) == {"leads_to"}
    form = TextForm({"follows": "next", **wrong})
    assert form.errors == {}
    assert form.instance.turn == Turn()


@pytest.mark.django_db
def test_hints_and_reminders_are_one_line_and_names_are_compared_in_small_letters():
    form = TextForm(
        {"follows": "answer", "choices": "A\nB", "hint": "A,\r\nor B? ", "label": " The  Pier", "keeps": "Way"}
    )
    assert form.is_valid()
    assert (form.instance.hint, form.instance.label, form.instance.keeps) == ("A, or B?", "the pier", "way")
