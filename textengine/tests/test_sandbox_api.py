"""The sandbox's Messages API, driven by the real `twilio` client."""

import base64
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest
import requests
from twilio.base.exceptions import TwilioRestException

from .sandbox_process import ACCOUNT_SID, SandboxProcess
from .webhook_receiver import File, Receiver

OURS, OTHER_OF_OURS, PHONE = "+15005550006", "+15005550009", "+14155550123"
SERVICE = "MG" + "0f" * 16
FACTS = json.loads((Path(__file__).parent / "twilio_openapi.json").read_text())
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def carrier(receiver):
    with SandboxProcess(f"{receiver.url}/inbound", "token", number=[OURS, OTHER_OF_OURS]) as carrier:
        yield carrier


@pytest.fixture(scope="module")
def client(carrier):
    return carrier.client()


def send(client, **values):
    return client.messages.create(**{"to": PHONE, "from_": OURS, "body": "Hello", **values})


def post(carrier, account=ACCOUNT_SID, auth=(ACCOUNT_SID, "token"), **form):
    url = f"{carrier.url}/2010-04-01/Accounts/{account}/Messages.json"
    return requests.post(url, data=form, auth=auth, timeout=10)


def get(carrier, path):
    response = requests.get(carrier.url + path, auth=(ACCOUNT_SID, "token"), timeout=10)
    assert response.status_code == 200
    return response.json()


def delivered(carrier, message):
    def met():
        now = message.fetch()
        return now if now.status in ("delivered", "failed", "undelivered") else None

    return carrier.wait_until(met)


def test_an_accepted_message_is_queued_and_then_delivered(carrier, client):
    message = send(client, body="Hello €")
    assert (message.status, message.direction, message.num_segments) == ("queued", "outbound-api", "1")
    assert (message.date_sent, message.price, message.error_code) == (None, None, None)
    message = delivered(carrier, message)
    assert message.status == "delivered"
    assert (message.price, message.price_unit) == ("-0.00750", "USD")
    assert abs(message.date_sent - datetime.now(UTC)) < timedelta(minutes=1)


