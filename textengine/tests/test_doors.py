"""Whom this server asks for something: few doors lead out, and what comes in by a reader's text opens none."""

import ast
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from stories.tests.factory import make_story
from stories.tests.picture_server import PictureServer
from subscribers.models import Message, Subscriber
from subscribers.tests.webhooks import text

from .test_start import ROOT

# What can ask another machine.
NETWORK = {"aiohttp", "requests", "urllib.request", "urllib3", "http.client", "httpx", "socket", "ftplib", "twilio"}
NETWORK |= {"smtplib", "django.core.mail"}
# The pictures that stories link, looked at before each is asked; whom the settings name; the carrier; and `make run`,
# which looks whether what it has started answers. The sandbox is no part of an installation.
DOORS = {
    "stories/fetching.py",
    "subscribers/telling.py",
    "textengine/carrier.py",
    "textengine/carrier_http.py",
    "textengine/doctor/asking.py",
    "textengine/doctor/outside.py",
    "textengine/probe.py",
    "textengine/run.py",
}
# A machine's own name, which asks nobody.
HARMLESS = {("socket", "gethostname")}


def imported(source: str) -> Iterator[tuple[str, str]]:
    """Return what a module imports: from where, and which name ("" for the whole)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((node.module, alias.name) for alias in node.names)
            yield from ((f"{node.module}.{alias.name}", "") for alias in node.names)


def leads_out(module: str, name: str) -> bool:
    parts = module.split(".")
    inside = {".".join(parts[: count + 1]) for count in range(len(parts))}
    return bool(inside & NETWORK) and not {(module, name), tuple(module.rsplit(".", 1))} & HARMLESS


def test_only_these_modules_ask_other_machines():
    found = set()
    for app in ("stories", "subscribers", "textengine"):
        for file in (ROOT / app).rglob("*.py"):
            inner = file.relative_to(ROOT)
            if not {"tests", "sandbox"} & set(inner.parts):
                found |= {inner.as_posix()} if any(leads_out(*each) for each in imported(file.read_text())) else set()
    assert found == DOORS


@pytest.mark.django_db
def test_a_picture_that_a_reader_sends_is_asked_for_by_nobody_here(client, settings):
    make_story(keyword="river")
    with PictureServer() as server:
        settings.LINKS_MAY_ALSO_REACH = frozenset({("127.0.0.1", server.port)})
        text("river", NumMedia="1", MediaUrl0=f"{server.url}/a.png")
        assert Message.objects.filter(direction="inbound").get().media_urls
        client.force_login(User.objects.create_superuser("root"))
        pages = [
            reverse("admin:subscribers_subscriber_change", args=[Subscriber.objects.get().pk]),
            reverse("admin:subscribers_message_changelist"),
            reverse("admin:subscribers_remark_changelist"),
        ]
        for page in pages:
            html = client.get(page).content.decode()
            assert f'src="{server.url}' not in html
        assert server.asked == []
