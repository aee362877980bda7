"""Nothing is left of a reader who is erased, in whichever model it stood: a new one has to be filled here first."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from stories.tests.factory import asking, make_branching_story, make_story
from stories.turns import Turn
from subscribers import correcting, steering, writing
from subscribers.models import Access, Consent, Correction, OwnPhone, Reply, Subscriber, Tag

from .desk import make_remark
from .factory import make_enrollment, make_message, make_subscriber
from .traces import erase_all, pointers_at_readers, rows_of_readers, traces
from .webhooks import READER, text

pytestmark = pytest.mark.django_db

# Stands in all that the reader wrote, and in all that was written to or about this one reader.
WORD = "heron"


@pytest.fixture
def reader(client, sandbox) -> Subscriber:
    """A reader of whom there is something in every place that has something of readers."""
    now, user = timezone.now(), User.objects.create_superuser("root")
    client.force_login(user)
    reader = make_subscriber(READER, heard_at=now)
    question = asking("A, yes", answer_within=timedelta(hours=1), reminder="Well?")
    make_enrollment(reader, make_branching_story(("", "Ready?", question), ("", "End", Turn())), sent=1)
    enrollment = make_enrollment(reader, make_story([(name, 3600) for name in ("One", "Two", "Three")]), sent=1)
    first, *_, last = enrollment.story.texts.order_by("position")
    steering.place(enrollment.pk, last.pk, now)
    make_message(enrollment, sent_at=now, again=enrollment.messages.get(step=1))
    now = timezone.now()
    correction = correcting.start(first, "", "It was Tuesday.", now, user, now)
    while correcting.write_batch(correction.pk, now):
        pass
    Consent.objects.create(subscriber=reader, how=f"wrote “{WORD}” on a form", given_on="2026-11-01", taken_by="Ada")
    own = OwnPhone.objects.create(user=user, subscriber=reader)
    own.take_code("123456", make_message(enrollment), now)
    own.save()
    work_at_the_desk(client, make_remark(enrollment, f"I saw the {WORD}"))
    client.post(of_reader(reader, "reply"), {"body": f"A {WORD}?", "known": writing.last_answer(reader.pk)})
    client.post(of_reader(reader, "number"))
    client.get(of_reader(reader, "change"))
    return reader


def work_at_the_desk(client, remark) -> None:
    prefix = f"a{remark.pk}"
    for fields in (
        {"do": "open"},
        {"do": "tag", "tag": Tag.objects.first().pk},
        {"do": "note", "note": f"Which {WORD}?"},
        {"do": "quote", "quoting": "granted", "how": f"On the phone: “My {WORD}, yes”"},
        {"do": "answer", f"{prefix}-body": f"Which {WORD}?", f"{prefix}-key": uuid4()},
    ):
        assert client.post(reverse("admin:subscribers_remark_do", args=[remark.pk]), fields).status_code == 302


def of_reader(reader: Subscriber, name: str) -> str:
    return reverse(f"admin:subscribers_subscriber_{name}", args=[reader.pk])


def assert_all_is_filled() -> None:
    empty = [model.__name__ for model in rows_of_readers() if not model._base_manager.exists()]
    assert empty == []
    unset = [
        f"{model.__name__}.{name}"
        for model, name in pointers_at_readers()
        if not model._base_manager.exclude(**{name: None}).exists()
    ]
    assert unset == []
    assert LogEntry.objects.filter(change_message__contains=WORD).exists()


def assert_nothing_is_left() -> None:
    left = {model.__name__: model._base_manager.count() for model in rows_of_readers()}
    assert {name: count for name, count in left.items() if count} == {}
    for model, name in pointers_at_readers():
        assert not model._base_manager.exclude(**{name: None}).exists(), f"{model.__name__}.{name}"
    assert traces(READER) == []
    assert traces(WORD) == []


def test_a_reader_who_texts_forget_leaves_nothing(reader):
    assert_all_is_filled()
    text("forget")
    erase_all()
    assert_nothing_is_left()


def test_a_reader_who_is_erased_by_hand_leaves_nothing(client, reader):
    assert_all_is_filled()
    client.post(of_reader(reader, "delete"), {"post": "yes"})
    assert_nothing_is_left()
    # What the newsroom did stays on record.
    assert set(Access.objects.values_list("who", "what")) == {("root", what) for what in ("page", "number", "erasure")}
    assert LogEntry.objects.filter(user__username="root").count() > 2
    assert Correction.objects.get().written == 1


def test_who_texts_again_before_all_is_gone_brings_back_nothing_of_the_newsrooms(reader):
    text("forget")
    text("hello")
    erase_all()
    assert Subscriber.objects.exists()
    assert traces(WORD) == []
    assert not Reply.objects.exists()
    assert not Access.objects.exclude(subscriber=None).exists()
