"""Who sees whole numbers, and what is on record of who looked."""

import re
from importlib import import_module
from urllib.parse import urljoin

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from subscribers.models import Access, Enrollment, Message, Subscriber

from .desk import make_remark
from .factory import make_enrollment, make_inbound, make_message, make_subscriber

pytestmark = [pytest.mark.django_db, pytest.mark.screens]

WHOLE = "+12125550142"
LISTS = [f"admin:subscribers_{model}_changelist" for model in ("subscriber", "enrollment", "message")]


def log_in(client, group: str) -> User:
    user = User.objects.create_user(group.lower().replace(" ", "-"), is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client.force_login(user)
    return user


@pytest.fixture
def chief(client):
    log_in(client, "Desk chiefs")
    return client


@pytest.fixture
def editor(client):
    log_in(client, "Editors")
    return client


def page_of(obj, name: str = "change") -> str:
    return reverse(f"admin:subscribers_{obj._meta.model_name}_{name}", args=[obj.pk])


def numbers_in(html: str) -> set[str]:
    """Return the readers' numbers that can be read from a page, however their digits are set apart."""
    digits = re.sub(r"[\s().–-]+", "", re.sub(r"&nbsp;|&#160;", " ", html))
    return {each.phone_number.as_e164 for each in Subscriber.objects.all() if str(each.phone_number)[2:] in digits}


def test_no_page_shows_an_editor_a_whole_number(editor):
    """Walk from the newsroom's first page to all that is linked, and look at each."""
    for number in (WHOLE, "+4915112345678", "+447911123456"):
        enrollment = make_enrollment(make_subscriber(number), sent=1)
        make_inbound(enrollment.subscriber)
        make_message(enrollment, error_code=30003, status="undelivered")
        make_remark(enrollment)
        user = User.objects.get()
        for thing in (enrollment, enrollment.subscriber):
            LogEntry.objects.log_actions(user.pk, [thing], CHANGE, "Changed.", single_object=True)
    seen, waiting = set(), {reverse("admin:index"), *(f"{reverse(name)}?q=0142" for name in LISTS)}
    while waiting:
        address = waiting.pop()
        seen.add(address)
        response = editor.get(address)
        if "html" in response.get("Content-Type", ""):
            html = response.content.decode()
            assert numbers_in(html) == set(), address
            links = {urljoin(address, link) for link in re.findall(r'(?:href|action)="([^"#?]+)"', html)}
            waiting |= {link for link in links if link.startswith("/admin/") and "logout" not in link} - seen
    subscriber = Subscriber.objects.get(phone_number=WHOLE)
    enrollment, remark = subscriber.enrollments.get(), subscriber.remarks.first()
    assert {page_of(subscriber), page_of(subscriber, "history"), page_of(enrollment), page_of(remark)} <= seen
    assert reverse("admin:subscribers_subscriber_place", args=[subscriber.pk, enrollment.pk]) in seen


@pytest.mark.parametrize("words", ["0142", WHOLE, "212-555-0142", "(212) 555 0142", " 12125550142 "])
@pytest.mark.parametrize("name", LISTS)
def test_a_reader_is_found_by_the_whole_number_or_its_end_and_shown_masked(editor, name, words):
    make_enrollment(make_subscriber(WHOLE))
    make_enrollment(make_subscriber("+12125550199"))
    html = editor.get(reverse(name), {"q": words}).content.decode()
    assert "+1 … 42" in html
    assert "+1 … 99" not in html


@pytest.mark.parametrize("words", ["555", "+1212", "2125550", "50142", "+1 2125550", "1212 story"])
@pytest.mark.parametrize("name", LISTS)
def test_no_other_part_of_a_number_finds_a_reader(editor, name, words):
    make_enrollment(make_subscriber(WHOLE))
    assert "+1 … 42" not in editor.get(reverse(name), {"q": words}).content.decode()


@pytest.mark.parametrize(
    ("name", "lookup"),
    [
        (LISTS[0], "phone_number__startswith"),
        (LISTS[1], "subscriber__phone_number__startswith"),
        (LISTS[2], "subscriber__phone_number__startswith"),
        (LISTS[2], "enrollment__subscriber__phone_number__gt"),
        (LISTS[2], "sender__regex"),
    ],
)
def test_an_address_asks_nothing_of_numbers_and_by_no_pattern(editor, name, lookup):
    make_enrollment(make_subscriber(WHOLE))
    assert editor.get(reverse(name), {lookup: "+1212"}).status_code == 400


def test_a_desk_chief_has_a_number_shown_and_that_is_on_record(chief):
    subscriber = make_subscriber(WHOLE)
    page = chief.get(page_of(subscriber)).content.decode()
    assert "Show the whole number" in page
    assert numbers_in(page) == set()
    page = chief.post(page_of(subscriber, "number"), follow=True).content.decode()
    assert "Whole number: <b>+1 212-555-0142</b>" in page
    assert list(Access.objects.values_list("who", "what", "subscriber").order_by("pk")) == [
        ("desk-chiefs", "page", subscriber.pk),
        ("desk-chiefs", "number", subscriber.pk),
        ("desk-chiefs", "page", subscriber.pk),
    ]
    assert numbers_in(chief.get(page_of(make_subscriber())).content.decode()) == set()


def test_a_number_is_shown_for_a_while(chief):
    subscriber = make_subscriber(WHOLE)
    chief.post(page_of(subscriber, "number"))
    session = chief.session
    session["numbers_shown"] = {str(subscriber.pk): timezone.now().timestamp() - 1}
    session.save()
    assert numbers_in(chief.get(page_of(subscriber)).content.decode()) == set()


def test_who_may_see_numbers_no_more_sees_none_at_once(chief):
    subscriber = make_subscriber(WHOLE)
    chief.post(page_of(subscriber, "number"))
    User.objects.get().groups.set([Group.objects.get(name="Editors")])
    assert numbers_in(chief.get(page_of(subscriber)).content.decode()) == set()


def test_an_editor_has_no_number_shown(editor):
    subscriber = make_subscriber(WHOLE)
    assert "Show the whole number" not in editor.get(page_of(subscriber)).content.decode()
    assert editor.post(page_of(subscriber, "number")).status_code == 403
    assert not Access.objects.filter(what="number").exists()


def test_a_click_that_shows_a_number_is_a_post_on_a_reader_who_is_there(chief):
    subscriber = make_subscriber(WHOLE)
    assert chief.get(page_of(subscriber, "number")).status_code == 405
    assert chief.post(reverse("admin:subscribers_subscriber_number", args=[subscriber.pk + 1])).status_code == 404


def test_who_opens_a_page_of_a_reader_is_on_record(editor):
    enrollment = make_enrollment(sent=1)
    message = Message.objects.exclude(sent_at=None).get()
    for thing in (enrollment, enrollment.subscriber, message):
        editor.get(page_of(thing))
        editor.get(page_of(thing, "history"))
    assert set(Access.objects.values_list("who", "what", "subscriber")) == {
        ("editors", "page", enrollment.subscriber_id)
    }
    assert Access.objects.count() == 6
    assert "+1 …" in Access.objects.first().about


def test_who_has_a_page_of_a_reader_shown_by_posting_is_on_record(chief):
    """A form that is refused comes back with the page; a history is shown whatever is sent to it."""
    remark, chiefs = make_remark(), [("desk-chiefs", "page")]
    reader, passage = remark.subscriber, remark.subscriber.enrollments.get()
    asks = reverse("admin:subscribers_subscriber_place", args=[reader.pk, passage.pk])
    for count, (address, values) in enumerate(
        [
            (page_of(reader), {"time_zone": "Nowhere/Bad"}),
            (page_of(reader, "history"), {}),
            (page_of(passage, "history"), {}),
            (page_of(remark), {}),
            (asks, {"text": "none"}),
        ],
        start=1,
    ):
        assert chief.post(address, values).status_code == 200
        assert list(Access.objects.values_list("who", "what").filter(subscriber=reader.pk)) == chiefs * count, address


def test_who_has_one_text_shown_by_a_button_is_on_record(chief):
    remark = make_remark()
    press = reverse("admin:subscribers_remark_do", args=[remark.pk])
    for _ in range(2):
        assert remark.message.body in chief.post(press, {"do": "unread"}, headers={"X-Fragment": "1"}).text
    assert list(Access.objects.values_list("what", "subscriber")) == [("page", remark.subscriber_id)]


def test_who_is_led_on_from_a_page_had_nothing_shown(chief):
    reader = make_subscriber()
    assert chief.post(page_of(reader), {"time_zone": "Europe/Berlin"}).status_code == 302
    assert not Access.objects.exists()


@pytest.mark.parametrize("name", ["place", "again"])
def test_who_asks_what_may_be_done_with_a_reader_is_on_record(editor, name):
    enrollment = make_enrollment()
    address = reverse(f"admin:subscribers_subscriber_{name}", args=[enrollment.subscriber_id, enrollment.pk])
    assert editor.get(address).status_code == 200
    assert list(Access.objects.values_list("what", "subscriber")) == [("page", enrollment.subscriber_id)]


def test_who_opens_what_goes_on_of_a_reader_by_its_address_is_on_record_once(editor):
    reader = make_enrollment(sent=1).subscriber
    for _ in range(2):
        assert editor.get(reverse("admin:subscribers_subscriber_live", args=[reader.pk])).status_code == 200
    assert list(Access.objects.values_list("what", "subscriber")) == [("page", reader.pk)]


def test_a_page_that_one_may_not_open_is_not_on_record(client):
    log_in(client, "Journalists")
    assert client.get(page_of(make_subscriber())).status_code == 403
    assert not Access.objects.exists()


def test_what_was_looked_at_is_neither_changed_nor_taken_away(chief):
    chief.get(page_of(make_subscriber()))
    access = Access.objects.get()
    for change in (access.save, access.delete, Access.objects.all().delete, lambda: Access.objects.update(who="x")):
        with pytest.raises(TypeError, match="stays on record"):
            change()
    page = reverse("admin:subscribers_access_changelist")
    chief.post(page, {"action": "delete_selected", "_selected_action": [access.pk], "post": "yes"})
    for url in (reverse("admin:subscribers_access_delete", args=[access.pk]), page_of(access)):
        assert chief.post(url, {"post": "yes"}).status_code == 403
    assert Access.objects.get().who == "desk-chiefs"
    html = chief.get(page).content.decode()
    assert "Opened a reader’s page" in html
    assert "desk-chiefs" in html


@pytest.mark.parametrize(
    ("words", "count"), [(WHOLE, 1), ("0142", 1), ("0143", 0), ("chiefs", 2), ("… 42", 1), ("", 2)]
)
def test_who_looked_at_a_reader_is_found_by_the_number(chief, words, count):
    for number in (WHOLE, "+12125550177"):
        chief.get(page_of(make_subscriber(number)))
    page = chief.get(reverse("admin:subscribers_access_changelist"), {"q": words})
    assert len(page.context["cl"].result_list) == count
    assert ("Show all" in page.text) == bool(words)


def test_an_editor_does_not_read_who_looked(editor):
    assert editor.get(reverse("admin:subscribers_access_changelist")).status_code == 403


def test_a_desk_chief_erases_a_reader_after_a_question(chief):
    enrollment = make_enrollment(make_subscriber(WHOLE), sent=1)
    make_enrollment()
    question = chief.get(page_of(enrollment.subscriber, "delete")).content.decode()
    assert "Are you sure" in question
    assert "Nobody can bring it back" in question
    assert numbers_in(question) == set()
    page = chief.post(page_of(enrollment.subscriber, "delete"), {"post": "yes"}, follow=True).content.decode()
    assert numbers_in(page) == set()
    assert not Subscriber.objects.filter(phone_number=WHOLE).exists()
    assert Enrollment.objects.count() == 1
    assert Access.objects.filter(what="erasure", about="+1 … 42", who="desk-chiefs").exists()


def test_chosen_readers_are_erased_and_each_is_on_record(chief):
    chosen = [make_subscriber().pk for _ in range(3)]
    kept = make_subscriber()
    form = {"action": "delete_selected", "_selected_action": chosen}
    assert "Nobody can bring it back" in chief.post(reverse(LISTS[0]), form).content.decode()
    chief.post(reverse(LISTS[0]), form | {"post": "yes"})
    assert list(Subscriber.objects.all()) == [kept]
    assert list(Access.objects.filter(what="erasure").values_list("subscriber", flat=True)) == [None] * 3


def test_no_more_readers_are_erased_at_once_than_a_page_shows(chief, monkeypatch):
    monkeypatch.setattr("subscribers.admin.subscribers.ERASED_AT_ONCE", 1)
    chosen = [make_subscriber().pk for _ in range(2)]
    form = {"action": "delete_selected", "_selected_action": chosen[:1], "select_across": "1", "post": "yes"}
    page = chief.post(reverse(LISTS[0]), form, follow=True)
    assert "At most 1 readers are deleted at once." in page.text
    assert Subscriber.objects.count() == 2


def test_an_editor_erases_nobody(editor):
    subscriber = make_subscriber()
    assert editor.post(page_of(subscriber, "delete"), {"post": "yes"}).status_code == 403
    editor.post(reverse(LISTS[0]), {"action": "delete_selected", "_selected_action": [subscriber.pk], "post": "yes"})
    assert Subscriber.objects.exists()


def test_numbers_that_the_log_of_changes_had_are_masked(editor):
    enrollment = make_enrollment(make_subscriber(WHOLE))
    user = User.objects.get()
    for thing, words in ((enrollment, f"{WHOLE} in The River"), (enrollment.subscriber, WHOLE)):
        LogEntry.objects.log_actions(user.pk, [thing], CHANGE, "Changed.", single_object=True)
        LogEntry.objects.filter(object_id=str(thing.pk), object_repr=str(thing)).update(object_repr=words)
    import_module("subscribers.migrations.0026_mask_numbers_in_the_log").mask(apps, connection.schema_editor())
    assert set(LogEntry.objects.values_list("object_repr", flat=True)) == {"+1 … 42 in The River", "+1 … 42"}
