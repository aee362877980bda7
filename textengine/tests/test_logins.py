"""Logging in: how often one may guess, and the second factor."""

import contextlib
import re
import threading
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.conf import settings as project
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db.models.signals import pre_save
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from subscribers.tests.test_races import at_once
from textengine import second_factor
from textengine.logins import LOCKED_OUT, client_address
from textengine.second_factor import WRONG

pytestmark = pytest.mark.django_db

LOGIN, PAGE = "/admin/login/", "/admin/second-factor/"
PASSWORD = "only-for-tests"


@pytest.fixture
def editor():
    return User.objects.create_user("eddie", password=PASSWORD, is_staff=True)


def attempt(client: Client, password: str = PASSWORD, code: str = "", name: str = "eddie", **extra):
    return client.post(LOGIN, {"username": name, "password": password, "code": code}, **extra)


def is_in(client: Client) -> bool:
    return client.get(reverse("admin:password_change")).status_code == 200


# How often one may guess


def guess(client: Client, times: int = project.AXES_FAILURE_LIMIT, **extra) -> None:
    for number in range(times):
        attempt(client, f"guess {number}", **extra)


def test_the_right_password_lets_in(client, editor):
    assert attempt(client).status_code == 302
    assert is_in(client)


def test_after_five_wrong_passwords_the_right_one_has_to_wait_too(client, editor):
    guess(client)
    response = attempt(client)
    assert response.status_code == 429
    assert LOCKED_OUT in response.content.decode()
    assert not is_in(client)


def test_a_wrong_password_in_between_makes_nobody_wait(client, editor):
    guess(client, 4)
    assert attempt(client).status_code == 302
    guess(client, 4)
    assert attempt(client).status_code == 302


def test_who_waited_may_try_again_however_often_it_was_tried_meanwhile(client, editor):
    guess(client, 9)
    AccessAttempt.objects.update(attempt_time=timezone.now() - project.AXES_COOLOFF_TIME - timedelta(seconds=1))
    assert attempt(client).status_code == 302
    assert not AccessAttempt.objects.exists()


def test_nobody_is_kept_out_by_who_guesses_elsewhere(client, editor):
    guess(Client(), REMOTE_ADDR="192.0.2.1")
    assert attempt(client, REMOTE_ADDR="192.0.2.2").status_code == 302


def guess_names(client: Client, times: int, address: str) -> None:
    for number in range(times):
        attempt(client, "Winter2026!", name=f"name {number}", REMOTE_ADDR=address)


def test_an_address_that_guesses_for_many_names_waits_with_all_of_them(client, editor):
    guess_names(Client(), 50, "192.0.2.1")
    assert attempt(client, REMOTE_ADDR="192.0.2.1").status_code == 429
    assert attempt(client, "wrong", name="one more", REMOTE_ADDR="192.0.2.1").status_code == 429
    assert not AccessAttempt.objects.filter(username="one more").exists()
    assert attempt(client, REMOTE_ADDR="192.0.2.2").status_code == 302


def test_an_office_that_mistypes_is_not_kept_out(client, editor):
    guess_names(Client(), 49, "192.0.2.1")
    assert attempt(client, REMOTE_ADDR="192.0.2.1").status_code == 302


def test_who_is_let_in_once_gains_no_further_guesses_for_other_names(client, editor):
    guess_names(Client(), 49, "192.0.2.1")
    attempt(client, REMOTE_ADDR="192.0.2.1")
    attempt(Client(), "wrong", name="one more", REMOTE_ADDR="192.0.2.1")
    assert attempt(Client(), REMOTE_ADDR="192.0.2.1").status_code == 429


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "no address"])
def test_an_address_that_may_be_everybodys_keeps_nobody_out_for_guesses_at_other_names(client, editor, address):
    guess_names(Client(), 50, address)
    assert attempt(client, REMOTE_ADDR=address).status_code == 302


def test_a_name_that_is_nobodys_is_answered_as_one_that_is(client, editor):
    answers = [attempt(client, "wrong", name=name).content.decode() for name in ("eddie", "nobody")]
    without_their_own = [re.sub(r'value="[^"]*"', "", answer) for answer in answers]
    assert without_their_own[0] == without_their_own[1]


def test_what_was_tried_keeps_no_password_and_no_code(client, editor):
    attempt(client, "nearly-right", code="123456")
    [tried] = AccessAttempt.objects.all()
    kept = " ".join(str(value) for value in vars(tried).values())
    assert "nearly-right" not in kept
    assert "123456" not in kept


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "192.0.2.9", "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "203.0.113.5", "203.0.113.5"),
        (1, "8.8.8.8, 203.0.113.5", "203.0.113.5"),
        (2, "8.8.8.8, 203.0.113.5, 10.0.0.1", "203.0.113.5"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (1, "::ffff:203.0.113.5", "203.0.113.5"),
        (1, "no address", None),
    ],
)
def test_an_address_is_what_our_own_proxies_saw(rf, settings, proxies, forwarded, address):
    settings.PROXIES = proxies
    assert client_address(rf.get(LOGIN, REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forwarded)) == address


# The second factor


def shown_by(app: TOTPDevice, later: int = 0) -> str:
    """Return the digits that this app shows so many half minutes later."""
    return f"{totp(app.bin_key, drift=later):06}"


