"""The two webhooks: who is let in, and what becomes of what they bring."""

import hashlib
import json
from functools import partial

import pytest
from django.test import Client

from stories.tests.factory import make_story
from subscribers.models import Enrollment, Message, Subscriber

from .factory import OUR_NUMBER, make_enrollment
from .webhooks import INBOUND, READER, STATUS, new_sid, post, report, signature, signed_post, text

pytestmark = pytest.mark.django_db


def test_a_signed_text_is_answered_with_empty_twiml():
    response = text("Hello")
    assert response.status_code == 200
    assert response["Content-Type"] == "text/xml"
    assert response.content.endswith(b"<Response/>")


# Who is let in

BOTH = pytest.mark.parametrize("path", [INBOUND, STATUS])
FIELDS = {"MessageSid": "SM" + "1" * 32, "From": READER, "Body": "one", "MessageStatus": "delivered"}


def refused(response) -> bool:
    """Tell whether a post was refused, and has changed nothing."""
    return response.status_code == 403 and not Message.objects.exists()


@BOTH
def test_a_post_with_the_signature_of_what_it_says_is_let_in(path):
    assert signed_post(path, FIELDS).status_code in (200, 204)


@BOTH
@pytest.mark.parametrize("headers", [{}, {"X-Twilio-Signature": ""}, {"X-Twilio-Signature": "é" * 28}])
def test_a_post_without_a_signature_is_refused(path, headers):
    assert refused(post(path, FIELDS, headers))


@BOTH
def test_a_post_signed_with_another_token_is_refused(path):
    assert refused(signed_post(path, FIELDS, token="another"))


@BOTH
@pytest.mark.parametrize(
    "other",
    [
        FIELDS | {"Body": "two", "MessageStatus": "failed"},
        FIELDS | {"Later": "new"},
        {name: value for name, value in FIELDS.items() if name != "From"},
        FIELDS | {"Body": ["one", "two"], "MessageStatus": ["delivered", "failed"]},
        FIELDS | {"body": "two"},
    ],
)
def test_a_signature_for_another_body_is_refused(path, other):
    assert refused(post(path, other, {"X-Twilio-Signature": signature(path, FIELDS)}))


@BOTH
@pytest.mark.parametrize("other", ["?message=1", "?", "#here"])
def test_a_signature_for_another_address_is_refused(path, other):
    elsewhere = STATUS if path == INBOUND else INBOUND
    for signed, posted in ((path + other, path), (path, f"{path}?message=1"), (elsewhere, path)):
        assert refused(post(posted, FIELDS, {"X-Twilio-Signature": signature(signed, FIELDS)}))


@BOTH
def test_a_signature_covers_doubled_and_empty_parameters(path):
    doubled = FIELDS | {"Unknown": ["b", "a", ""], "OptOutType": ""}
    assert refused(post(path, FIELDS | {"Unknown": ["b", "c", ""]}, {"X-Twilio-Signature": signature(path, doubled)}))
    assert signed_post(path, doubled).status_code in (200, 204)


@BOTH
def test_two_secrets_are_good_while_a_token_is_replaced(path, settings):
    settings.TWILIO_AUTH_TOKEN, settings.TWILIO_WEBHOOK_SECRETS = "new", ("old",)
    assert refused(signed_post(path, FIELDS, token="older"))
    assert signed_post(path, FIELDS, token="old").status_code in (200, 204)
    assert signed_post(path, FIELDS, token="new").status_code in (200, 204)
    settings.TWILIO_WEBHOOK_SECRETS = ()
    assert signed_post(path, FIELDS, token="old").status_code == 403


@BOTH
def test_a_signature_by_sha256_is_as_good_and_only_for_who_says_so(path, settings):
    settings.TWILIO_WEBHOOK_SECRETS = ("secret-of-a-shared-key",)
    sha256 = signature(path, FIELDS, "secret-of-a-shared-key", "HMAC_SHA256")
    says = {"X-Twilio-Webhooks-Signature-Settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"}
    assert refused(post(path, FIELDS, {"X-Twilio-Signature": sha256}))
    assert refused(post(path, FIELDS, says | {"X-Twilio-Signature": signature(path, FIELDS)}))
    unknown = {"X-Twilio-Webhooks-Signature-Settings": "algorithm=NONE"}
    assert refused(post(path, FIELDS, unknown | {"X-Twilio-Signature": sha256}))
    assert post(path, FIELDS, says | {"X-Twilio-Signature": sha256}).status_code in (200, 204)


