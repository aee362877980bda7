"""The doctor, on an installation that answers over HTTP and a carrier that does, too."""

import ssl
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from urllib.error import URLError

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers.heartbeats import beat
from subscribers.models import Enrollment, Heartbeat, Hold, Message
from subscribers.tests.factory import make_enrollment
from textengine.doctor import Grade, account, inside, outside
from textengine.doctor.asking import reason

from .databases import is_sqlite, read_only, run
from .processes import free_port
from .sandbox_process import ACCOUNT_SID, SandboxProcess

OURS, READER = "+15005550006", "+14155550133"
SERVICE = "MG" + "1" * 32
ELSEWHERE = "http://127.0.0.1:9/elsewhere/"


@pytest.fixture
def carrier(settings):
    """A carrier that takes texts elsewhere."""
    with SandboxProcess(ELSEWHERE, "sandbox-auth-token", number=OURS) as carrier:
        settings.TWILIO_API_URL, settings.TWILIO_ACCOUNT_SID = carrier.url, ACCOUNT_SID
        yield carrier


@pytest.fixture
def running(live_server, carrier, settings):
    """An installation with a worker and a picture, whose web process answers."""
    settings.PUBLIC_URL = live_server.url
    default_storage.save("pictures/river.gif", ContentFile(b"GIF89a"))
    make_story(keyword="river").texts.update(media="pictures/river.gif")
    beat(timezone.now())
    return carrier


def doctor(*arguments: str) -> tuple[int, str]:
    """Return the exit code and what is said."""
    said = StringIO()
    try:
        call_command("doctor", *arguments, stdout=said)
    except SystemExit as ended:
        return ended.code, said.getvalue()
    return 0, said.getvalue()


def words(found) -> str:
    return "\n".join(map(str, found))


