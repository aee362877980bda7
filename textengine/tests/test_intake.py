"""How much and how slowly anybody may send, asked of the web server as it runs."""

import asyncio
import http.client
import socket
from contextlib import ExitStack
from io import BytesIO
from urllib.parse import urlencode
from wsgiref.util import FileWrapper

import pytest
from django.contrib.auth.models import User
from django.test import Client
from twilio.request_validator import RequestValidator

from subscribers.models import Message
from subscribers.tests.webhooks import INBOUND, READER, new_sid
from textengine.intake import ANYBODY, IN_MEMORY, SIGNED_IN, Intake

from .processes import Processes

pytestmark = [pytest.mark.django_db(transaction=True, serialized_rollback=True), pytest.mark.once]

LOGIN, PASSWORD_PAGE = "/admin/login/", "/admin/password_change/"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def web(tmp_path):
    with Processes(tmp_path, starts=("web",)) as processes:
        yield processes


def begin(web: Processes, path: str, *headers: str) -> socket.socket:
    """Begin a post, of which more may be sent."""
    connection = socket.create_connection(("127.0.0.1", web.port), timeout=30)
    head = (f"POST {path} HTTP/1.1", "Host: localhost", "X-Twilio-Signature: a", f"Content-Type: {FORM}", *headers)
    connection.sendall("\r\n".join((*head, "", "")).encode())
    return connection


def status_of(connection: socket.socket) -> int:
    with connection:
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response.status


def send(web: Processes, path: str, body: bytes, headers: dict[str, str]) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)
    connection.request("POST", path, body, {"Host": "localhost", "Content-Type": FORM} | headers)
    return connection.getresponse()


def test_a_hundred_who_send_slowly_hold_nobody_up(web):
    with ExitStack() as slow:
        for _ in range(100):
            slow.enter_context(begin(web, INBOUND, "Content-Length: 60000")).sendall(b"Body=")
        for _ in range(20):
            asked = http.client.HTTPConnection("127.0.0.1", web.port, timeout=3)
            asked.request("GET", "/healthz", headers={"Host": "localhost"})
            assert asked.getresponse().status == 200


@pytest.mark.slow
def test_what_is_not_there_in_time_is_given_up_however_steadily_it_comes(web):
    slow = begin(web, INBOUND, "Content-Length: 60000")
    slow.settimeout(1)
    for _ in range(ANYBODY[1] + 5):
        slow.sendall(b"x")
        try:
            assert slow.recv(20).startswith(b"HTTP/1.1 408")
            break
        except TimeoutError:
            continue
    else:
        pytest.fail("It was waited for.")


def test_who_is_not_signed_in_may_send_little(web):
    for path, cookie in (
        (LOGIN, "X: y"),
        (INBOUND, "X: y"),
        ("/nowhere/", "X: y"),
        (LOGIN, "Cookie: sessionid=made-up"),
    ):
        assert status_of(begin(web, path, cookie, "Content-Length: 300000000")) == 413
        in_chunks = begin(web, path, cookie, "Transfer-Encoding: chunked")
        in_chunks.sendall(f"{ANYBODY[0] + 1:x}\r\n".encode() + b"x" * (ANYBODY[0] + 1) + b"\r\n")
        assert status_of(in_chunks) == 413


def test_who_is_signed_in_may_send_pictures_and_not_without_end(web):
    client = Client()
    client.force_login(User.objects.create_user("jo", is_staff=True))
    cookies = f"sessionid={client.cookies['sessionid'].value}; csrftoken={'c' * 32}"
    body = b'--x\r\nContent-Disposition: form-data; name="picture"; filename="p.png"\r\n\r\n%b\r\n--x--\r\n'
    headers = {"Cookie": cookies, "X-CSRFToken": "c" * 32, "Content-Type": "multipart/form-data; boundary=x"}
    assert send(web, PASSWORD_PAGE, body % (b"x" * 10_000_000), headers).status == 200
    assert status_of(begin(web, PASSWORD_PAGE, f"Cookie: {cookies}", f"Content-Length: {SIGNED_IN[0] + 1}")) == 413
    client.logout()
    assert status_of(begin(web, PASSWORD_PAGE, f"Cookie: {cookies}", f"Content-Length: {ANYBODY[0] + 1}")) == 413


def test_a_signed_post_that_comes_in_chunks_is_taken_and_a_header_is_what_it_is_called(web):
    fields = {"MessageSid": new_sid(), "From": READER, "To": "+15005550006", "Body": "Grüße"}
    signature = RequestValidator(web.sandbox.auth_token).compute_signature(web.url + INBOUND, fields)
    body = urlencode(fields).encode()
    # With an underscore it would be the same to WSGI, and no proxy removes it.
    assert send(web, INBOUND, body, {"X_Twilio_Signature": signature}).status == 403
    chunks = {"Transfer-Encoding": "chunked", "X-Twilio-Signature": signature}
    assert send(web, INBOUND, b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body), chunks).status == 200
    assert Message.objects.get(sid=fields["MessageSid"]).body == "Grüße"


def test_a_post_that_ends_early_is_none(web):
    """What was cut off of a form is not taken for all of it."""
    cut = begin(web, LOGIN, "Content-Length: 100")
    cut.sendall(b"username=jo")
    cut.shutdown(socket.SHUT_WR)
    with cut:
        assert b" 200 " not in cut.recv(20)


class Transport:
    """Where pieces of an answer go to."""

    def __init__(self):
        self.pieces: list[bytes] = []

    async def send_bytes(self, piece: bytes) -> None:
        self.pieces.append(piece)


def test_a_large_file_goes_out_in_pieces_and_is_closed():
    content, transport = b"abcdefgh" * IN_MEMORY, Transport()
    file = BytesIO(content)

    def application(environ, start):
        start("200 OK", [("Content-Length", str(len(content)))])
        return FileWrapper(file)

    intake = Intake(application, threads=1)
    status, _, answer = intake.answer({"wsgi.input": BytesIO()})
    asyncio.run(intake.hand_out(answer, transport))
    assert (status, b"".join(transport.pieces)) == (200, content)
    assert len(transport.pieces) > 10
    assert file.closed
