"""What strangers learn of who reads, and what the newsroom's own people learn whose work it is not: nothing."""

import re

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from stories.models import Story
from stories.tests.factory import make_story
from subscribers import erasing
from subscribers.models import StoppedNumber, Subscriber
from subscribers.tests.desk import make_remark
from subscribers.tests.factory import make_enrollment, make_subscriber

pytestmark = [pytest.mark.django_db, pytest.mark.once]

READER = "+14155550101"
NOBODYS = "+14155550199"
NOW = timezone.now()
PUBLIC = ["/s/the-river/", "/s/the-river/card.png", "/s/none/", "/kept/", "/healthz", "/readyz", "/admin/login/"]
# What has a page at the desk for each reader, message or passage, by the number of its row.
OF_READERS = [
    "subscriber/{}/change/",
    "subscriber/{}/history/",
    "subscriber/{}/live/",
    "subscriber/{}/delete/",
    "enrollment/{}/change/",
    "message/{}/change/",
    "remark/{}/change/",
    "export/{}/file/",
]


@pytest.fixture
def story():
    return make_story(title="The River", slug="the-river", keyword="river")


def answers(client: Client, parameters: str = "") -> list[tuple]:
    """Return what each public page says, but for the token that is another at each log-in page."""
    got = [client.get(path + parameters) for path in PUBLIC]
    return [(each.status_code, len(each.content), each.get("ETag")) for each in got]


def test_public_pages_are_the_same_whoever_reads(client, story):
    before = answers(client)
    make_remark(make_enrollment(make_subscriber(READER), story, sent=1), "I am here")
    assert answers(client) == before


@pytest.mark.parametrize("parameters", ["?number={}", "?phone_number={}&q={}", "?subscriber=1&enrollment=1"])
def test_no_public_page_can_be_asked_for_a_number(client, story, parameters):
    make_enrollment(make_subscriber(READER), story)
    asked = [answers(client, parameters.replace("{}", number[1:])) for number in (READER, NOBODYS)]
    statuses_and_tags = [[(status, tag) for status, _, tag in each] for each in asked]
    assert statuses_and_tags[0] == statuses_and_tags[1]
    assert READER[1:] not in "".join(client.get(path).content.decode(errors="replace") for path in PUBLIC)


@pytest.mark.parametrize("role", ["", "Journalists", "Operators"])
def test_who_may_not_see_readers_does_not_learn_which_there_are(client, story, role):
    """As each, a page of a reader that is there is answered as one that is not."""
    if role:
        user = User.objects.create_user("jo", is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client.force_login(user)
    make_remark(make_enrollment(make_subscriber(READER), story, sent=1))
    there = Subscriber.objects.get().pk
    for page in OF_READERS:
        real, none = (client.get("/admin/subscribers/" + page.format(pk)) for pk in (there, there + 1000))
        assert real.status_code == none.status_code != 200, page
        assert real.content == none.content, page


@pytest.mark.parametrize("of_reader", [{"opted_out_at": NOW}, {"forgotten_at": NOW}, {}])
def test_the_page_of_ones_own_phone_answers_the_same_for_every_number(client, story, of_reader):
    """Who writes may enter any number there; for a reader's, also one that has left, it says what it does for nobody's.

    However often it is asked, and beyond what it allows.
    """
    make_enrollment(make_subscriber(READER, **of_reader), story, sent=1)
    of_reader, of_nobody = (asked_for_codes(client, story, number) for number in (READER, NOBODYS))
    assert "Wait a while" in of_reader[-1]
    assert of_reader == of_nobody


def test_the_page_of_ones_own_phone_says_nothing_of_a_number_that_left_and_was_erased(client, story):
    StoppedNumber.objects.create(digest=erasing.digest(READER), created_at=NOW)
    of_reader, of_nobody = (asked_for_codes(client, story, number) for number in (READER, NOBODYS))
    assert of_reader == of_nobody


def asked_for_codes(client: Client, story: Story, number: str) -> list[str]:
    """Return what a journalist is told who asks for more codes than one may, without the number and who that is."""
    user = User.objects.create_user(f"writer{number[-3:]}", is_staff=True)
    user.groups.add(Group.objects.get(name="Journalists"))
    story.authors.add(user)
    client.force_login(user)
    page = reverse("rehearse", args=[story.pk])
    said = [client.post(page, {"do": "phone", "number": number}, follow=True) for _ in range(6)]
    assert [each.status_code for each in said] == [200] * 6
    own = [user.username, number, Subscriber(phone_number=number).phone_number.as_international]
    changing = "|".join([r'value="\w{64}"', *map(re.escape, own)])
    return [re.sub(changing, "", each.text) for each in said]


def test_a_webhook_that_is_not_signed_answers_the_same_for_every_number(client, story):
    make_enrollment(make_subscriber(READER), story)
    answered = [client.post("/twilio/inbound/", {"From": number, "Body": "WHERE"}) for number in (READER, NOBODYS)]
    assert answered[0].content == answered[1].content
