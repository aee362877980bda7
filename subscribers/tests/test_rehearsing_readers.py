"""What those who rehearse text us: it means what it means from a reader, and their rehearsals are no reading."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from stories.readers import still_reading
from stories.tests.factory import make_story
from subscribers import erasing, own_phones, rehearsals
from subscribers.models import Enrollment, Message, OwnPhone, StoppedNumber, Subscriber, SystemText

from .answers import answers, kinds
from .engine import work
from .factory import make_enrollment, make_subscriber
from .webhooks import READER, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def story():
    return make_story(title="The river", keyword="river", texts=[("One", 0), ("Two", 3600)])


@pytest.fixture
def user():
    return User.objects.create_user("jo", is_staff=True)


@pytest.fixture
def phone(user):
    """The confirmed phone of somebody who writes, as it is after its code came."""
    own_phones.ask_code(user, READER, timezone.now())
    OwnPhone.objects.update(confirmed_at=timezone.now())
    return Subscriber.objects.get()


@pytest.fixture
def rehearsal(sandbox, phone, story):
    """A rehearsal whose first text was sent."""
    return rehearse(story, phone)


def rehearse(story, phone) -> Enrollment:
    rehearsals.start(story, phone, None, timezone.now())
    work()
    return Enrollment.objects.rehearsals().latest("pk")


def readings() -> dict[str, str]:
    """Return how it stands with what is read, by the stories' titles."""
    return dict(Enrollment.objects.readers().values_list("story__title", "status"))


def test_stop_ends_a_rehearsal_and_start_does_not_bring_it_back(rehearsal, sandbox):
    text("Stop.")
    rehearsal.refresh_from_db()
    assert (rehearsal.status, rehearsal.reason) == ("stopped", "the reader texted STOP")
    text("start")
    had = len(sandbox.received(READER))
    work(timezone.now() + timedelta(days=1))
    rehearsal.refresh_from_db()
    assert rehearsal.status == "stopped"
    assert "Two" not in sandbox.received(READER)[had:]


def test_a_code_that_waits_is_withdrawn_by_stop(phone):
    text("STOP")
    assert Message.objects.get(direction="outbound").status == "canceled"


def test_what_the_system_says_and_a_code_both_go_out(phone, sandbox, settings):
    settings.CARRIER_ANSWERS = ()
    had = len(sandbox.received(READER))
    text("help")
    work()
    code, helped = sandbox.received(READER)[had:]
    assert (code[:12], helped) == ("Your code is", answers()[0][1])
    own_phones.ask_code(User.objects.get(), READER, timezone.now())
    text("stop")
    work()
    assert sandbox.received(READER)[had + 2 :] == [answers()[1][1]]
    assert kinds() == ["help", "stopped"]


def test_codes_are_not_counted_among_the_answers_of_an_hour(phone, settings):
    settings.ANSWERS_PER_HOUR = 1
    text("where")
    assert kinds() == ["nothing"]


def test_forget_erases_rehearsals_and_the_phone_of_the_account(rehearsal, user):
    text("forget")
    assert not Enrollment.objects.exists()
    own = OwnPhone.objects.get(user=user)
    assert (own.subscriber, own.confirmed_at, own.code, own.code_message) == (None, None, "", None)
    # How often it asked is remembered.
    assert own.codes_count == 1
    work()
    erasing.erase(timezone.now())
    assert not Subscriber.objects.exists()


def test_a_phone_that_is_being_erased_gets_neither_a_code_nor_a_rehearsal(rehearsal, phone, user, story):
    text("forget")
    had = Message.objects.count()
    own_phones.ask_code(user, READER, timezone.now())
    assert Message.objects.count() == had
    with pytest.raises(rehearsals.Forgotten):
        rehearsals.start(story, phone, None, timezone.now())
    work()
    erasing.erase(timezone.now())
    with pytest.raises(rehearsals.Forgotten):
        rehearsals.start(story, phone, None, timezone.now())
    own_phones.ask_code(user, READER, timezone.now())
    assert OwnPhone.objects.get().subscriber == Subscriber.objects.get()


def test_a_number_that_had_opted_out_before_it_was_erased_gets_no_code(sandbox, user):
    text("stop")
    text("forget")
    work()
    erasing.erase(timezone.now())
    assert (Subscriber.objects.count(), StoppedNumber.objects.count()) == (0, 1)
    own_phones.ask_code(user, READER, timezone.now())
    assert not Message.objects.filter(direction="outbound", automatic="").exists()
    own_phones.remove(user, timezone.now())
    assert (Subscriber.objects.count(), StoppedNumber.objects.count()) == (0, 1)