def set_up(client: Client, user: User) -> list[str]:
    """Set a second factor up; return the codes for paper. The code that the app shows now is used thereby."""
    client.post(PAGE, {"do": "begin"})
    app = TOTPDevice.objects.get(user=user)
    html = client.post(PAGE, {"do": "confirm", "code": shown_by(app)}).content.decode()
    return re.findall(r"<li><code>(\w+)</code>", html)


@pytest.fixture
def app(client, editor):
    """The app of an account that has a second factor; its paper codes are `app.paper`."""
    client.force_login(editor)
    paper = set_up(client, editor)
    client.logout()
    app = TOTPDevice.objects.get()
    app.paper = paper
    return app


def test_an_account_without_a_second_factor_needs_none(client, editor):
    assert attempt(client, code="123456").status_code == 302


@pytest.mark.parametrize("code", ["", "000000", "abcdefgh", "1" * 16])
def test_the_password_alone_lets_nobody_in_who_has_a_second_factor(client, app, code):
    response = attempt(client, code=code)
    assert WRONG in response.content.decode()
    assert not is_in(client)


def test_a_code_that_is_too_long_is_said_to_be(client, editor):
    html = attempt(client, code="1" * 17).content.decode()
    assert "This is too long for a code." in html
    assert "your password" not in html
    assert not is_in(client)


def test_a_code_lets_in_once(client, app):
    code = shown_by(app, later=1)
    assert attempt(client, code=f"{code[:3]} {code[3:]}").status_code == 302
    client.logout()
    assert WRONG in attempt(client, code=code).content.decode()


def test_a_code_without_the_password_lets_nobody_in(client, app):
    attempt(client, "wrong", code=shown_by(app, later=1))
    assert not is_in(client)


def test_who_guesses_codes_has_to_wait_before_a_right_one_counts(client, app):
    TOTPDevice.objects.update(throttling_failure_count=5)
    attempt(client, code="000000")
    assert WRONG in attempt(client, code=shown_by(app, later=1)).content.decode()


def test_each_code_on_paper_lets_in_once(client, app):
    assert len(set(app.paper)) == 8
    assert attempt(client, code=app.paper[0].upper()).status_code == 302
    client.logout()
    assert WRONG in attempt(client, code=app.paper[0]).content.decode()


def test_a_second_factor_is_not_on_before_its_app_has_shown_a_code(client, editor):
    client.force_login(editor)
    client.post(PAGE, {"do": "begin"})
    assert "not right" in client.post(PAGE, {"do": "confirm", "code": "000000"}, follow=True).content.decode()
    client.logout()
    assert attempt(client).status_code == 302


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_who_begins_twice_at_the_same_moment_has_one_secret_to_set_up(editor):
    both = threading.Barrier(2)

    def wait_for_the_other(**kwargs):
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.5)

    pre_save.connect(wait_for_the_other, sender=TOTPDevice)
    try:
        at_once(*[lambda: second_factor.begin(editor)] * 2)
    finally:
        pre_save.disconnect(wait_for_the_other, sender=TOTPDevice)
    assert TOTPDevice.objects.filter(user=editor).count() == 1


def test_setting_it_up_ends_other_sessions_of_the_account_alone(client, editor):
    elsewhere, other = Client(), Client()
    elsewhere.force_login(editor)
    other.force_login(User.objects.create_user("jo", is_staff=True))
    client.force_login(editor)
    set_up(client, editor)
    assert is_in(client)
    assert is_in(other)
    assert not is_in(elsewhere)


def test_a_second_factor_that_is_on_shows_its_secret_to_nobody(client, app, editor):
    client.force_login(editor)
    html = client.get(PAGE).content.decode()
    assert "data:image" not in html
    assert not any(code in html for code in app.paper)
    client.post(PAGE, {"do": "begin"})
    assert TOTPDevice.objects.get() == app


def test_it_is_taken_off_by_a_code(client, app):
    attempt(client, code=app.paper[0])
    client.post(PAGE, {"do": "take-off", "code": "abcdefgh"})
    assert TOTPDevice.objects.exists()
    StaticToken.objects.get(token=app.paper[1]).device.throttle_reset()
    client.post(PAGE, {"do": "take-off", "code": app.paper[1]})
    assert not TOTPDevice.objects.exists()
    assert not StaticToken.objects.exists()


def test_whose_phone_and_paper_are_lost_is_helped_from_the_shell(client, app):
    call_command("takeoffsecondfactor", "eddie")
    assert attempt(client).status_code == 302
    with pytest.raises(CommandError, match="no account nobody"):
        call_command("takeoffsecondfactor", "nobody")


def test_where_it_is_demanded_nobody_gets_farther_without(client, editor, settings):
    settings.SECOND_FACTOR = "required"
    attempt(client)
    for address in (reverse("admin:index"), reverse("today"), reverse("admin:stories_story_changelist")):
        assert client.get(address)["Location"] == PAGE
    assert "every account has a second factor" in client.get(PAGE).content.decode()
    set_up(client, editor)
    assert client.get(reverse("admin:index")).status_code == 200


def test_where_it_is_demanded_readers_pages_and_webhooks_are_as_ever(client, settings):
    settings.SECOND_FACTOR = "required"
    assert client.get("/kept/").status_code == 200
    assert client.post("/twilio/inbound/").status_code == 403
    assert client.get(LOGIN).status_code == 200
