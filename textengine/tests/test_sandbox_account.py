"""The sandbox's account, numbers and messaging services, driven by the real `twilio` client."""

import pytest
from twilio.base.exceptions import TwilioRestException

from .sandbox_process import ACCOUNT_SID, SandboxProcess
from .webhook_receiver import Receiver

OURS, OTHER_OF_OURS, PHONE = "+15005550006", "+15005550009", "+14155550123"
SERVICE = "MG" + "0f" * 16


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def carrier(receiver):
    receiver.reset()
    with SandboxProcess(f"{receiver.url}/first", "token", number=[OURS, OTHER_OF_OURS]) as carrier:
        yield carrier


def number(client, phone_number=OURS):
    [found] = client.incoming_phone_numbers.list(phone_number=phone_number)
    return found


def called(carrier, receiver, to=OURS) -> str:
    """Let a phone text this number; return the path that was called, empty where nothing was."""
    before = len(receiver.calls)
    carrier.text(PHONE, "Hello", to=to)
    return "".join(call.path for call in receiver.calls[before:])


def test_the_account_and_its_numbers_are_shown_to_who_logs_in(carrier):
    client = carrier.client()
    assert (client.api.accounts(ACCOUNT_SID).fetch().status, number(client).capabilities["sms"]) == ("active", True)
    assert [found.phone_number for found in client.incoming_phone_numbers.list()] == [OURS, OTHER_OF_OURS]
    assert client.incoming_phone_numbers.list(phone_number="+15005550007") == []
    client.auth = ACCOUNT_SID, "other"
    with pytest.raises(TwilioRestException) as refusal:
        client.api.accounts(ACCOUNT_SID).fetch()
    assert refusal.value.code == 20003


def test_a_text_is_taken_to_where_its_number_says(carrier, receiver):
    client = carrier.client()
    assert called(carrier, receiver) == "/first"
    changed = number(client).update(sms_url=f"{receiver.url}/second", sms_method="POST")
    assert changed.sms_url == number(client).sms_url == f"{receiver.url}/second"
    assert called(carrier, receiver) == "/second"
    assert called(carrier, receiver, OTHER_OF_OURS) == "/first"
    number(client).update(sms_application_sid="AP" + "1" * 32)
    assert called(carrier, receiver) == ""
    assert "is not set to post it to a URL" in carrier.thread(PHONE)["warnings"][-1]["text"]


def test_a_text_is_taken_to_where_its_service_says(carrier, receiver):
    service = carrier.client().messaging.v1.services(SERVICE)
    assert service.fetch().inbound_request_url == f"{receiver.url}/first"
    changed = service.update(inbound_request_url=f"{receiver.url}/third", use_inbound_webhook_on_number=False)
    assert (changed.inbound_request_url, changed.use_inbound_webhook_on_number) == (f"{receiver.url}/third", False)
    assert called(carrier, receiver) == "/third"


@pytest.mark.parametrize("values", [{"sms_url": "nowhere"}, {"sms_method": "PUT"}])
def test_what_cannot_be_called_is_refused(carrier, values):
    with pytest.raises(TwilioRestException) as refusal:
        number(carrier.client()).update(**values)
    assert refusal.value.code == 20001


def test_a_number_that_is_not_ours_is_not_found(carrier):
    with pytest.raises(TwilioRestException) as refusal:
        carrier.client().incoming_phone_numbers("PN" + "0" * 32).fetch()
    assert refusal.value.code == 20404