@BOTH
def test_a_body_that_is_signed_by_its_hash_alone_acts_on_nothing(client, path):
    """The carrier signs JSON by its SHA-256 in the address; these webhooks take forms alone."""
    body = json.dumps(FIELDS)
    address = f"{path}?bodySHA256={hashlib.sha256(body.encode()).hexdigest()}"
    headers = {"X-Twilio-Signature": signature(address, {})}
    response = client.post(address, body, content_type="application/json", headers=headers)
    assert response.status_code == 400
    assert not Message.objects.exists()


@pytest.mark.parametrize(("path", "status"), [(INBOUND, 200), (STATUS, 204)])
def test_a_webhook_whose_address_lacks_its_last_slash_works_the_same(path, status):
    fields = {"MessageSid": new_sid(), "From": READER, "Body": "one", "MessageStatus": "sent"}
    assert signed_post(path.rstrip("/"), fields).status_code == status
    assert signed_post(path.rstrip("/"), fields, token="another").status_code == 403


def test_the_public_address_is_what_is_signed(settings):
    settings.PUBLIC_URL = "https://texts.example.org"
    assert text("Hello").status_code == 200


@pytest.mark.parametrize("debug", [True, False])
def test_a_form_in_another_encoding_is_refused(client, settings, debug):
    settings.DEBUG = debug
    content_type = "application/x-www-form-urlencoded; charset=utf-16"
    # Without any signature it would be refused before it is read.
    response = client.post(INBOUND, "Body=x", content_type=content_type, headers={"X-Twilio-Signature": "any"})
    assert response.status_code == 400


@pytest.mark.parametrize("code", ["2147483648", "9" * 40, "-1", "x"])
def test_an_error_code_that_cannot_be_is_no_error(code):
    make_enrollment(sent=1)
    sid = Message.objects.get(step=1).sid
    assert signed_post(STATUS, {"MessageSid": sid, "MessageStatus": "failed", "ErrorCode": code}).status_code == 204


BROKEN_FORMS = {
    "no boundary": ("", b"zz"),
    "an empty boundary": ("; boundary=", b"zz"),
    "a boundary that is too long": (f"; boundary={'x' * 300}", b"zz"),
    "a file that is no base64": (
        "; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\nA\r\n--x--",
    ),
}


@BOTH
@pytest.mark.parametrize(("more", "body"), BROKEN_FORMS.values(), ids=BROKEN_FORMS)
def test_a_form_that_is_broken_is_no_error_of_ours(client, path, more, body, scrape):
    before = scrape()
    kind, headers = f"multipart/form-data{more}", {"X-Twilio-Signature": "a"}
    assert client.post(path, body, content_type=kind, headers=headers).status_code == 400
    counted = 'textengine_webhook_seconds_count{{code="{code}",webhook="{webhook}"}}'.format
    grown, webhook = scrape().since(before), path.split("/")[2]
    assert grown[counted(code=400, webhook=webhook)] == 1
    assert counted(code=500, webhook=webhook) not in grown


@pytest.mark.parametrize("path", [INBOUND, STATUS])
def test_only_posts_are_answered(client, path):
    assert client.get(path).status_code == 405


@pytest.mark.parametrize("path", [INBOUND, STATUS])
def test_a_post_of_a_megabyte_is_refused_before_it_is_read(path):
    """By its length alone: a body that nobody may read is refused, while one of a bearable length would be read."""
    assert signed_post(path, {"MessageSid": new_sid(), "From": READER, "Body": "x" * 1_000_000}).status_code == 413
    post_unread = partial(
        Client().post,
        path,
        content_type="application/x-www-form-urlencoded",
        headers={"X-Twilio-Signature": "a"},
        **{"wsgi.input": Unread()},
    )
    assert post_unread(CONTENT_LENGTH="1000000").status_code == 413
    with pytest.raises(AssertionError, match="was read"):
        post_unread(CONTENT_LENGTH="1000")


