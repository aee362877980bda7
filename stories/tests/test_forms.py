from datetime import time, timedelta

import pytest
from django.core.exceptions import ValidationError

from stories.forms import WaitField
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
