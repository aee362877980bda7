"""The sandbox misbehaves when it is told to, exactly as told, and then no longer."""

import base64
import socket
import time
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from twilio.base.exceptions import TwilioRestException

from .sandbox_process import ACCOUNT_SID, SandboxProcess
from .webhook_receiver import Receiver

OURS, PHONE = "+15005550006", "+14155550123"


@pytest.fixture(scope="module")
def server():
    with Receiver() as server:
        yield server


@pytest.fixture(scope="module")
def process(server):
    with SandboxProcess(f"{server.url}/inbound", "token", number=OURS) as process:
        yield process


@pytest.fixture
def carrier(process):
    process.faults({})
    yield process
    process.faults({})


def send(carrier, timeout=10, **values):
    client = carrier.client(timeout=timeout)
    return client.messages.create(**{"to": PHONE, "from_": OURS, "body": "Hello", **values})


def raw_create(carrier, body="Hello", timeout=5):
    """Post a message over a bare socket and return every byte that came back until the connection ended."""
    address = urlsplit(carrier.url)
    form = urlencode({"To": PHONE, "From": OURS, "Body": body}).encode()
    login = base64.b64encode(f"{ACCOUNT_SID}:token".encode()).decode()
    head = (
        f"POST /2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Basic {login}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(form)}\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port), timeout) as connection:
        connection.sendall(head.encode() + form)
        received = b""
        try:
            while chunk := connection.recv(4096):
                received += chunk
        except ConnectionResetError:
            pass
        return received


@pytest.mark.parametrize(
    ("kind", "status", "code", "is_accepted"),
    [("429", 429, 20429, False), ("500", 500, 20500, False), ("500-after", 500, 20500, True)],
)
def test_the_next_create_is_refused_and_the_one_after_it_not(carrier, kind, status, code, is_accepted):
    known = len(carrier.messages(PHONE))
    carrier.faults({"next": [{"kind": kind}]})
    with pytest.raises(TwilioRestException) as refusal:
        send(carrier)
    assert (refusal.value.status, refusal.value.code) == (status, code)
    assert len(carrier.messages(PHONE)) == known + is_accepted
    assert carrier.faults()["next"] == []
    assert send(carrier).status == "queued"


@pytest.mark.parametrize(("kind", "is_accepted"), [("drop-before", False), ("drop-after", True)])
def test_a_dropped_connection_ends_without_one_byte(carrier, kind, is_accepted):
    known = len(carrier.messages(PHONE))
    carrier.faults({"next": [{"kind": kind}]})
    started = time.monotonic()
    assert raw_create(carrier) == b""
    assert time.monotonic() - started < 4
    assert len(carrier.messages(PHONE)) == known + is_accepted


def test_the_real_client_sees_a_lost_connection_and_finds_the_message(carrier):
    carrier.faults({"next": [{"kind": "drop-after"}]})
    with pytest.raises(requests.ConnectionError):
        send(carrier, body="Look for me")
    found = carrier.client().messages.list(to=PHONE, from_=OURS, limit=1)
    assert found[0].body == "Look for me"


@pytest.mark.parametrize(("kind", "is_accepted"), [("hang", False), ("hang-after", True)])
def test_a_hanging_request_lasts_until_the_client_gives_up(carrier, kind, is_accepted):
    known = len(carrier.messages(PHONE))
    carrier.faults({"next": [{"kind": kind}]})
    with pytest.raises(requests.ReadTimeout):
        send(carrier, timeout=0.3)
    assert len(carrier.messages(PHONE)) == known + is_accepted


def test_garbage_is_an_accepted_message_and_no_json(carrier):
    known = len(carrier.messages(PHONE))
    carrier.faults({"next": [{"kind": "garbage"}]})
    with pytest.raises(ValueError, match="Expecting value"):
        send(carrier)
    assert len(carrier.messages(PHONE)) == known + 1


def test_counts_run_down_in_their_order(carrier):
    carrier.faults({"next": [{"kind": "429", "count": 2}, {"kind": "500"}]})
    codes = []
    for _ in range(3):
        with pytest.raises(TwilioRestException) as refusal:
            send(carrier)
        codes.append(refusal.value.status)
    assert codes == [429, 429, 500]
    send(carrier)


def test_a_fault_of_reading_leaves_creating_alone(carrier):
    carrier.faults({"next": [{"kind": "500", "on": "read"}]})
    message = send(carrier)
    with pytest.raises(TwilioRestException):
        message.fetch()
    assert message.fetch().sid == message.sid


def test_a_rate_of_one_hits_every_create_and_no_read(carrier):
    message = send(carrier)
    carrier.faults({"rates": {"429": 1}})
    for _ in range(3):
        with pytest.raises(TwilioRestException):
            send(carrier)
    assert message.fetch().sid == message.sid


def test_a_rate_of_a_half_hits_about_half(carrier):
    carrier.faults({"rates": {"429": 0.5}})
    refused = 0
    for _ in range(200):
        try:
            send(carrier)
        except TwilioRestException:
            refused += 1
    assert 50 < refused < 150


def test_latency_delays_the_answer_of_an_accepted_message(carrier):
    carrier.faults({"latency": 0.4})
    started = time.monotonic()
    send(carrier)
    assert time.monotonic() - started > 0.4


@pytest.mark.parametrize(
    ("outcome", "code"), [("invalid", 21211), ("landline", 21614), ("opted-out", 21610), (21408, 21408), (63038, 63038)]
)
def test_a_number_can_be_refused(carrier, outcome, code):
    carrier.faults({"numbers": {"+14155550180": outcome}})
    with pytest.raises(TwilioRestException) as refusal:
        send(carrier, to="+14155550180")
    assert refusal.value.code == code
    assert refusal.value.status == (429 if code == 63038 else 400)
    assert send(carrier, to="+14155550181").status == "queued"


def told(carrier, server, sid, count):
    carrier.wait_until(lambda: len(server.statuses(sid)) >= count, describe=lambda: server.statuses(sid))
    return server.statuses(sid)


def test_callbacks_can_come_twice(carrier, server):
    carrier.faults({"rates": {"callback-doubled": 1}})
    message = send(carrier, status_callback=f"{server.url}/status")
    assert told(carrier, server, message.sid, 6) == ["sending"] * 2 + ["sent"] * 2 + ["delivered"] * 2


def test_callbacks_can_come_the_wrong_way_round(carrier, server):
    carrier.faults({"next": [{"kind": "callback-reversed"}]})
    message = send(carrier, status_callback=f"{server.url}/status")
    assert told(carrier, server, message.sid, 3) == ["delivered", "sent", "sending"]
    message = send(carrier, status_callback=f"{server.url}/status")
    assert told(carrier, server, message.sid, 3) == ["sending", "sent", "delivered"]


def test_callbacks_can_come_late(carrier, server):
    carrier.faults({"callback-late": 0.5})
    message = send(carrier, status_callback=f"{server.url}/status")
    carrier.wait_until(lambda: message.fetch().status == "delivered")
    delivered = time.monotonic()
    assert told(carrier, server, message.sid, 3) == ["sending", "sent", "delivered"]
    assert time.monotonic() - delivered > 0.3


@pytest.mark.parametrize(
    "faults",
    [
        {"nonsense": 1},
        {"latency": -1},
        {"latency": True},
        {"latency": "1"},
        {"rates": {"429": 1.1}},
        {"rates": {"418": 1}},
        {"rates": []},
        {"next": {}},
        {"next": ["429"]},
        {"next": [{"kind": "429", "count": 0}]},
        {"next": [{"kind": "429", "on": "delete"}]},
        {"numbers": {"+1415": "landline"}},
        {"numbers": {"abc": "invalid"}},
        {"numbers": {"12345": "invalid"}},
        {"numbers": {PHONE: "asleep"}},
        {"numbers": {PHONE: 7}},
        {"numbers": {PHONE: []}},
    ],
)
def test_a_wrong_fault_is_refused_with_a_sentence_and_changes_nothing(carrier, faults):
    before = carrier.faults({"latency": 0.001})
    response = requests.put(f"{carrier.url}/faults", json=faults, timeout=10)
    assert response.status_code == 400
    assert response.json()["error"].endswith(".")
    assert carrier.faults() == before


def test_what_is_shown_can_be_put_back(carrier):
    wanted = {"latency": 0.5, "rates": {"429": 0.1}, "next": [{"kind": "hang"}], "numbers": {PHONE: 30003}}
    shown = carrier.faults(wanted)
    assert carrier.faults(shown) == shown
    assert carrier.faults({})["rates"]["429"] == 0


def test_faults_come_from_the_command_line_too(server):
    options = {"fault": ["429=1", "callback-late=2"], "latency": 0.25, "outcome": "+14155550123=landline"}
    with SandboxProcess(server.url, "token", **options) as carrier:
        faults = carrier.faults()
    assert (faults["rates"]["429"], faults["callback-late"], faults["latency"]) == (1, 2, 0.25)
    assert faults["numbers"] == {"+14155550123": "landline"}
