"""Texts from phones: the webhook call, what its answer does, and the carrier's own keywords."""

import itertools

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator

from .sandbox_process import SandboxProcess
from .webhook_receiver import Answer, File, Receiver

OURS, TOLL_FREE, SHORT_CODE = "+15005550006", "+18005550006", "54321"
PHONES = itertools.count(2000)


@pytest.fixture(scope="module")
def server():
    with Receiver() as server:
        yield server


@pytest.fixture(scope="module")
def carrier(server):
    url = server.url.replace("http://", "http://jo:secret@") + "/inbound?from=twilio&x=a%20b#rp=ct"
    with SandboxProcess(url, "token", number=[OURS, TOLL_FREE, SHORT_CODE]) as carrier:
        yield carrier


@pytest.fixture
def receiver(server, carrier):
    server.reset()
    carrier.faults({})
    return server


@pytest.fixture
def phone():
    """Give each test a phone of its own, so that none sees another's thread."""
    return f"+1415555{next(PHONES)}"


def replies(carrier, phone, count=1):
    def came(messages):
        return len([1 for message in messages if message["direction"] == "outbound-reply"]) >= count

    return [m["body"] for m in carrier.wait_for(phone, came) if m["direction"] == "outbound-reply"]


def send(carrier, phone, from_=OURS):
    return carrier.client().messages.create(to=phone, from_=from_, body="Hello")


def test_a_text_calls_the_webhook_with_everything_twilio_sends(carrier, receiver, phone):
    message = carrier.text(phone, "River “süß”")
    (call,) = receiver.calls
    assert call.params == {
        "MessageSid": message["sid"],
        "SmsSid": message["sid"],
        "SmsMessageSid": message["sid"],
        "AccountSid": message["account_sid"],
        "From": phone,
        "To": OURS,
        "Body": "River “süß”",
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "ApiVersion": "2010-04-01",
        "FromCity": "SAN FRANCISCO",
        "FromState": "CA",
        "FromZip": "94105",
        "FromCountry": "US",
        "ToCity": "",
        "ToState": "",
        "ToZip": "",
        "ToCountry": "US",
    }
    assert (message["direction"], message["status"], message["from"]) == ("inbound", "received", phone)


def test_the_webhook_is_signed_without_userinfo_and_fragment(carrier, receiver, phone):
    carrier.text(phone, "River & sea = ?")
    (call,) = receiver.calls
    assert call.url == f"{receiver.url}/inbound?from=twilio&x=a%20b"
    assert call.headers["Authorization"] == requests.auth._basic_auth_str("jo", "secret")
    signature = call.headers["X-Twilio-Signature"]
    assert RequestValidator("token").validate(call.url, call.params, signature)
    assert not RequestValidator("token").validate(call.url, {**call.params, "Body": "x"}, signature)


def test_a_picture_from_a_phone_is_kept_behind_the_login(carrier, receiver, phone):
    receiver.files["/p.png"] = File(b"picture")
    message = carrier.text(phone, "", media_url=[f"{receiver.url}/p.png"])
    params = receiver.calls[0].params
    assert (message["sid"][:2], params["NumMedia"], params["MediaContentType0"]) == ("MM", "1", "image/png")
    url = params["MediaUrl0"]
    assert url.startswith(f"{carrier.url}/2010-04-01/Accounts/{params['AccountSid']}/Messages/{message['sid']}/")
    assert requests.get(url, timeout=10).status_code == 401
    assert requests.get(url, auth=(params["AccountSid"], "token"), timeout=10).content == b"picture"


def test_a_picture_that_leads_nowhere_arrives_all_the_same(carrier, receiver, phone):
    carrier.text(phone, "Look", media_url=[f"{receiver.url}/gone.jpg"])
    params = receiver.calls[0].params
    assert (params["NumMedia"], params["MediaContentType0"]) == ("1", "image/jpeg")
    login = (params["AccountSid"], "token")
    assert requests.get(params["MediaUrl0"], auth=login, timeout=10).status_code == 404
    assert "no content" in carrier.thread(phone)["warnings"][0]["text"]


@pytest.mark.parametrize("number", ["12345", "ACME", "+442079460123"])
def test_short_codes_names_and_foreign_phones_can_text(carrier, receiver, number):
    carrier.text(number, "River")
    assert receiver.calls[0].params["From"] == number
    assert carrier.messages(number)[-1]["body"] == "River"


def test_a_phone_may_name_which_of_our_numbers_it_texts(carrier, receiver, phone):
    carrier.text(phone, "River", to=TOLL_FREE)
    assert receiver.calls[0].params["To"] == TOLL_FREE


