"""What strangers learn of who reads, and what the newsroom's own people learn whose work it is not: nothing."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from stories.tests.factory import make_story
from subscribers.models import Subscriber
from subscribers.tests.desk import make_remark
from subscribers.tests.factory import make_enrollment, make_subscriber

pytestmark = pytest.mark.django_db

READER = "+14155550101"
NOBODYS = "+14155550199"
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


def test_a_webhook_that_is_not_signed_answers_the_same_for_every_number(client, story):
    make_enrollment(make_subscriber(READER), story)
    answered = [client.post("/twilio/inbound/", {"From": number, "Body": "WHERE"}) for number in (READER, NOBODYS)]
    assert answered[0].content == answered[1].content
