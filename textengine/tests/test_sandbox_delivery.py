"""Statuses, status callbacks and pictures on their way to a phone."""

import pytest
import requests
from twilio.request_validator import RequestValidator

from .sandbox_process import SandboxProcess
from .webhook_receiver import Answer, File, Receiver

OURS, PHONE = "+15005550006", "+14155550123"
FINAL = ("delivered", "failed", "undelivered")


@pytest.fixture(scope="module")
def server():
    with Receiver() as server:
        yield server


@pytest.fixture(scope="module")
def carrier(server):
    with SandboxProcess(f"{server.url}/inbound", "token", number=OURS) as carrier:
        yield carrier


@pytest.fixture
def receiver(server, carrier):
    server.reset()
    carrier.faults({})
    return server


def send(carrier, receiver, **values):
    options = {"to": PHONE, "from_": OURS, "body": "Hello", "status_callback": f"{receiver.url}/status?id=7"}
    return carrier.client().messages.create(**{**options, **values})


def final(carrier, message):
    return carrier.wait_until(lambda: (now := message.fetch()).status in FINAL and now)


def callbacks(carrier, receiver, sid, count):
    carrier.wait_until(
        lambda: len(receiver.statuses(sid)) >= count, describe=lambda: f"callbacks are {receiver.statuses(sid)}"
    )
    return [call for call in receiver.calls if call.params.get("MessageSid") == sid]


def test_callbacks_tell_of_every_status_after_the_first(carrier, receiver):
    message = send(carrier, receiver)
    calls = callbacks(carrier, receiver, message.sid, 3)
    assert receiver.statuses(message.sid) == ["sending", "sent", "delivered"]
    params = calls[-1].params
    assert params.pop("RawDlrDoneDate").isdigit()
    assert params == {
        "MessageSid": message.sid,
        "SmsSid": message.sid,
        "MessageStatus": "delivered",
        "SmsStatus": "delivered",
        "AccountSid": message.account_sid,
        "From": OURS,
        "To": PHONE,
        "ApiVersion": "2010-04-01",
    }
    assert "RawDlrDoneDate" not in calls[0].params


def test_callbacks_are_signed_over_the_url_with_its_query(carrier, receiver):
    message = send(carrier, receiver, status_callback=f"{receiver.url}/status?id=7&name=J%C3%B6&x=a+b#rc=2")
    for call in callbacks(carrier, receiver, message.sid, 3):
        assert call.url == f"{receiver.url}/status?id=7&name=J%C3%B6&x=a+b"
        signature = call.headers["X-Twilio-Signature"]
        assert RequestValidator("token").validate(call.url, call.params, signature)
        assert not RequestValidator("other").validate(call.url, call.params, signature)


def test_a_callback_logs_in_with_the_urls_userinfo(carrier, receiver):
    url = receiver.url.replace("http://", "http://jo:secret@")
    message = send(carrier, receiver, status_callback=f"{url}/status")
    call = callbacks(carrier, receiver, message.sid, 1)[0]
    assert call.headers["Authorization"] == requests.auth._basic_auth_str("jo", "secret")
    assert RequestValidator("token").validate(f"{receiver.url}/status", call.params, call.headers["X-Twilio-Signature"])


def test_a_callback_names_the_messaging_service(carrier, receiver):
    service = "MG" + "0f" * 16
    message = send(carrier, receiver, from_=None, messaging_service_sid=service)
    params = callbacks(carrier, receiver, message.sid, 3)[0].params
    assert (params["MessagingServiceSid"], params["From"]) == (service, OURS)


def test_a_callback_that_nobody_answers_comes_once_more(carrier, receiver):
    receiver.answers["/lost"] = [Answer(drop=True)]
    message = send(carrier, receiver, status_callback=f"{receiver.url}/lost")
    calls = callbacks(carrier, receiver, message.sid, 4)
    assert receiver.statuses(message.sid) == ["sending", "sending", "sent", "delivered"]
    token = "I-Twilio-Idempotency-Token"
    assert calls[0].headers[token] == calls[1].headers[token] != calls[2].headers[token]


