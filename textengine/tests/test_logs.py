"""The log has one line an event, in whatever process and with DEBUG too."""

import logging
from io import StringIO

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import path

from textengine import urls


def denied(request):
    raise PermissionDenied


def broken(request):
    raise RuntimeError("ours")


urlpatterns = [*urls.urlpatterns, path("denied/", denied), path("broken/", broken)]


@pytest.fixture(params=[True, False], ids=["debug", "live"])
def log(request, settings, monkeypatch):
    """Post or get, and return the lines that this leaves in the log."""
    settings.DEBUG = request.param
    settings.ROOT_URLCONF = __name__
    written = StringIO()
    for handler in {*logging.getLogger().handlers, *logging.getLogger("django").handlers}:
        if type(handler) is logging.StreamHandler:
            monkeypatch.setattr(handler, "stream", written)
    client = Client(raise_request_exception=False)

    def log(url: str, method: str = "get", **headers: str) -> list[str]:
        getattr(client, method)(url, headers=headers)
        return written.getvalue().splitlines()

    return log


@pytest.mark.parametrize(
    ("method", "url", "host", "line"),
    [
        ("post", "/twilio/inbound/", "testserver", "webhook.refused path=/twilio/inbound/ status=403"),
        ("get", "/twilio/inbound/", "testserver", "Method Not Allowed (GET): /twilio/inbound/"),
        ("get", "/denied/", "testserver", "Forbidden (Permission denied): /denied/"),
        ("get", "/denied/", "elsewhere.example", "Invalid HTTP_HOST header: 'elsewhere.example'"),
    ],
)
def test_what_a_client_got_wrong_is_one_line(log, method, url, host, line):
    (only,) = log(url, method, host=host)
    assert line in only
    assert " WARNING " in only


def test_an_error_of_ours_is_told_once_with_its_traceback(log):
    lines = log("/broken/")
    assert "Internal Server Error: /broken/" in lines[0]
    assert lines.count("RuntimeError: ours") == 1
