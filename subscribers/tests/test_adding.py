"""Adding readers who consented elsewhere."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers import adding, consent, erasing
from subscribers.adding import Outcome
from subscribers.models import Access, Consent, Enrollment, Message, StoppedNumber, Subscriber, SystemText

from .factory import make_enrollment, make_subscriber

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:subscribers_subscriber_adding")
ANNA, BEN = "+14155550123", "+14155550188"


@pytest.fixture
def story():
    return make_story([("One", 3600), ("Two", 60)], title="The River")


def form(story, source: str = "", **fields) -> dict:
    consented = {"how": "form at the fair", "given_on": "2026-01-02", "taken_by": "Ada"}
    return {"source": source, "region": "US", "story": story.pk} | consented | fields


def outcomes(source: str, story, region: str = "US") -> list[Outcome]:
    return [line.outcome for line in adding.plan(source, region, story, timezone.localdate()).lines]


def added(client, story, source: str, **fields):
    """Look at what a list would do, and have it done."""
    fields = form(story, source, **fields)
    seen = client.post(PAGE, fields).context["plan"].seen
    return client.post(PAGE, fields | {"seen": seen, "save": "Add"}, follow=True)


@pytest.mark.parametrize(
    ("line", "region", "number"),
    [
        (ANNA, None, ANNA),
        ("(415) 555-0123", "US", ANNA),
        ("415 555 0123", "US", ANNA),
        ("01512 3456789", "DE", "+4915123456789"),
        ("+49 1512 3456789", "US", "+4915123456789"),
        ("'+14155550123", "DE", ANNA),
        ('"+14155550123","Anna"', "DE", ANNA),
        ("+14155550123;2026-01-05", "DE", ANNA),
    ],
)
def test_numbers_are_read_as_people_write_them(story, line, region, number):
    [found] = adding.plan(line, region, story, timezone.localdate()).lines
    assert (found.number, found.outcome) == (number, Outcome.NEW)


def test_a_number_that_lost_its_plus_is_not_taken_for_another(story):
    [clear, lost] = adding.plan("0151 23456780\n4915123456780", "DE", story, timezone.localdate()).lines
    assert (clear.number, clear.outcome) == ("+4915123456780", Outcome.NEW)
    assert lost.outcome == Outcome.TWO_NUMBERS


def test_whoever_does_not_write_the_country_is_counted_once_and_only_where_it_begins(story):
    source = "14155550172\n415 555 0172\n+14155550173\n415 555 0174, 2999-01-01"
    found = adding.plan(source, "US", story, timezone.localdate())
    assert [line.is_assumed for line in found.lines] == [True, True, False, True]
    assert [line.number for line in found.assumed] == ["+14155550172"]


def test_a_list_says_what_it_would_do_line_by_line(story, settings):
    settings.ALLOWED_COUNTRIES = frozenset(["US"])
    had = make_enrollment(make_subscriber("+14155550131"), story, sent=2)
    reading = make_enrollment(make_subscriber("+14155550132"), story)
    elsewhere = make_enrollment(make_subscriber("+14155550133"))
    make_subscriber("+14155550134", opted_out_at=timezone.now())
    make_subscriber("+14155550135", forgotten_at=timezone.now())
    StoppedNumber.objects.create(digest=erasing.digest("+14155550136"))
    lines = {
        "Number, Date": None,
        ANNA: Outcome.NEW,
        "": None,
        "415 555 0123": Outcome.REPEATED,
        str(had.subscriber.phone_number): Outcome.HAD,
        str(reading.subscriber.phone_number): Outcome.READING,
        str(elsewhere.subscriber.phone_number): Outcome.KNOWN,
        "+14155550134": Outcome.OPTED_OUT,
        "+14155550135": Outcome.FORGOTTEN,
        "+14155550136": Outcome.OPTED_OUT,
        "+4915123456789": Outcome.NOT_ALLOWED,
        "+15005550006": Outcome.OURS,
        "Anna": Outcome.NO_NUMBER,
        "+1415": Outcome.NO_NUMBER,
        f"{BEN}, 2026-13-01": Outcome.NO_DATE,
        f"{BEN}, 2999-01-01": Outcome.NO_DATE,
        f"{BEN}, 11/30/2025": Outcome.NO_DATE,
        f"{BEN}, 30.11.2025 15:04": Outcome.NO_DATE,
        f"{BEN}, 2026-01-01": Outcome.NEW,
    }
    found = adding.plan("\n".join(lines), "US", story, timezone.localdate())
    assert [line.outcome for line in found.lines] == [outcome for outcome in lines.values() if outcome]
    assert [line.place for line in found.lines][:3] == [2, 4, 5]


def test_a_date_is_no_number_though_its_digits_are_one(story):
    lines = ["2025-11-25", "2025/11/25 3:04:11 PM", "25.11.2025", "0208 2025", "0208/2025"]
    found = adding.plan("\n".join(lines), "DE", story, timezone.localdate())
    assert [line.number for line in found.lines] == ["", "", "", "+492082025", "+492082025"]


def test_our_own_number_is_refused(story, settings):
    settings.TWILIO_NUMBER = ANNA
    assert outcomes(ANNA, story) == [Outcome.OURS]


def test_readers_are_added_with_their_consent_and_begin_the_story(chief, story):
    SystemText.objects.create(kind="welcome", body="Welcome.")
    now = timezone.now()
    page = added(chief, story, f"{ANNA}\n{BEN}, 2026-01-05\nAnna\n").content.decode()
    assert "2 readers begin “The River”." in page
    assert set(Enrollment.objects.values_list("subscriber__phone_number", "story__title", "status")) == {
        (ANNA, "The River", "active"),
        (BEN, "The River", "active"),
    }
    for message in Message.objects.filter(step=1):
        assert timedelta(minutes=59) < message.due_at - now < timedelta(minutes=62)
        assert message.number == "+15005550006"
    assert Message.objects.filter(automatic="welcome").count() == 2
    consents = Consent.objects.order_by("subscriber__phone_number")
    assert [(row.how, row.given_on, row.taken_by, row.recorded_by.username) for row in consents] == [
        ("form at the fair", date(2026, 1, 2), "Ada", "chief"),
        ("form at the fair", date(2026, 1, 5), "Ada", "chief"),
    ]
    assert Access.objects.get(what="import").about == "2 readers begin “The River”"
    anna = reverse("admin:subscribers_subscriber_change", args=[Subscriber.objects.get(phone_number=ANNA).pk])
    assert "2 Jan 2026: form at the fair (taken by Ada)" in chief.get(anna).content.decode()


def test_how_each_number_was_read_is_seen_before_anything_is_saved(chief, story):
    page = chief.post(PAGE, form(story, "01512 3456789\n+14155550123\nnobody 1", region="DE")).text
    assert "<td>+4915123456789, DE <span" in page
    assert "<td>+14155550123, US</td>" in page
    assert "<td>nobody 1</td><td>–</td>" in page
    assert "<b>1 number</b> without a country is read as one of DE." in page
    assert "without a country" not in chief.post(PAGE, form(story, ANNA, region="DE")).text


def test_the_number_that_was_read_is_masked_for_who_may_not_see_numbers(client, story):
    user = User.objects.create_user("adder", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="add_subscriber"))
    story.authors.add(user)
    client.force_login(user)
    page = client.post(PAGE, form(story, "01512 3456789", region="DE")).text
    assert "<td>+49 … 89, DE <span" in page
    assert "+4915123456789" not in page


def test_nothing_is_saved_before_it_was_seen(chief, story):
    page = chief.post(PAGE, form(story, ANNA))
    assert "Nothing is saved yet." in page.content.decode()
    for seen in ("", "somebody else's"):
        chief.post(PAGE, form(story, ANNA, seen=seen, save="Add"))
    seen = page.context["plan"].seen
    make_subscriber(ANNA, opted_out_at=timezone.now())
    page = chief.post(PAGE, form(story, ANNA, seen=seen, save="Add")).content.decode()
    assert "Something has changed since you looked." in page
    assert not Enrollment.objects.exists()


def test_a_second_time_changes_nothing(chief, story):
    added(chief, story, ANNA)
    page = chief.post(PAGE, form(story, ANNA)).content.decode()
    assert "Reads this story already" in page
    assert 'name="save"' not in page
    line = adding.Line(1, ANNA, ANNA, None, Outcome.NEW)
    agreement = adding.Agreement("x", date(2026, 1, 1), "Ada", User.objects.get())
    assert adding.add([line], story, agreement, timezone.now()) == 0
    assert Consent.objects.count() == Enrollment.objects.count() == 1


def test_who_stops_after_the_preview_is_not_added(story):
    subscriber = make_subscriber(ANNA)
    found = adding.plan(ANNA, "US", story, timezone.localdate())
    consent.opt_out(subscriber, timezone.now(), "the reader texted STOP")
    user = User.objects.create_user("jo")
    agreement = adding.Agreement("x", date(2026, 1, 1), "Ada", user)
    assert adding.add(found.beginning, story, agreement, timezone.now()) == 0
    assert not Consent.objects.exists()
    assert not Message.objects.exists()


def test_a_number_that_was_erased_after_a_stop_is_not_added(story):
    line = adding.Line(1, ANNA, ANNA, None, Outcome.NEW)
    StoppedNumber.objects.create(digest=erasing.digest(ANNA))
    agreement = adding.Agreement("x", date(2026, 1, 1), "Ada", User.objects.create_user("jo"))
    assert adding.add([line], story, agreement, timezone.now()) == 0
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("how", "", "Say how they consented"),
        ("given_on", "", "Say on which day they consented."),
        ("given_on", "2999-01-01", "This day is yet to come."),
        ("taken_by", "", "Say who took their consent."),
        ("story", "", "Choose the story that they begin."),
        ("source", " \n", "Write numbers here"),
        ("source", "1\n" * 2001, "These are 2,001 lines."),
    ],
)
def test_what_is_lacking_is_said(chief, story, field, value, sentence):
    page = chief.post(PAGE, form(story, ANNA) | {field: value}).content.decode()
    assert sentence in page
    assert not Subscriber.objects.exists()


def test_a_draft_cannot_begin(chief):
    page = chief.post(PAGE, form(make_story(status="draft"), ANNA)).content.decode()
    assert "Select a valid choice" in page


def test_a_file_is_taken_as_if_it_had_been_pasted(chief, story):
    file = SimpleUploadedFile("readers.csv", "\ufeffnumber;name\n+14155550123;\n".encode())
    page = chief.post(PAGE, form(story) | {"file": file})
    assert [line.number for line in page.context["plan"].lines] == [ANNA]
    binary = SimpleUploadedFile("readers.xlsx", b"PK\xff\xfe")
    assert "This file is no text." in chief.post(PAGE, form(story) | {"file": binary}).content.decode()


def test_an_exported_number_is_a_number_to_import(story):
    assert outcomes(f"number\n'{ANNA}", story) == [Outcome.NEW]


def test_readers_are_erased_with_their_consent(chief, story):
    added(chief, story, ANNA)
    erasing.erase_by_hand(Subscriber.objects.all(), timezone.now() + timedelta(days=2))
    assert not Consent.objects.exists()


@pytest.mark.parametrize("group", ["Editors", "Journalists", "Operators"])
def test_only_desk_chiefs_add_readers(client, story, group):
    user = User.objects.create_user("jo", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client.force_login(user)
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, form(story, ANNA)).status_code == 403
