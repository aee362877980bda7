"""That secrets stay where they are: not in logs, not in errors, not in what is kept for people to look at."""

import base64
import logging
import smtplib

import pytest
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import path
from django.utils import timezone
from django.views.debug import SafeExceptionReporterFilter

from stories.tests.factory import make_story
from subscribers import telling
from subscribers.models import Hold, Message
from subscribers.tests.engine import work
from subscribers.tests.factory import make_enrollment
from subscribers.tests.newsroom import receiver, wanted_by_webhook
from subscribers.tests.webhooks import INBOUND, READER, new_sid, signed_post
from textengine import settings as project
from textengine import urls

SECRET = "hunter2hunter2"


def broken(request):
    raise RuntimeError(SECRET)


urlpatterns = [*urls.urlpatterns, path("broken/", broken)]


@pytest.fixture
def everything(caplog):
    """All that is logged, by whomever and at whatever level."""
    for name in ("", "textengine", "subscribers", "stories", "twilio", "django", "aiohttp"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


@pytest.mark.django_db
def test_the_carriers_token_is_told_to_the_carrier_alone(sandbox, fresh_client, settings, everything):
    settings.TWILIO_AUTH_TOKEN = SECRET
    make_enrollment(story=make_story([("One", 0)]))
    work()
    hold, message = Hold.objects.get(), Message.objects.get()
    login = base64.b64encode(f"{settings.TWILIO_ACCOUNT_SID}:{SECRET}".encode()).decode()
    said = f"{everything.text} {hold.reason} {message.reason} {message.error_code}"
    assert "our account’s credentials are refused (20003)" in everything.text
    assert SECRET not in said
    assert login.rstrip("=") not in said


@pytest.mark.django_db
def test_secrets_that_sign_webhooks_are_not_told_to_who_signs_wrongly(settings, everything):
    settings.TWILIO_AUTH_TOKEN, settings.TWILIO_WEBHOOK_SECRETS = SECRET, (f"{SECRET}-old",)
    fields = {"MessageSid": new_sid(), "From": READER, "Body": "Hello"}
    response = signed_post(INBOUND, fields, token="another")
    assert response.status_code == 403
    assert "webhook.refused" in everything.text
    assert SECRET not in everything.text + response.content.decode()


def test_the_secret_that_signs_what_the_newsroom_is_told_is_not_sent_along(settings, everything):
    with receiver(500) as (url, came):
        wanted_by_webhook(settings, url)
        settings.DIGEST_SECRET = SECRET
        with pytest.raises(telling.NotDelivered) as raised:
            telling.post({"text": "Hello"}, timezone.now())
    assert SECRET not in f"{came} {raised.value} {everything.text}"


def test_the_mail_servers_password_is_in_no_error(settings, everything, monkeypatch):
    def refuse(*args, **kwargs):
        raise smtplib.SMTPAuthenticationError(535, b"no")

    monkeypatch.setattr(smtplib, "SMTP", refuse)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST_PASSWORD, settings.DIGEST_EMAILS = SECRET, ("desk@example.org",)
    with pytest.raises(telling.NotDelivered) as raised:
        telling.mail("Hello", "Hello", "hello")
    assert SECRET not in f"{raised.value} {everything.text}"


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (project.database, f"postgres://user:{SECRET}@[::1/d"),
        (project.database, f"mysql://user:{SECRET}@localhost/d"),
        (project.mail, f"smtp+tls://user:{SECRET}@mail.example.org:port"),
        (project.mail, f"pigeon://user:{SECRET}@mail.example.org"),
    ],
)
def test_a_setting_that_cannot_be_read_is_told_without_its_password(read, value):
    with pytest.raises(ImproperlyConfigured) as raised:
        read(value)
    assert SECRET not in str(raised.value)


def test_a_storage_that_cannot_be_made_is_told_without_its_keys(settings):
    backend = "django.core.files.storage.FileSystemStorage"
    options = {"secret_key": SECRET, "bucket": SECRET}
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": backend, "OPTIONS": options}}
    [found] = checks.run_checks(tags=["files"])
    assert found.id == "textengine.E007"
    assert SECRET not in found.msg


def test_a_page_that_fails_says_nothing_of_why(settings):
    settings.ROOT_URLCONF = __name__
    response = Client(raise_request_exception=False).get("/broken/")
    assert response.status_code == 500
    assert SECRET not in response.content.decode()
    assert "RuntimeError" not in response.content.decode()


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "TWILIO_AUTH_TOKEN", "TWILIO_WEBHOOK_SECRETS", "DIGEST_SECRET", "EMAIL_HOST_PASSWORD"]
)
def test_even_the_page_for_developers_hides_each_secret(settings, name):
    setattr(settings, name, SECRET)
    report = SafeExceptionReporterFilter()
    assert name in report.get_safe_settings()
    assert SECRET not in str(report.get_safe_settings())
    assert SECRET not in str(report.cleanse_setting("DATABASES", {"default": {"PASSWORD": SECRET}}))