@contextmanager
def answering(status: int, headers: dict[str, str] | None = None, late: timedelta = timedelta()):
    """A server that has one answer to everything, and a clock of its own."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            for name, value in ({"Content-Length": "0"} | (headers or {})).items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_HEAD = do_POST = answer

        def date_time_string(self, timestamp=None):
            return super().date_time_string((timezone.now() - late).timestamp())

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def without_table(model):
    """Let a table be missing."""
    table = connection.ops.quote_name(model._meta.db_table)
    run(f"ALTER TABLE {table} RENAME TO away")
    try:
        yield
    finally:
        run(f"ALTER TABLE away RENAME TO {table}")


@pytest.mark.django_db(transaction=True)
def test_it_says_where_texts_are_taken_and_has_them_taken_here(running):
    code, said = doctor()
    assert code == 1
    [problem] = [line for line in said.splitlines() if line.startswith("WRONG")]
    assert problem.startswith(f"WRONG number: texts to {OURS} are taken to {ELSEWHERE}, not to {account.wanted()}")
    assert "manage.py doctor --fix" in said

    code, said = doctor("--fix")
    assert (code, f"texts to {OURS} were taken to {ELSEWHERE} until now" in said) == (0, True)
    code, said = doctor()
    assert code == 0
    for part in ("settings", "database", "worker", "clock", "address", "webhooks", "pictures", "account", "number"):
        assert f"\nok    {part}: " in f"\n{said}", said
    running.text(READER, "river")
    assert Enrollment.objects.get().subscriber.phone_number == READER


@pytest.mark.django_db(transaction=True)
def test_nothing_is_set_at_the_carrier_where_our_address_does_not_answer(running, settings):
    settings.PUBLIC_URL = f"http://localhost:{free_port()}"
    code, said = doctor("--fix")
    assert code == 1
    assert f"WRONG address: {settings.PUBLIC_URL} cannot be reached (Connection refused)." in said
    assert "nothing was set at Twilio" in said
    assert running.client().incoming_phone_numbers.list()[0].sms_url == ELSEWHERE


@pytest.mark.parametrize(
    ("set_there", "said"),
    [
        ({"sms_url": "https://jo:secret@example.org/x"}, "are taken to https://…@example.org/x, not to"),
        ({"sms_method": "GET"}, "WRONG number: texts to +15005550006 are taken here by GET."),
        ({"sms_application_sid": "AP" + "1" * 32}, "are taken to the TwiML application AP1"),
        (
            {"sms_url": "http://localhost:8000/twilio/inbound/"},
            "note  number: texts to +15005550006 are not brought again",
        ),
        ({}, "ok    number: texts to +15005550006 are taken to http://localhost:8000/twilio/inbound/#rc=3&rp=all."),
    ],
)
def test_it_looks_at_all_that_decides_where_a_numbers_texts_are_taken(carrier, set_there, said):
    [number] = carrier.client().incoming_phone_numbers.list()
    number.update(**{"sms_url": account.wanted()} | set_there)
    found = account.inboxes()
    assert said in words(account.look_at_inboxes(found))
    account.mended(found)
    assert words(account.look_at_inboxes(account.inboxes())).startswith("ok")
    assert account.mended(account.inboxes()) == []


def test_with_a_service_it_is_the_services_word_that_counts(carrier, settings):
    settings.TWILIO_MESSAGING_SERVICE_SID = SERVICE
    service = carrier.client().messaging.v1.services(SERVICE)
    service.update(inbound_request_url=account.wanted(), use_inbound_webhook_on_number=True)
    found = account.inboxes()
    assert "are taken to the webhook of each of its numbers" in words(account.look_at_inboxes(found))
    assert [inbox.sid for inbox in account.mended(found)] == [SERVICE]
    said = words(account.look_at_inboxes(account.inboxes()))
    assert f"ok    service: texts to Sandbox ({SERVICE}) are taken to {account.wanted()}." in said
    assert "the service says where its texts are taken" in said


def test_a_number_that_the_account_does_not_have_is_said_to_be_missing(carrier, settings):
    settings.TWILIO_NUMBER = "+15005550001"
    assert "WRONG number: the account has no +15005550001." in words(account.look_at_inboxes(account.inboxes()))


def test_credentials_are_said_to_be_refused_or_not_there(carrier, settings):
    # Clients are kept for each address.
    settings.TWILIO_API_URL, settings.TWILIO_AUTH_TOKEN = carrier.url.replace("127.0.0.1", "localhost"), "other"
    assert "WRONG account: the credentials are refused: " in words(account.look_at_account())
    settings.TWILIO_AUTH_TOKEN = ""
    assert "WRONG account: there are no credentials." in words(account.look_at_account())


@pytest.mark.django_db
def test_a_worker_that_is_gone_and_what_is_late_and_on_hold_is_said():
    now = timezone.now()
    assert "WRONG worker: The worker has never run." in words(inside.look_at_worker(now))
    story = make_story()
    make_enrollment(story=story)
    Message.objects.update(due_at=now - timedelta(minutes=5))
    beat(now)
    assert "WRONG worker: texts have been due since " in words(inside.look_at_worker(now))
    Heartbeat.objects.update(seen_at=now - timedelta(hours=1))
    Hold.objects.create(reason="Restored.")
    said = words(inside.look_at_worker(now))
    assert "WRONG worker: The worker has not been running since " in said
    assert "note  brake: everything is on hold since" in said
    assert ": Restored." in said


@pytest.mark.django_db
def test_a_database_that_lacks_tables_of_this_version_is_said_to():
    [latest] = MigrationLoader(connection).graph.leaf_nodes("subscribers")
    MigrationRecorder(connection).record_unapplied(*latest)
    said = words(inside.look_at_database(timezone.now()))
    assert said.startswith("WRONG database: lacks 1 migration of this version.\n      Run manage.py migrate")


@pytest.mark.django_db
def test_a_database_that_is_as_it_should_be_is_named():
    kind = "SQLite in " if is_sqlite() else "PostgreSQL "
    found = list(inside.look_at_database(timezone.now()))
    assert [finding.grade for finding in found] == [Grade.OK]
    assert kind in found[0].words


@pytest.mark.django_db
@pytest.mark.skipif(not is_sqlite(), reason="Whether PostgreSQL is read-only, it says itself.")
def test_a_file_that_cannot_be_written_is_wrong_and_nothing_is_written_to_find_out():
    before = MigrationRecorder(connection).applied_migrations()
    with read_only():
        said = words(inside.look_at_database(timezone.now()))
    assert said.startswith("WRONG database: ")
    assert "cannot be written (attempt to write a readonly database)." in said
    assert "Give it, and what lies beside it, to the user of the processes: chown USER " in said
    inside.write_nothing()
    assert MigrationRecorder(connection).applied_migrations() == before


@pytest.mark.django_db
@pytest.mark.skipif(not is_sqlite(), reason="PostgreSQL serves many machines.")
def test_sqlite_with_workers_on_two_machines_is_wrong():
    now = timezone.now()
    for machine in ("one", "two"):
        Heartbeat.objects.create(cluster=f"{machine}:1", started_at=now, seen_at=now)
    assert "is SQLite, and workers run on 2 machines." in words(inside.look_at_database(now))


def test_debugging_in_public_is_wrong(settings):
    settings.DEBUG, settings.PUBLIC_URL = True, "https://texts.example.org"
    assert "WRONG settings: DEBUG is true, which shows settings and code" in words(inside.look_at_settings())


def test_settings_that_cannot_be_used_are_said_with_what_to_set(settings):
    settings.TWILIO_NUMBER = "555-0100"
    assert "WRONG settings: TWILIO_NUMBER is '555-0100'; set it to" in words(inside.look_at_settings())


def test_a_clock_that_is_off_is_said_to_be(settings):
    with answering(404, late=timedelta(minutes=2)) as settings.TWILIO_API_URL:
        said = words(inside.look_at_clock())
    assert said.startswith("WRONG clock: this machine's and the carrier's are 1")
    settings.TWILIO_API_URL = f"http://localhost:{free_port()}"
    assert "the carrier cannot be asked for the time: it cannot be reached" in words(inside.look_at_clock())


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (403, {}, "what the carrier signs is refused."),
        (301, {"Location": "https://texts.example.org/"}, "answers 301 and leads to https://texts.example.org/, where"),
        (502, {}, "/twilio/status/ answers 502."),
        (204, {}, "what nobody signed is let in."),
    ],
)
def test_a_proxy_that_does_not_pass_webhooks_on_is_said_not_to(settings, status, headers, said):
    with answering(status, headers) as settings.PUBLIC_URL:
        assert said in words(outside.look_at_webhooks())
        assert f"/healthz answers {status}, and not as Text-Engine does." in words(outside.look_at_address())


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not is_sqlite(), reason="Of PostgreSQL, a table that is missing is a mistake, and never 503.")
def test_a_web_process_that_can_keep_nothing_is_not_blamed_on_the_proxy(live_server, settings):
    settings.PUBLIC_URL = live_server.url
    with without_table(Message):
        said = words(outside.look_at_webhooks())
    assert said == (
        "WRONG webhooks: what the carrier signs cannot be kept now.\n      See what stands under “database”."
    )


def test_an_address_that_only_this_machine_knows_is_wrong_for_twilio(settings):
    settings.TWILIO_API_URL, settings.PUBLIC_URL = "https://api.twilio.com", "https://127.0.0.1"
    assert "PUBLIC_URL leads to 127.0.0.1, where Twilio cannot reach us." in words(outside.look_at_address())


@pytest.mark.django_db
def test_a_picture_that_is_gone_or_not_served_is_said_to_be(settings):
    assert words(outside.look_at_pictures()) == "ok    pictures: none was uploaded yet."
    make_story().texts.update(media="pictures/river.gif")
    assert "WRONG pictures: pictures/river.gif is gone." in words(outside.look_at_pictures())
    default_storage.save("pictures/river.gif", ContentFile(b"GIF89a"))
    with answering(200, {"Content-Type": "text/html"}) as settings.PUBLIC_URL:
        assert "/media/pictures/river.gif answers 200 with text/html." in words(outside.look_at_pictures())


def test_a_certificate_that_cannot_be_trusted_is_said_to_be_the_reason():
    refusal = ssl.SSLCertVerificationError()
    refusal.verify_message = "certificate has expired"
    assert reason(URLError(refusal)) == "has a certificate that cannot be trusted (certificate has expired)"