@pytest.mark.parametrize("spelling", ["+14155550170", "%2B14155550170", "14155550170", " 14155550170"])
def test_a_number_in_a_path_may_be_spelled_as_people_do(carrier, receiver, spelling):
    response = requests.post(f"{carrier.url}/phones/{spelling}/messages", json={"body": "x"}, timeout=10)
    assert (response.status_code, response.json()["from"]) == (201, "+14155550170")
    assert requests.get(f"{carrier.url}/phones/{spelling}/messages", timeout=10).json()


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("+14155550171", b"no json"),
        ("+14155550171", b"[]"),
        ("+14155550171", b"{}"),
        ("+14155550171", b'{"body": 7}'),
        ("+14155550171", b'{"body": "x", "to": 7}'),
        ("+14155550171", b'{"body": "x", "to": "nobody at all"}'),
        ("+14155550171", b'{"body": "x", "media_url": ["/p.png"]}'),
        ("+14155550171", b'{"body": "x", "media_url": {"a": 1}}'),
        ("+1415", b'{"body": "x"}'),
        (OURS, b'{"body": "x"}'),
    ],
)
def test_bad_input_gets_a_sentence(carrier, receiver, path, content):
    response = requests.post(f"{carrier.url}/phones/{path}/messages", data=content, timeout=10)
    assert response.status_code == 400
    assert response.json()["error"].endswith(".")
    assert receiver.calls == []


def test_another_sites_page_cannot_text(carrier, receiver):
    url = f"{carrier.url}/phones/+14155550171/messages"
    response = requests.post(url, json={"body": "x"}, headers={"Origin": "http://evil.example"}, timeout=10)
    assert response.status_code == 400
    own = requests.post(url, json={"body": "x"}, headers={"Origin": carrier.url}, timeout=10)
    assert own.status_code == 201


def test_an_unknown_phone_has_no_messages_and_known_ones_are_listed(carrier, receiver, phone):
    assert carrier.messages(phone) == []
    carrier.text(phone, "River")
    known = requests.get(f"{carrier.url}/phones", timeout=10).json()
    assert {"number": phone, "messages": 1} in known


@pytest.mark.parametrize(
    ("answer", "texts"),
    [
        (Answer(body="<Response><Message>Hi &amp; bye</Message></Response>"), ["Hi & bye"]),
        (Answer(body='<?xml version="1.0" encoding="UTF-8"?><Response><Sms>Hi</Sms></Response>'), ["Hi"]),
        (Answer(body="<Response><Message><Body>One</Body></Message><Message>Two</Message></Response>"), ["One", "Two"]),
        (Answer(body="Plain text", content_type="text/plain; charset=utf-8"), ["Plain text"]),
    ],
)
def test_what_the_webhook_answers_is_texted_back(carrier, receiver, phone, answer, texts):
    receiver.default = answer
    carrier.text(phone, "River")
    assert replies(carrier, phone, len(texts)) == texts


def test_a_picture_in_twiml_is_sent(carrier, receiver, phone):
    receiver.files["/p.png"] = File(b"picture")
    receiver.default = Answer(
        body=f"<Response><Message><Body>Look</Body><Media>{receiver.url}/p.png</Media></Message></Response>"
    )
    carrier.text(phone, "River")
    replies(carrier, phone)
    carrier.wait_for(phone, lambda messages: messages[-1]["status"] == "delivered")
    assert carrier.messages(phone)[-1]["num_media"] == "1"
    assert ("GET", "/p.png") in receiver.fetches


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(status=403), "answered 403"),
        (Answer(status=500, body="<Response><Message>no</Message></Response>"), "answered 500"),
        (Answer(status=302, location="/elsewhere"), "answered 302"),
        (Answer(body="<Response><Message>Hi"), "broken"),
        (Answer(body="<html/>"), "<html>"),
        (Answer(body="<Response><Dial>1</Dial></Response>"), "<Dial>"),
        (Answer(body="{}", content_type="application/json"), "application/json"),
        (Answer(body=f"<Response><!--{'x' * 70000}--></Response>"), "64 kB"),
    ],
)
def test_an_answer_that_twilio_cannot_use_is_shown_at_the_phone(carrier, receiver, phone, answer, words):
    receiver.default = answer
    carrier.text(phone, "River")
    assert words in carrier.thread(phone)["warnings"][-1]["text"]
    assert len(carrier.messages(phone)) == 1
    assert len(receiver.calls) == 1


def test_an_empty_answer_is_fine(carrier, receiver, phone):
    receiver.default = Answer(status=204, body="", content_type=None)
    carrier.text(phone, "River")
    assert carrier.thread(phone)["warnings"] == []


