"""The page of what the system says by itself, and the words on it."""

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse
from playwright.sync_api import expect

from stories import placeholders
from stories.segments import measure
from subscribers.models import SystemText
from subscribers.wording import OCCASIONS, Kind, filled, sample, warnings
from textengine.tests.accessibility import assert_accessible_everywhere
from textengine.tests.chromium import new_page, share_login

pytestmark = [pytest.mark.django_db, pytest.mark.screens]
LIST, ADD = (reverse(f"admin:subscribers_systemtext_{name}") for name in ("changelist", "add"))
PREVIEW = reverse("admin:subscribers_systemtext_preview")


def log_in(client, group: str):
    user = User.objects.create_user("jo", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client.force_login(user)
    return client


@pytest.fixture
def editor(client):
    return log_in(client, "Editors")


def test_all_occasions_stand_on_one_page_with_the_newsrooms_words_before_ours(editor):
    SystemText.objects.create(kind="paused", body="Take your time.")
    SystemText.objects.create(kind="help", language="de", body="Hilfe von {newsroom}")
    page = editor.get(LIST).content.decode()
    for kind, occasion in OCCASIONS.items():
        assert occasion.when in page, kind
    assert "Take your time." in page
    assert "waits for you" not in page
    assert "Hilfe von Our newsroom" in page
    assert "stories by text message" in page


def test_the_page_takes_few_queries(editor, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        editor.get(LIST)


def test_journalists_do_not_change_what_the_system_says(client):
    log_in(client, "Journalists")
    for url in (LIST, ADD):
        assert client.get(url).status_code == 403
    assert client.post(PREVIEW, {"kind": "help", "body": "x"}).status_code == 403


def test_writing_begins_with_our_own_words(editor):
    form = editor.get(f"{ADD}?kind=paused").context["adminform"].form
    assert form.initial["body"] == OCCASIONS[Kind.PAUSED].default
    assert form.initial["kind"] == "paused"


def test_own_words_are_saved_and_can_be_taken_back(editor):
    editor.post(ADD, {"kind": "paused", "language": "", "body": "{story} waits."})
    row = SystemText.objects.get()
    assert row.body == "{story} waits."
    change = reverse("admin:subscribers_systemtext_change", args=[row.pk])
    editor.post(change, {"language": "", "body": "{story} rests."})
    assert SystemText.objects.get().body == "{story} rests."
    editor.post(reverse("admin:subscribers_systemtext_delete", args=[row.pk]), {"post": "yes"})
    assert not SystemText.objects.exists()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kind": "paused", "body": "{next} comes"}, "{next} stands for nothing here; there are {newsroom}, {contact}"),
        ({"kind": "paused", "body": "Hi {}"}, "{} stands for nothing here"),
        ({"kind": "help", "language": "German", "body": "x"}, "A language is written as “de” or “pt-BR”."),
        ({"kind": "help", "body": "x" * 1601}, "at most 1600 characters"),
        ({"kind": "resumed", "body": "x"}, "There are words for this occasion in this language already."),
    ],
)
def test_what_cannot_be_said_is_refused_with_a_sentence(editor, fields, sentence):
    SystemText.objects.create(kind="resumed", body="Go on.")
    response = editor.post(ADD, {"language": ""} | fields)
    assert response.status_code == 200
    errors = response.context["errors"] if "errors" in response.context else response.context["adminform"].form.errors
    assert sentence in str([*errors, response.context["adminform"].form.errors]).replace("&quot;", '"')
    assert SystemText.objects.count() == 1


def test_the_preview_shows_the_words_their_size_and_what_they_lack(editor):
    page = editor.post(PREVIEW, {"kind": "where", "body": "{story}, {sent} of {total} “so far”"}).content.decode()
    assert "The last ferry, 3 of 12 “so far”" in page
    assert "a special character in it takes more room" in page
    assert "how to stop" in editor.post(PREVIEW, {"kind": "help", "body": "Hello"}).content.decode()


LAWFUL = "{newsroom}. Ask {contact}. Msg frequency varies. Msg & data rates may apply. Reply HELP, START or STOP."


@pytest.mark.parametrize(
    ("kind", "left_out", "sentence"),
    [
        (Kind.WELCOME, "STOP", "how to stop"),
        (Kind.WELCOME, "HELP", "how to get help"),
        (Kind.WELCOME, "rates", "may cost something"),
        (Kind.WELCOME, "frequency varies", "how often"),
        (Kind.WELCOME, "{newsroom}", "who we are"),
        (Kind.HELP, "{contact}", "whom one can ask"),
        (Kind.HELP, "STOP", "how to stop"),
        (Kind.STOPPED, "START", "how to come back"),
        (Kind.STARTED, "rates", "may cost something"),
    ],
)
def test_what_the_law_wants_said_is_missed_where_it_is_not(kind, left_out, sentence):
    assert warnings(kind, LAWFUL) == []
    [found] = warnings(kind, LAWFUL.replace(left_out, ""))
    assert sentence in found


def test_small_letters_do_not_say_how_to_stop():
    assert warnings(Kind.STARTED, LAWFUL.replace("STOP", "stop"))


def test_a_name_that_is_written_out_says_who_we_are(settings):
    settings.NEWSROOM_NAME = "The Post"
    assert warnings(Kind.WELCOME, LAWFUL.replace("{newsroom}", "The Post")) == []


def test_in_another_language_only_what_is_the_same_everywhere_is_looked_for():
    assert warnings(Kind.HELP, "{newsroom}: {contact}. STOP beendet alles.", "de") == []
    assert len(warnings(Kind.HELP, "Geschichten per SMS", "de")) == 3


def test_our_own_words_say_what_they_have_to_and_fit_their_placeholders(settings):
    settings.NEWSROOM_NAME, settings.NEWSROOM_CONTACT = "The Example Post", "mailto:texts@example.org"
    for kind, occasion in OCCASIONS.items():
        assert placeholders.refusal(occasion.default, occasion.placeholders) == "", kind
        words = filled(occasion.default, sample(kind) | {"story": "A title"})
        assert "{" not in words
        size = measure(words)
        assert size.encoding == "GSM-7"
        assert size.segments <= (2 if kind == Kind.STARTED else 1), kind
        if occasion.default:
            assert warnings(kind, occasion.default) == [], kind


def test_silence_is_pointed_out_where_somebody_has_to_get_an_answer():
    assert "has to get an answer" in warnings(Kind.HELP, " ")[0]
    assert warnings(Kind.UNKNOWN, "") == []


@pytest.fixture
def log_in_page(live_server, client, settings):
    settings.PUBLIC_URL = live_server.url
    log_in(client, "Editors")
    return lambda page: share_login(page, client, live_server.url)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_phone_beside_the_words_follows_what_is_written(browser, live_server, log_in_page):
    with new_page(browser) as page:
        log_in_page(page)
        page.goto(f"{live_server.url}{ADD}?kind=help")
        page.fill("#id_body", "Hello from {newsroom}")
        expect(page.locator(".bubble__text")).to_have_text("Hello from Our newsroom")
        expect(page.locator(".beside")).to_contain_text("how to stop")
        page.select_option("#id_kind", "paused")
        expect(page.locator("#id_body")).to_have_value(OCCASIONS[Kind.PAUSED].default)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_pages_break_no_guideline_on_a_computer_and_on_a_phone(browser, live_server, log_in_page):
    # The looker itself sets styles.
    with new_page(browser, bypass_csp=True) as page:
        log_in_page(page)
        for url in (LIST, f"{ADD}?kind=help"):
            page.goto(live_server.url + url)
            assert_accessible_everywhere(page)
