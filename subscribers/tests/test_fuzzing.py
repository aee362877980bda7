"""What a carrier may send, and what none does: whatever meets the webhooks is answered, never with an error of ours."""

from collections import Counter
from functools import partial
from urllib.parse import quote_plus, urlencode

import pytest
import requests
from django.conf import settings
from django.http import QueryDict
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as some
from twilio.request_validator import RequestValidator

from stories.keywords import RESERVED_WORDS
from stories.models import Story
from stories.tests.factory import make_pier, make_story
from subscribers.models import Message
from textengine.tests.readers import explained
from textengine.tests.sizes import is_many, size

from .factory import OUR_NUMBER, make_enrollment
from .webhooks import INBOUND, STATUS

FORM = "application/x-www-form-urlencoded"
# The answers that a carrier understands: done, not a form, not signed.
ANSWERS = {200, 204, 400, 403}
READERS = [f"+1212555{number:04}" for number in range(6)]
SIDS = [f"SM{number:032x}" for number in range(40)]
STATUSES = ["accepted", "queued", "sending", "sent", "delivered", "undelivered", "failed", "read", "receiving", "X"]
ERROR_CODES = ["", "0", "30003", "30005", "30007", "21610", "21606", "30002", "20003", "99999", "2147483648", "-1", "٣"]

# A form's words are bytes: lone surrogates cannot be written in them.
words = some.text(some.characters(exclude_categories=["Cs"]), max_size=200)
bodies = (
    some.sampled_from(["ferry", "pier", "A", "b", "Yes", *sorted(RESERVED_WORDS)]) | words | some.text("Aa Stop.\0\n")
)
inbound = some.fixed_dictionaries(
    {"MessageSid": some.sampled_from(SIDS) | words, "From": some.sampled_from(READERS) | words},
    optional={
        "To": some.sampled_from([OUR_NUMBER, "12345"]) | words,
        "Body": bodies,
        "NumMedia": some.integers(-3, 30).map(str) | words,
        "MediaUrl0": some.just("https://api.twilio.com/media/0") | words,
        "MediaUrl1": words,
        "OptOutType": some.sampled_from(["STOP", "START", "HELP"]) | words,
    },
)
callbacks = some.fixed_dictionaries(
    {"MessageSid": some.sampled_from(SIDS) | words, "MessageStatus": some.sampled_from(STATUSES) | words},
    optional={"ErrorCode": some.sampled_from(ERROR_CODES) | words, "To": words},
)
extra = some.dictionaries(words, words, max_size=3)
queries = (
    some.just("")
    | some.integers(-2, 60).map(lambda pk: f"?message={pk}")
    | words.map(lambda text: f"?{quote_plus(text)}")
)


tries = partial(
    examples,
    deadline=None,
    database=None,
    # Few are the same in each run; many are others in each, and a failure prints what to try again.
    derandomize=not is_many(),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
some_tries = tries(max_examples=size(100, 20_000))


types = some.sampled_from(
    [FORM, f"{FORM}; charset=latin-1", "multipart/form-data; boundary=x", "application/json", "text/plain", ""]
)
pieces = some.sampled_from(
    [b"MessageSid=SM", b"0" * 32, b"&", b"=", b"%", b"%00", b"%ff", b"From=%2B12125550001", b"Body=", b"--x", b"\r\n"]
)
contents = some.binary(max_size=300) | some.lists(pieces | some.binary(max_size=4), max_size=30).map(b"".join)


@pytest.fixture
def readers(db):
    """Readers in the middle of stories, whose texts have the SIDs that are tried, and stories to begin."""
    make_story([("Once. Reply STOP to end.", 0), ("The end.", 0)], keyword="ferry")
    pier = make_pier()
    Story.objects.filter(pk=pier.pk).update(keyword="PIER")
    for reader in range(4):
        make_enrollment(story=pier, sent=1 + reader % 2)
    for sid, message in zip(SIDS, Message.objects.exclude(sid=None), strict=False):
        Message.objects.filter(pk=message.pk).update(sid=sid)


def signature(path: str, body: bytes, base: str) -> str:
    """Return what the carrier would sign the form with that is read from these bytes."""
    # Bytes that are no form have no signature: any one lets them come as far as being read.
    fields = QueryDict(body, encoding="utf-8") if body.isascii() else {}
    return RequestValidator(settings.TWILIO_AUTH_TOKEN).compute_signature(base + path, fields)


def post(path: str, body: bytes, content_type: str = FORM) -> int:
    """Post these bytes, and return the status of the answer."""
    client = Client(raise_request_exception=False)
    headers = {"X-Twilio-Signature": signature(path, body, settings.PUBLIC_URL)}
    return client.generic("POST", path, body, content_type, headers=headers).status_code


@pytest.mark.grows
@some_tries
@given(inbound, extra)
def test_whatever_a_text_says_it_is_answered(readers, parameters, more):
    assert post(INBOUND, urlencode(more | parameters).encode()) in ANSWERS


@pytest.mark.grows
@some_tries
@given(callbacks, extra, queries)
def test_whatever_a_callback_says_it_is_answered(readers, parameters, more, query):
    assert post(STATUS + query, urlencode(more | parameters).encode()) in ANSWERS


@pytest.mark.grows
@some_tries
@given(some.sampled_from([INBOUND, STATUS]), contents, types)
def test_whatever_bytes_come_they_are_answered(readers, path, body, content_type):
    assert post(path, body, content_type) in ANSWERS


@pytest.mark.slow
def test_whatever_meets_the_web_process_while_texts_are_sent_is_answered(processes, readers):
    """The same through the real server, beside the worker that acts on it."""
    session, answers = requests.Session(), Counter()

    def meet(path: str, body: bytes, content_type: str = FORM) -> None:
        headers = {"X-Twilio-Signature": signature(path, body, processes.url), "Content-Type": content_type}
        answers[session.post(processes.url + path, body, headers=headers, timeout=30).status_code] += 1

    @tries(max_examples=5_000)
    @given(inbound, callbacks, extra, queries, some.sampled_from([INBOUND, STATUS]), contents, types)
    def meet_all(text, callback, more, query, path, body, content_type):
        meet(INBOUND, urlencode(more | text).encode())
        meet(STATUS + query, urlencode(more | callback).encode())
        meet(path, body, content_type)

    with explained(processes, lambda: str(answers)):
        meet_all()
        assert set(answers) <= ANSWERS
        assert processes.stop("worker") == 0
        assert "Traceback" not in processes.logged()