class Unread:
    """A body that nobody may read."""

    def read(self, *size: int):
        raise AssertionError("The body was read.")

    readline = read


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"From": ""}, "From is missing"),
        ({"From": "+1415" * 100}, "From has more than 100 characters"),
        ({"MessageSid": ""}, "MessageSid is missing"),
        ({"MessageSid": "SM123"}, "not a message's SID"),
        ({"MessageSid": "SM" + "z" * 32}, "not a message's SID"),
    ],
)
def test_a_text_that_cannot_be_used_is_refused_with_a_sentence(parameters, words):
    response = text("Hello", **parameters)
    assert response.status_code == 400
    assert words in response.content.decode()
    assert not Message.objects.exists()
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize("sender", ["12345", "ACME", "+1", "+0", "anonymous", "whatsapp:+14155550101", "+1415555010a"])
def test_a_sender_that_is_no_phone_number_is_kept_and_starts_nothing(sender):
    make_story(keyword="river")
    assert text("river", sender=sender).status_code == 200
    kept = Message.objects.get()
    assert (kept.sender, kept.subscriber, kept.body) == (sender, None, "river")
    assert not Enrollment.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "😀" * 1600,
        "\ud7ff\ue000",
        "a\r\nb\tc",
        "<script>alert(1)</script>",
        "%00",
        "'; DROP TABLE x; --",
        "\u202e",
    ],
)
def test_a_body_is_kept_exactly_as_it_came(body):
    assert text(body).status_code == 200
    assert Message.objects.get().body == body


def test_nul_characters_are_kept_as_replacement_characters():
    assert text("a\0b", sender="+1415555\x000101").status_code == 200
    assert Message.objects.get().body == "a\N{REPLACEMENT CHARACTER}b"


def test_ten_media_are_kept():
    urls = [f"https://api.twilio.com/media/{number}" for number in range(10)]
    media = {f"MediaUrl{number}": url for number, url in enumerate(urls)}
    assert text("Look", NumMedia="10", **media).status_code == 200
    assert Message.objects.get().media_urls == urls


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,<b>", "//example.org/a", " https://example.org"]
)
def test_a_medium_whose_address_is_no_link_is_left_out(url):
    assert text("Look", NumMedia="2", MediaUrl0=url, MediaUrl1="https://example.org/a").status_code == 200
    assert Message.objects.get().media_urls == ["https://example.org/a"]


@pytest.mark.parametrize("count", ["11", "-1", "x", "", "9" * 30, "9" * 5000, "¹", "٣"])
def test_a_count_of_media_that_cannot_be_is_no_error(count):
    assert text("Look", NumMedia=count, MediaUrl0="https://example.org/a").status_code == 200


def test_new_parameters_are_no_error():
    assert text("Hello", ChannelMetadata="{}", Later="new").status_code == 200


def test_the_same_sid_twice_acts_once():
    make_story(keyword="river")
    sid = new_sid()
    assert [text("river", sid=sid).status_code for _ in range(2)] == [200, 200]
    assert Message.objects.filter(direction="inbound").count() == 1
    assert Enrollment.objects.count() == 1


def test_an_inbound_text_keeps_which_number_of_ours_it_came_to():
    text("Hello")
    message = Message.objects.get()
    assert (message.number, str(message.subscriber.phone_number)) == (OUR_NUMBER, READER)


def test_a_status_of_an_unknown_message_is_answered_with_success():
    assert report(new_sid(), "delivered").status_code == 204


@pytest.mark.parametrize("query", ["message=x", "message=-1", "message=" + "9" * 40, "message=999"])
def test_a_status_that_names_no_message_of_ours_is_no_error(query):
    sid = new_sid()
    path = f"{STATUS}?{query}"
    assert signed_post(path, {"MessageSid": sid, "MessageStatus": "sent"}).status_code == 204
