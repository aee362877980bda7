"""What browsers are told of our pages, and how people come to them."""

import os
import subprocess
import sys

import pytest
from django.contrib.auth.models import User
from django.core.management.utils import get_random_secret_key

from .test_start import ROOT

HTTPS = "https://texts.example.org"


def documented() -> dict[str, str]:
    """Return the settings that .env.example shows, with what everybody fills in for themselves."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    shown = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    own = {"SECRET_KEY": get_random_secret_key(), "TWILIO_ACCOUNT_SID": "AC" + "1" * 32, "TWILIO_AUTH_TOKEN": "2" * 32}
    return shown | own


def test_djangos_check_for_deployment_has_nothing_to_say_of_the_documented_settings():
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": "", "ALLOWED_HOSTS": "", "MEDIA_ROOT": ""} | documented()
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("System check identified no issues")


@pytest.fixture
def secure(settings, client):
    """A client of an installation whose public address has TLS."""
    settings.PUBLIC_URL = HTTPS
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 365 * 24 * 3600
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.ALLOWED_HOSTS = ["texts.example.org"]
    client.defaults["HTTP_HOST"] = "texts.example.org"
    return client


def test_what_this_fixture_sets_is_what_an_https_address_sets():
    script = (
        "from textengine import settings as s; print(s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS, "
        "s.SECURE_PROXY_SSL_HEADER, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.ALLOWED_HOSTS[0])"
    )
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": "", "ALLOWED_HOSTS": ""} | documented()
    printed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)
    proxy = "('HTTP_X_FORWARDED_PROTO', 'https')"
    assert printed.stdout.strip() == f"True 31536000 {proxy} True True texts.example.org"


@pytest.mark.django_db
def test_people_are_led_to_tls_and_the_carrier_and_the_supervisor_are_not(secure):
    for path in ("/", "/admin/login/", "/s/the-river/", "/kept/"):
        response = secure.get(path)
        assert (response.status_code, response["Location"]) == (301, f"{HTTPS}{path}")
    assert secure.post("/twilio/inbound/").status_code == 403
    assert secure.get("/healthz").status_code == 200
    # No worker runs here, and it may say so without TLS.
    assert secure.get("/readyz").status_code == 503


@pytest.mark.django_db
def test_cookies_travel_by_tls_alone_and_no_script_reads_the_session(secure):
    User.objects.create_user("jo", password="only-for-tests", is_staff=True)
    secure.defaults["HTTP_X_FORWARDED_PROTO"] = "https"
    response = secure.get("/admin/login/")
    assert response["Strict-Transport-Security"] == "max-age=31536000"
    token = response.cookies["csrftoken"]
    response = secure.post("/admin/login/", {"username": "jo", "password": "only-for-tests"})
    assert response.status_code == 302
    session = response.cookies["sessionid"]
    assert session.value
    assert (token["secure"], session["secure"], session["httponly"]) == (True, True, True)
    assert token["samesite"] == session["samesite"] == "Lax"
    assert token["domain"] == session["domain"] == ""


@pytest.mark.parametrize(
    "host", ["elsewhere.example", "texts.example.org.elsewhere.example", "", "a@texts.example.org"]
)
def test_nothing_is_answered_under_another_host(secure, host):
    secure.defaults |= {"HTTP_HOST": host, "HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_HOST": HTTPS[8:]}
    secure.raise_request_exception = False
    asked = [secure.get("/admin/login/"), secure.get("/kept/"), secure.get("/healthz")]
    posted = [secure.post(path) for path in ("/admin/login/", "/twilio/inbound/", "/twilio/status/")]
    assert [each.status_code for each in asked + posted] == [400] * 6


@pytest.mark.django_db
def test_what_is_refused_under_another_host_is_answered_under_our_own(secure):
    secure.defaults["HTTP_X_FORWARDED_PROTO"] = "https"
    asked = [secure.get("/admin/login/"), secure.get("/kept/"), secure.get("/healthz")]
    # Nobody has signed these, but they are looked at.
    posted = [secure.post(path) for path in ("/admin/login/", "/twilio/inbound/", "/twilio/status/")]
    assert [each.status_code for each in asked + posted] == [200] * 4 + [403] * 2