def test_two_segments_cost_twice(carrier, client):
    message = delivered(carrier, send(client, body="“" * 71))
    assert (message.num_segments, message.price) == ("2", "-0.01500")


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"From": OURS, "Body": "x"}, 21604),
        ({"To": PHONE, "Body": "x"}, 21603),
        ({"To": PHONE, "From": OURS}, 21602),
        ({"To": PHONE, "From": OURS, "Body": "x" * 1601}, 21617),
        ({"To": PHONE, "From": OURS, "MediaUrl": ["http://127.0.0.1/a.png"] * 11}, 21623),
        ({"To": PHONE, "From": OURS, "MediaUrl": "a.png"}, 21620),
        ({"To": "4155550123", "From": OURS, "Body": "x"}, 21211),
        ({"To": "+1415555", "From": OURS, "Body": "x"}, 21211),
        ({"To": PHONE, "From": "+1", "Body": "x"}, 21212),
        ({"To": PHONE, "From": "+15005550001", "Body": "x"}, 21606),
        ({"To": OURS, "From": OURS, "Body": "x"}, 21266),
        ({"To": PHONE, "From": OURS, "Body": "x", "StatusCallback": "/status/"}, 21609),
        ({"To": PHONE, "From": OURS, "Body": "x", "StatusCallback": "http://localhost/a b"}, 21609),
        ({"To": PHONE, "From": OURS, "Body": "x", "ValidityPeriod": "0"}, 21624),
        ({"To": PHONE, "From": OURS, "Body": "x", "ValidityPeriod": "36001"}, 21624),
        ({"To": PHONE, "MessagingServiceSid": "MG1", "Body": "x"}, 21701),
    ],
)
def test_a_wrong_message_gets_twilios_number(carrier, form, code):
    known = len(carrier.messages(PHONE))
    response = post(carrier, **form)
    assert response.status_code == 400
    envelope = response.json()
    assert set(envelope) == {"code", "message", "more_info", "status"}
    assert (envelope["code"], envelope["status"]) == (code, 400)
    assert envelope["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert len(carrier.messages(PHONE)) == known


def test_the_longest_message_and_unknown_parameters_are_accepted(carrier):
    form = {"To": PHONE, "From": OURS, "Body": "x" * 1600, "ValidityPeriod": "36000", "SmartEncoded": "true"}
    response = post(carrier, **form)
    assert response.status_code == 201
    assert response.json()["num_segments"] == "11"


@pytest.mark.parametrize(
    ("account", "auth"),
    [
        (ACCOUNT_SID, None),
        (ACCOUNT_SID, (ACCOUNT_SID, "wrong")),
        (ACCOUNT_SID, ("AC" + "0" * 32, "token")),
        ("AC" + "0" * 32, (ACCOUNT_SID, "token")),
        ("me", ("me", "token")),
    ],
)
def test_a_wrong_login_gets_20003(carrier, account, auth):
    response = post(carrier, account, auth, To=PHONE, From=OURS, Body="x")
    assert response.status_code == 401
    assert (response.json()["code"], response.json()["status"]) == (20003, 401)
    assert response.headers["WWW-Authenticate"].startswith("Basic")


def test_only_the_named_account_is_let_in(receiver):
    named = "AC" + "12" * 16
    with SandboxProcess(receiver.url, "token", account_sid=named) as carrier:
        send(carrier.client(named))
        with pytest.raises(TwilioRestException) as refusal:
            send(carrier.client())
    assert refusal.value.code == 20003


def test_a_messaging_service_chooses_the_sender_when_it_sends(carrier, client):
    message = send(client, from_=None, messaging_service_sid=SERVICE)
    assert (message.status, message.from_, message.messaging_service_sid) == ("accepted", None, SERVICE)
    assert delivered(carrier, message).from_ == OURS


def test_a_list_comes_newest_first_and_in_pages(carrier, client):
    phone = "+14155550150"
    sids = [send(client, to=phone, body=str(number)).sid for number in range(7)]
    assert [message.sid for message in client.messages.list(to=phone)] == sids[::-1]
    assert [message.sid for message in client.messages.stream(to=phone, page_size=3)] == sids[::-1]
    assert [message.sid for message in client.messages.list(to=phone, limit=2)] == sids[:-3:-1]
    page = client.messages.page(to=phone, page_size=3)
    # A text that arrives between two pages shifts none of them.
    send(client, to=phone, body="late")
    second = page.next_page()
    assert [message.sid for message in second] == sids[3:0:-1]
    assert [message.sid for message in second.previous_page()] == sids[:3:-1]


def test_a_list_is_filtered_by_both_numbers(client):
    phone = "+14155550151"
    first, second = send(client, to=phone), send(client, to=phone, from_=OTHER_OF_OURS)
    assert [message.sid for message in client.messages.list(to=phone, from_=OURS)] == [first.sid]
    assert [message.sid for message in client.messages.list(to=phone, from_=OTHER_OF_OURS)] == [second.sid]
    assert client.messages.list(to=phone, from_="+15005550001") == []


def test_inbound_messages_are_listed_too(carrier, client):
    phone = "+14155550152"
    # Whose they are is known since that account's first request.
    send(client)
    sid = carrier.text(phone, "River")["sid"]
    assert [message.sid for message in client.messages.list(from_=phone, to=OURS)] == [sid]
    assert client.messages.list(from_=phone, to=OTHER_OF_OURS) == []


def test_a_list_is_filtered_by_date(client):
    phone = "+14155550153"
    message = send(client, to=phone)
    now, today, second = message.date_created, message.date_created.date(), timedelta(seconds=1)
    sids = [message.sid]

    def found(**filters):
        return [found.sid for found in client.messages.list(to=phone, **filters)]

    # Even while it is queued: whoever lost the answer looks for it at once.
    assert found(date_sent_after=now - second) == sids
    assert found(date_sent_after=now + 60 * second) == []
    assert found(date_sent_before=now + 60 * second) == sids
    assert found(date_sent_before=now - second) == []
    assert found(date_sent_after=now - second, date_sent_before=now + 60 * second) == sids
    assert found(date_sent=today) == sids
    assert found(date_sent=date(2001, 1, 1)) == []
    assert found(date_sent_after=today) == sids
    assert found(date_sent_before=today) == []


def test_a_page_token_of_another_list_is_refused(carrier):
    url = f"{carrier.url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json?PageToken=nonsense"
    assert requests.get(url, auth=(ACCOUNT_SID, "token"), timeout=10).status_code == 400


def test_redacting_empties_the_body(carrier, client):
    message = delivered(carrier, send(client))
    assert message.update(body="").body == ""
    assert message.fetch().body == ""
    with pytest.raises(TwilioRestException) as refusal:
        message.update(body="other words")
    assert refusal.value.status == 400


def test_a_message_is_deleted_once_its_delivery_has_ended(carrier, client):
    phone = "+14155550154"
    message = send(client, to=phone)
    with pytest.raises(TwilioRestException) as refusal:
        message.delete()
    assert (refusal.value.status, refusal.value.code) == (409, 20009)
    assert delivered(carrier, message).delete() is True
    with pytest.raises(TwilioRestException) as refusal:
        message.fetch()
    assert (refusal.value.status, refusal.value.code) == (404, 20404)
    assert carrier.messages(phone) == []
    assert client.messages.list(to=phone) == []


def test_a_canceled_message_is_never_sent(receiver):
    with SandboxProcess(receiver.url, "token", delivery_delay=1) as carrier:
        client = carrier.client()
        message = send(client)
        assert message.update(status="canceled").status == "canceled"
        after = send(client, to="+14155550155")
        assert delivered(carrier, after).status == "delivered"
        assert message.fetch().status == "canceled"
        with pytest.raises(TwilioRestException):
            after.update(status="canceled")


def test_an_unknown_path_or_message_gets_20404(carrier):
    base = f"{carrier.url}/2010-04-01/Accounts/{ACCOUNT_SID}"
    for path in ("/Calls.json", f"/Messages/SM{'0' * 32}.json", f"/Messages/SM{'0' * 32}/Media.json"):
        response = requests.get(base + path, auth=(ACCOUNT_SID, "token"), timeout=10)
        assert (response.status_code, response.json()["code"]) == (404, 20404)


def test_every_answer_has_the_shape_that_twilio_publishes(carrier, client, receiver):
    phone = "+14155550156"
    receiver.files["/p.png"] = File(PNG)
    carrier.text(phone, "River", media_url=[f"{receiver.url}/p.png"])
    picture = send(client, to=phone, media_url=[f"{receiver.url}/p.png"])
    carrier.faults({"numbers": {phone: "unreachable"}})
    failed = send(client, to=phone)
    service = send(client, from_=None, to=phone, messaging_service_sid=SERVICE)
    account = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages"
    jsonschema.validate(post(carrier, To=phone, From=OURS, Body="x").json(), FACTS["message"])
    jsonschema.validate(get(carrier, f"{account}/{service.sid}.json"), FACTS["message"])
    assert delivered(carrier, failed).error_code == 30003
    delivered(carrier, picture)
    carrier.faults({})
    for message in carrier.messages(phone):
        jsonschema.validate(message, FACTS["message"])
    jsonschema.validate(get(carrier, f"{account}.json?PageSize=2&Page=1"), FACTS["message_list"])
    media = get(carrier, f"{account}/{picture.sid}/Media.json")
    jsonschema.validate(media, FACTS["media_list"])
    jsonschema.validate(get(carrier, media["media_list"][0]["uri"]), FACTS["media"])


def test_media_are_listed_handed_out_and_deleted(carrier, client, receiver):
    receiver.files["/p.png"] = File(PNG)
    message = delivered(carrier, send(client, media_url=[f"{receiver.url}/p.png"]))
    (media,) = message.media.list()
    assert (media.content_type, media.parent_sid, message.num_media) == ("image/png", message.sid, "1")
    uri = carrier.url + media.uri.removesuffix(".json")
    assert requests.get(uri, auth=(ACCOUNT_SID, "token"), timeout=10).content == PNG
    assert requests.get(uri, timeout=10).status_code == 401
    assert media.delete() is True
    assert message.media.list() == []
    assert requests.get(uri, auth=(ACCOUNT_SID, "token"), timeout=10).status_code == 404