def test_a_refused_callback_is_not_repeated_but_shown(carrier, receiver):
    phone = "+14155550160"
    receiver.default = Answer(status=403)
    message = send(carrier, receiver, to=phone)
    callbacks(carrier, receiver, message.sid, 3)
    warnings = carrier.wait_until(lambda: len(found := carrier.thread(phone)["warnings"]) == 3 and found)
    assert warnings[0]["text"] == "The status callback (sending) answered 403."
    assert len(receiver.statuses(message.sid)) == 3


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        ("unreachable", "undelivered", 30003),
        ("blocked", "undelivered", 30004),
        ("carrier-rejected", "undelivered", 30007),
        (30006, "undelivered", 30006),
        (30001, "failed", 30001),
        ("30022", "failed", 30022),
    ],
)
def test_a_number_can_be_one_that_nothing_reaches(carrier, receiver, outcome, status, code):
    carrier.faults({"numbers": {PHONE: outcome}})
    message = send(carrier, receiver)
    count = 3 if status == "undelivered" else 2
    params = callbacks(carrier, receiver, message.sid, count)[-1].params
    assert (params["MessageStatus"], params["ErrorCode"]) == (status, str(code))
    fetched = message.fetch()
    assert (fetched.status, fetched.error_code) == (status, code)
    assert fetched.error_message


def test_a_picture_is_looked_at_and_then_fetched(carrier, receiver):
    phone = "+14155550161"
    receiver.files["/p.png?size=2"] = File(b"picture")
    message = send(carrier, receiver, to=phone, media_url=[f"{receiver.url}/p.png?size=2"])
    assert (message.sid[:2], message.num_media) == ("MM", "1")
    assert final(carrier, message).status == "delivered"
    assert receiver.fetches == [("HEAD", "/p.png?size=2"), ("GET", "/p.png?size=2")]
    (shown,) = carrier.thread(phone)["texts"][0]["media"]
    # The bytes are kept: the phone shows them also when the picture has gone from where it was.
    receiver.files.clear()
    answer = requests.get(carrier.url + shown["url"], timeout=10)
    assert (answer.content, answer.headers["Content-Type"]) == (b"picture", "image/png")


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, 11200),
        ({"/0": File(b"", status=500)}, 11200),
        ({"/0": File(b"x", allows_head=False)}, 11200),
        ({"/0": File(b"<html>", "text/html")}, 12300),
        ({"/0": File(b"x", None)}, 12300),
        ({"/0": File(b"x" * (5 * 1024 * 1024 + 1))}, 30019),
        ({"/0": File(b"x" * (500 * 1024 + 1), "image/webp")}, 30019),
        ({"/0": File(b"x" * 3 * 1024 * 1024), "/1": File(b"x" * 3 * 1024 * 1024)}, 30019),
    ],
)
def test_a_picture_that_cannot_be_carried_fails_its_message(carrier, receiver, files, code):
    receiver.files = files
    urls = [f"{receiver.url}/{number}" for number in range(max(len(files), 1))]
    message = send(carrier, receiver, media_url=urls)
    ended = final(carrier, message)
    assert (ended.status, ended.error_code) == ("failed", code)
    params = callbacks(carrier, receiver, message.sid, 2)[-1].params
    assert (params["MessageStatus"], params["ErrorCode"]) == ("failed", str(code))
    assert any("picture" in warning["text"] for warning in carrier.thread(PHONE)["warnings"])


def test_pictures_of_five_megabytes_together_pass(carrier, receiver):
    receiver.files = {"/a": File(b"x" * 3 * 1024 * 1024), "/b": File(b"x" * 2 * 1024 * 1024, "image/jpeg")}
    message = send(carrier, receiver, body="", media_url=[f"{receiver.url}/a", f"{receiver.url}/b"])
    assert final(carrier, message).status == "delivered"


def test_a_stop_that_comes_before_the_text_has_left_wins(receiver):
    with SandboxProcess(f"{receiver.url}/inbound", "token", number=OURS, delivery_delay=2) as carrier:
        message = send(carrier, receiver)
        carrier.text(PHONE, "STOP")
        ended = final(carrier, message)
        assert (ended.status, ended.error_code) == ("failed", 21610)