def test_a_lost_connection_is_tried_once_more_with_the_same_sid(carrier, receiver, phone):
    receiver.answers["/inbound"] = [Answer(drop=True)]
    message = carrier.text(phone, "River")
    first, second = carrier.wait_until(lambda: len(receiver.calls) == 2 and receiver.calls)
    assert first.params == second.params
    assert first.params["MessageSid"] == message["sid"]
    token = "I-Twilio-Idempotency-Token"
    assert first.headers[token] == second.headers[token]
    assert carrier.thread(phone)["warnings"] == []


def test_a_text_returns_after_the_first_attempt_also_when_nobody_answers(carrier, receiver, phone):
    receiver.answers["/inbound"] = [Answer(drop=True), Answer(drop=True)]
    carrier.text(phone, "River")
    assert len(receiver.calls) == 1
    carrier.wait_until(lambda: carrier.thread(phone)["warnings"])
    assert len(receiver.calls) == 2
    assert "closed the connection" in carrier.thread(phone)["warnings"][0]["text"]


def test_a_text_returns_only_when_the_webhook_has_answered(carrier, receiver, phone):
    receiver.default = Answer(body="<Response><Message>Hi</Message></Response>", seconds=0.3)
    carrier.text(phone, "River")
    assert [message["direction"] for message in carrier.messages(phone)] == ["inbound", "outbound-reply"]


def test_the_url_can_ask_for_more_attempts(receiver):
    receiver.answers["/inbound"] = [Answer(status=500), Answer(status=404)]
    with SandboxProcess(f"{receiver.url}/inbound#rc=3&rp=all", "token") as carrier:
        carrier.text("+14155550172", "River")
        carrier.wait_until(lambda: len(receiver.calls) == 3)
        assert carrier.thread("+14155550172")["warnings"] == []


@pytest.mark.parametrize("word", ["STOP", "stopall", " Unsubscribe ", "END", "quit", "Cancel", "REVOKE", "optout\n"])
def test_a_stopped_number_gets_21610(carrier, receiver, phone, word):
    carrier.text(phone, word)
    assert "unsubscribed" in replies(carrier, phone)[0]
    assert receiver.calls[0].params["Body"] == word
    with pytest.raises(TwilioRestException) as refusal:
        send(carrier, phone)
    assert (refusal.value.status, refusal.value.code) == (400, 21610)
    # The pair is blocked, not the phone.
    assert send(carrier, phone, TOLL_FREE).status == "queued"
    assert carrier.thread(phone)["stopped"] is True


@pytest.mark.parametrize("body", ["please stop", "STOP it", "STOP.", "don't stop"])
def test_a_text_that_only_contains_stop_stops_nothing(carrier, receiver, phone, body):
    carrier.text(phone, body)
    assert send(carrier, phone).status == "queued"


@pytest.mark.parametrize("word", ["START", "unstop", "Yes "])
def test_start_opens_the_pair_again(carrier, receiver, phone, word):
    carrier.text(phone, "STOP")
    carrier.text(phone, word)
    assert "re-subscribed" in replies(carrier, phone, 2)[1]
    assert send(carrier, phone).status == "queued"
    assert [call.params["Body"] for call in receiver.calls] == ["STOP", word]


def test_yes_is_an_ordinary_text_for_a_number_that_has_not_stopped(carrier, receiver, phone):
    carrier.text(phone, "YES")
    assert [message["direction"] for message in carrier.messages(phone)] == ["inbound"]


def test_yes_does_not_open_a_toll_free_number(carrier, receiver, phone):
    carrier.text(phone, "STOP", to=TOLL_FREE)
    carrier.text(phone, "YES", to=TOLL_FREE)
    with pytest.raises(TwilioRestException):
        send(carrier, phone, TOLL_FREE)
    carrier.text(phone, "START", to=TOLL_FREE)
    assert send(carrier, phone, TOLL_FREE).status == "queued"


def test_a_short_code_leaves_the_words_to_the_project(carrier, receiver, phone):
    carrier.text(phone, "STOP", to=SHORT_CODE)
    assert [message["direction"] for message in carrier.messages(phone)] == ["inbound"]
    assert len(receiver.calls) == 1


@pytest.mark.parametrize("word", ["HELP", "info"])
def test_help_is_answered_and_passed_on(carrier, receiver, phone, word):
    carrier.text(phone, word)
    assert "Reply STOP" in replies(carrier, phone)[0]
    assert len(receiver.calls) == 1


def test_a_second_stop_gets_no_second_reply_and_the_webhooks_reply_is_held_back(carrier, receiver, phone):
    receiver.default = Answer(body="<Response><Message>Goodbye</Message></Response>")
    carrier.text(phone, "STOP")
    carrier.text(phone, "STOP")
    assert ["unsubscribed" in text for text in replies(carrier, phone)] == [True]
    assert "STOP" in carrier.thread(phone)["warnings"][0]["text"]
