from datetime import time, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from stories.models import StoryText
from stories.waits import Wait

from .factory import make_story

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "wait",
    [
        Wait(),
        Wait(delay=timedelta(hours=2)),
        Wait(at=time(8)),
        Wait(delay=timedelta(hours=2), at=time(8)),
        Wait(days=1, at=time(0)),
        Wait(days=3650, at=time(8)),
    ],
)
def test_a_text_keeps_its_wait(wait):
    text = StoryText(story=make_story(texts=[]), position=1, body="Hello.", wait=wait)
    text.full_clean()
    text.save()
    assert StoryText.objects.get().wait == wait


@pytest.mark.parametrize(
    "wait",
    [
        Wait(days=1),
        Wait(days=0, at=time(8)),
        Wait(days=1, at=time(8), delay=timedelta(hours=2)),
    ],
)
def test_days_lead_to_a_time_from_1_up_and_without_a_delay(wait):
    text = StoryText(story=make_story(texts=[]), position=1, body="Hello.", wait=wait)
    with pytest.raises(ValidationError, match="Days are counted to a time of day"):
        text.full_clean()
    with pytest.raises(IntegrityError, match="days_lead_to_a_time"), transaction.atomic():
        text.save()