def test_the_page_says_that_the_phone_is_gone_where_it_was_forgotten_meanwhile(admin_client, admin_user, rehearsal):
    OwnPhone.objects.create(user=admin_user, subscriber=rehearsal.subscriber, confirmed_at=timezone.now())
    Subscriber.objects.update(forgotten_at=timezone.now())
    page = reverse("rehearse", args=[rehearsal.story_id])
    answer = admin_client.post(page, {"do": "start", "speed": "true"}, follow=True)
    assert "First enter your phone" in answer.content.decode()


def test_the_keyword_begins_the_story_beside_its_rehearsal(rehearsal):
    text("river")
    assert readings() == {"The river": "active"}
    rehearsal.refresh_from_db()
    assert rehearsal.status == "active"
    assert kinds() == []
    text("river")
    assert kinds() == ["where"]


def test_a_misspelt_keyword_and_no_keyword_begin_what_is_only_rehearsed(rehearsal, phone):
    text("rivre")
    assert readings() == {"The river": "active"}
    Enrollment.objects.readers().delete()
    text("Hello")
    assert readings() == {"The river": "active"}


def test_a_remark_in_a_reading_stays_a_remark_beside_a_rehearsal(rehearsal, phone, story):
    other = make_story(title="The forest", keyword="forest")
    rehearse(other, phone)
    text("river")
    text("I love this")
    assert readings() == {"The river": "active"}
    text("forets")
    assert readings() == {"The river": "active", "The forest": "active"}


def test_who_only_rehearsed_is_welcomed_as_new(rehearsal):
    SystemText.objects.create(kind="welcome", body="Welcome!")
    text("river")
    assert answers() == [("welcome", "Welcome!")]


@pytest.mark.parametrize("command", ["where", "pause", "resume", "again"])
def test_commands_know_nothing_of_rehearsals(rehearsal, command):
    text(command)
    assert kinds() == ["nothing"]
    rehearsal.refresh_from_db()
    assert rehearsal.status == "active"
    assert rehearsal.messages.get(step=2).status == "scheduled"


def test_commands_mean_the_reading_and_not_the_rehearsal_beside_it(rehearsal, phone):
    forest = make_story(title="The forest", keyword="forest", texts=[("Oak", 0), ("Ash", 3600)])
    make_enrollment(phone, forest, sent=1)
    Message.objects.filter(step=1, enrollment=rehearsal).update(sent_at=timezone.now() + timedelta(seconds=5))
    text("again")
    text("where")
    text("pause")
    again, where, paused = (words for _, words in answers())
    assert again == "Oak"
    assert where.startswith("The forest: 1 of 2 texts.")
    assert "river" not in where
    assert paused == "The forest waits for you. Reply RESUME to go on."
    rehearsal.refresh_from_db()
    assert rehearsal.status == "active"
    rehearsals.stop(Enrollment.objects.all(), timezone.now())
    text("resume")
    assert answers()[-1] == ("resumed", "The forest goes on.")
    assert readings() == {"The forest": "active"}


def test_what_is_rehearsed_is_still_offered_and_speaks_no_language(rehearsal, story):
    SystemText.objects.create(kind="nothing", body="Try {offers}")
    SystemText.objects.create(kind="nothing", language="de", body="Nichts")
    type(story).objects.update(language="de")
    text("where")
    assert answers() == [("nothing", "Try RIVER (The river)")]


def test_rehearsals_take_no_place_of_the_stories_at_once(rehearsal, settings):
    settings.MAX_STORIES_AT_ONCE = 1
    make_story(title="The forest", keyword="forest")
    text("river")
    assert readings() == {"The river": "active"}
    text("forest")
    assert readings() == {"The river": "active", "The forest": "waiting"}
    # What ends or begins beside them changes nothing.
    rehearsals.stop(Enrollment.objects.all(), timezone.now())
    assert readings() == {"The river": "active", "The forest": "waiting"}
    text("stop")
    text("start")
    assert sorted(readings().values()) == ["active", "waiting"]


def test_a_rehearsal_never_waits_in_line(phone, story, settings):
    settings.MAX_STORIES_AT_ONCE = 1
    text("Hello")
    rehearsals.start(story, phone, None, timezone.now())
    assert Enrollment.objects.rehearsals().get().status == "active"


def test_nothing_follows_the_end_of_a_rehearsal(sandbox, phone, settings):
    settings.MAX_STORIES_AT_ONCE = 1
    short = make_story(keyword="short", texts=[("One", 0)], closing="Goodbye.")
    assert rehearse(short, phone).status == "completed"
    assert not [row for row in OrmQ.objects.all() if row.task["func"] == "subscribers.tasks.follow_end"]
    assert not Message.objects.filter(automatic="closing").exists()


def test_a_reading_that_waits_is_counted_among_readers_and_a_rehearsal_is_not(rehearsal, story):
    Enrollment.objects.create(subscriber=make_subscriber(), story=story, status="waiting")
    assert still_reading(story).startswith("1 reader is still reading")
