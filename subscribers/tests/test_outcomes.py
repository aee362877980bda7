"""What follows from the carrier's answers and callbacks, provoked at the real sandbox."""

import json
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import permutations

import pytest
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers import claiming, consent, dispatch
from subscribers.models import Enrollment, Hold, Message, Sender, Subscriber
from subscribers.outcomes import LOOK_UP_AFTER, Outcome, backoff, record
from textengine.carrier import Accepted, CarrierError
from textengine.carrier_codes import Action, action_for
from textengine.tests.sandbox_process import SandboxProcess

from .engine import claimed, work
from .factory import make_enrollment
from .webhooks import new_sid, report

pytestmark = pytest.mark.django_db


@pytest.fixture
def enrollment():
    """A passage whose first text is due now."""
    return make_enrollment(story=make_story(texts=[("One", 0), ("Two", 60)]))


def phone(enrollment) -> str:
    return str(enrollment.subscriber.phone_number)


def outbound(sandbox, enrollment) -> list[str]:
    return [message["body"] for message in sandbox.messages(phone(enrollment))]


@pytest.mark.parametrize("kind", ["429", "500", "drop-before"])
def test_a_text_that_was_not_accepted_is_sent_again_and_arrives_once(sandbox, enrollment, kind):
    sandbox.faults({"next": [{"kind": kind, "count": 1}]})
    work()
    message = enrollment.messages.get()
    assert message.attempts == 1
    assert message.reason
    assert outbound(sandbox, enrollment) == []
    now = timezone.now() + LOOK_UP_AFTER + timedelta(seconds=5)
    work(now)
    work(now + timedelta(seconds=10))
    assert outbound(sandbox, enrollment) == ["One"]
    assert enrollment.messages.get(step=1).status == "queued"


@pytest.mark.parametrize("kind", ["500-after", "drop-after", "garbage"])
def test_a_text_that_was_accepted_without_a_usable_answer_is_adopted_and_not_sent_again(sandbox, enrollment, kind):
    sandbox.faults({"next": [{"kind": kind, "count": 1}]})
    work()
    message = enrollment.messages.get()
    assert (message.status, message.sid) == ("sending", None)
    work(timezone.now() + LOOK_UP_AFTER + timedelta(seconds=5))
    message.refresh_from_db()
    assert outbound(sandbox, enrollment) == ["One"]
    assert message.sid == sandbox.messages(phone(enrollment))[0]["sid"]
    assert enrollment.messages.get(step=2).status == "scheduled"


def test_a_429_slows_its_number_down_and_keeps_the_queues_order(sandbox, enrollment):
    due = enrollment.messages.get().due_at
    sandbox.faults({"next": [{"kind": "429", "count": 1}]})
    work()
    message = enrollment.messages.get()
    assert (message.status, message.error_code, message.begun_at) == ("scheduled", 20429, None)
    assert message.due_at == due
    sender = Sender.objects.get()
    assert timezone.now() < sender.free_at < timezone.now() + timedelta(seconds=5)
    later = make_enrollment(story=enrollment.story)
    assert claimed() == []
    [(_, ids, _)] = claimed(sender.free_at)
    assert ids == [message.pk, later.messages.get().pk]


def test_the_rest_of_a_task_is_given_back_at_a_429(sandbox, monkeypatch):
    monkeypatch.setattr(dispatch, "AT_ONCE", 1)
    monkeypatch.setattr(dispatch, "GROUP", 1)
    story = make_story(texts=[("One", 0)])
    for _ in range(3):
        make_enrollment(story=story)
    sandbox.faults({"next": [{"kind": "429", "count": 3}]})
    work()
    assert sorted(Message.objects.values_list("status", "attempts")) == [
        ("scheduled", 0),
        ("scheduled", 0),
        ("scheduled", 1),
    ]


@pytest.mark.parametrize(
    ("code", "least", "most"),
    [(30003, timedelta(seconds=1), timedelta(seconds=3)), (30023, timedelta(hours=23), timedelta(hours=25))],
)
def test_a_text_that_the_network_lost_is_sent_again_later(sandbox, enrollment, code, least, most):
    work()
    message = enrollment.messages.get(step=1)
    report(message.sid, "undelivered", error_code=code)
    again = Message.objects.get(again=message)
    assert (again.body, again.status, again.step, again.attempts) == ("One", "scheduled", None, 1)
    assert least < again.due_at - timezone.now() < most
    report(message.sid, "undelivered", error_code=code)
    assert Message.objects.filter(again=message).count() == 1
    work(again.due_at)
    assert outbound(sandbox, enrollment).count("One") == 2


def test_a_text_is_given_up_that_the_network_loses_again_and_again(sandbox, enrollment):
    work()
    message = enrollment.messages.get(step=1)
    for _ in range(10):
        report(message.sid, "undelivered", error_code=30008)
        again = Message.objects.filter(again=message).first()
        if again is None:
            break
        work(again.due_at)
        message = Message.objects.get(pk=again.pk)
    assert outbound(sandbox, enrollment) == ["One"] * 5
    assert enrollment.messages.get(step=2).status == "scheduled"


def test_a_phone_that_is_unknown_twice_ends_all_that_its_reader_reads(sandbox, enrollment):
    other = make_enrollment(enrollment.subscriber, make_story(texts=[("Another", 3600)]))
    work()
    message = enrollment.messages.get(step=1)
    report(message.sid, "undelivered", error_code=30005)
    enrollment.refresh_from_db()
    assert enrollment.status == "active"
    again = Message.objects.get(again=message)
    work(again.due_at)
    again.refresh_from_db()
    report(again.sid, "undelivered", error_code=30005)
    for ended in (enrollment, other):
        ended.refresh_from_db()
        assert (ended.status, ended.reason) == ("failed", "unknown phone (30005)")
    assert not Message.objects.filter(status="scheduled").exists()


@pytest.mark.parametrize("code", [30007, 30019])
def test_a_text_that_the_network_refused_is_not_sent_again(sandbox, enrollment, code):
    work()
    report(enrollment.messages.get(step=1).sid, "undelivered", error_code=code)
    assert not Message.objects.exclude(again=None).exists()


def test_a_lost_text_is_not_sent_again_to_a_reader_who_stopped(sandbox, enrollment):
    work()
    message = enrollment.messages.get(step=1)
    report(message.sid, "undelivered", error_code=30003)
    consent.opt_out(enrollment.subscriber, timezone.now(), "the reader texted STOP")
    assert Message.objects.get(again=message).status == "canceled"
    report(message.sid, "undelivered", error_code=30008)
    assert Message.objects.filter(again=message).count() == 1


def test_an_unknown_outcome_is_asked_again_while_the_carrier_cannot_say(sandbox, enrollment):
    sandbox.faults({"next": [{"kind": "drop-after", "count": 1}, {"kind": "500", "count": 1, "on": "read"}]})
    work()
    now = timezone.now() + LOOK_UP_AFTER + timedelta(seconds=1)
    work(now)
    message = enrollment.messages.get()
    assert (message.status, message.sid) == ("sending", None)
    work(now + timedelta(minutes=2))
    assert enrollment.messages.get(step=1).sid
    assert outbound(sandbox, enrollment) == ["One"]


def test_a_lookup_never_adopts_what_is_another_messages(sandbox, enrollment):
    """The same words to the same reader twice: the carrier's one message cannot stand for both rows."""
    work()
    first = enrollment.messages.get(step=1)
    twin = Message.objects.create(
        direction="outbound", subscriber=enrollment.subscriber, body="One", status="scheduled", due_at=timezone.now()
    )
    sandbox.faults({"next": [{"kind": "drop-before", "count": 1}]})
    work()
    now = timezone.now() + LOOK_UP_AFTER + timedelta(seconds=5)
    work(now)
    work(now + timedelta(seconds=10))
    twin.refresh_from_db()
    assert twin.status == "queued"
    assert twin.sid != first.sid
    assert outbound(sandbox, enrollment) == ["One", "One"]


def test_a_callback_settles_a_message_whose_answer_was_lost(sandbox, enrollment):
    sandbox.faults({"next": [{"kind": "drop-after", "count": 1}]})
    work()
    message = enrollment.messages.get()
    sid = sandbox.messages(phone(enrollment))[0]["sid"]
    assert report(sid, "delivered", message_id=message.pk).status_code == 204
    message.refresh_from_db()
    assert (message.sid, message.status) == (sid, "delivered")
    assert enrollment.messages.get(step=2).status == "scheduled"
    assert work(timezone.now() + timedelta(seconds=50)) == 0


def test_a_callback_before_the_answer_is_recorded_doubles_nothing(sandbox, enrollment):
    [(_, ids, lease)] = claimed()
    [request] = dispatch.begin(ids, lease, timezone.now())
    sid = new_sid()
    report(sid, "sent", message_id=request.message_id)
    record(
        [Outcome(request.message_id, timezone.now(), accepted=Accepted(sid, "One", "queued", 1, timezone.now()))], lease
    )
    assert enrollment.messages.get(step=1).status == "sent"
    assert enrollment.messages.count() == 2


@pytest.mark.parametrize("last", ["delivered", "undelivered", "failed"])
@pytest.mark.parametrize("order", list(permutations(["the answer", "sending", "sent", "the last"])))
def test_statuses_only_move_forward_in_whatever_order_they_come(enrollment, order, last):
    [(_, ids, lease)] = claimed()
    [request] = dispatch.begin(ids, lease, timezone.now())
    sid, code = new_sid(), None if last == "delivered" else 30003
    statuses = []
    for event in order:
        for _ in range(2):
            if event == "the answer":
                accepted = Accepted(sid, "One", "queued", 1, timezone.now())
                record([Outcome(request.message_id, timezone.now(), accepted)], lease)
            elif event == "the last":
                assert report(sid, last, code, message_id=request.message_id).status_code == 204
            else:
                assert report(sid, event, message_id=request.message_id).status_code == 204
            statuses.append(enrollment.messages.get(step=1).status)
    ranks = [Message.RANKS[status] for status in statuses]
    assert ranks == sorted(ranks)
    assert statuses[-1] == last
    assert enrollment.messages.get(step=2).status == "scheduled"
    # What the network lost is repeated once, however often it is reported.
    assert enrollment.messages.filter(step=None).count() == (0 if last == "delivered" else 1)


def test_the_first_final_status_stands(sandbox, enrollment):
    work()
    message = enrollment.messages.get(step=1)
    report(message.sid, "undelivered", 30003)
    report(message.sid, "delivered")
    message.refresh_from_db()
    assert (message.status, message.error_code) == ("undelivered", 30003)
    enrollment.refresh_from_db()
    assert enrollment.status == "active"


def test_statuses_from_the_future_are_no_error(sandbox, enrollment):
    work()
    message = enrollment.messages.get(step=1)
    assert report(message.sid, "teleported").status_code == 204
    message.refresh_from_db()
    assert message.status == "queued"


def test_a_number_that_opted_out_at_the_carrier_is_opted_out_here(sandbox, enrollment):
    sandbox.faults({"numbers": {phone(enrollment): "opted-out"}})
    work()
    enrollment.refresh_from_db()
    assert Subscriber.objects.get().opted_out_at
    assert enrollment.status == "stopped"
    assert enrollment.messages.get().error_code == 21610


def test_an_opt_out_in_a_callback_counts_too(sandbox, enrollment):
    work()
    report(enrollment.messages.get(step=1).sid, "undelivered", 21610)
    assert Subscriber.objects.get().opted_out_at
    assert enrollment.messages.get(step=2).status == "canceled"


@pytest.mark.parametrize("outcome", ["invalid", "landline"])
def test_a_number_that_cannot_be_texted_fails_all_its_enrollments(sandbox, enrollment, outcome):
    other = make_enrollment(enrollment.subscriber, story=make_story(texts=[("Later", 600)]))
    sandbox.faults({"numbers": {phone(enrollment): outcome}})
    work()
    assert set(Enrollment.objects.values_list("status", flat=True)) == {"failed"}
    assert other.messages.get().status == "canceled"
    assert enrollment.messages.get().status == "failed"
    assert Enrollment.objects.get(pk=enrollment.pk).reason


def test_a_text_that_the_carrier_refuses_fails_its_enrollment_and_no_other(sandbox, enrollment):
    other = make_enrollment(enrollment.subscriber, story=make_story(texts=[("Later", 600)]))
    sandbox.faults({"numbers": {phone(enrollment): 21617}})
    work()
    assert enrollment.messages.get().error_code == 21617
    assert {e.pk: e.status for e in Enrollment.objects.all()} == {enrollment.pk: "failed", other.pk: "active"}


def test_wrong_credentials_hold_everything_and_lose_nothing(sandbox, enrollment, settings, fresh_client):
    settings.TWILIO_AUTH_TOKEN = "wrong"
    work()
    hold = Hold.objects.active().get()
    assert hold.story is None
    assert "20003" in hold.reason
    message = enrollment.messages.get()
    assert (message.status, message.error_code) == ("scheduled", 20003)
    assert work() == 0
    assert enrollment.messages.get().status == "held"


def test_an_error_that_may_pass_is_given_up_after_a_few_times(sandbox, enrollment):
    sandbox.faults({"numbers": {phone(enrollment): 29999}})
    now = timezone.now()
    for _ in range(5):
        assert work(now) == 1
        now += timedelta(hours=1)
    assert work(now) == 0
    message = enrollment.messages.get()
    assert (message.status, message.attempts, message.error_code) == ("failed", 5, 29999)
    enrollment.refresh_from_db()
    assert enrollment.status == "failed"


def test_a_carrier_that_cannot_be_reached_loses_nothing(enrollment, settings, fresh_client):
    settings.TWILIO_API_URL = "http://127.0.0.1:9"
    work()
    message = enrollment.messages.get()
    assert (message.status, message.begun_at) == ("scheduled", None)
    assert "reached" in message.reason


def test_one_readers_error_does_not_touch_the_others_of_its_batch(sandbox, enrollment):
    others = [make_enrollment(story=enrollment.story) for _ in range(3)]
    sandbox.faults({"numbers": {phone(enrollment): "invalid"}})
    assert work() == 1
    assert [other.messages.get(step=1).status for other in others] == ["queued"] * 3


def test_waits_grow_with_each_attempt_and_end_at_a_quarter_of_an_hour():
    assert timedelta(seconds=1.5) <= backoff(1) <= timedelta(seconds=2.5)
    assert timedelta(seconds=12) <= backoff(4) <= timedelta(seconds=20)
    assert timedelta(minutes=11) <= backoff(30) <= timedelta(minutes=19)
    assert backoff(5000) <= timedelta(minutes=19)


@pytest.mark.parametrize(
    ("code", "http_status", "action"),
    [
        (20429, 429, Action.SLOW_DOWN),
        (None, 429, Action.SLOW_DOWN),
        (20503, 503, Action.LOOK_UP),
        (None, 502, Action.LOOK_UP),
        (30003, 400, Action.RETRY_FEW),
        (99999, 400, Action.RETRY_FEW),
        (30005, 400, Action.RETRY_ONCE),
        (63038, 400, Action.RETRY_TOMORROW),
        (21610, 400, Action.OPT_OUT),
        (30006, 400, Action.GIVE_UP_READER),
        (21617, 400, Action.GIVE_UP_TEXT),
        (21606, 400, Action.NEW_SENDER),
        (20003, 401, Action.HOLD),
        (None, 401, Action.HOLD),
    ],
)
def test_an_error_is_answered_by_what_it_means(code, http_status, action):
    assert action_for(code, http_status) is action


@pytest.mark.parametrize("code", [21408, 21608])
def test_a_reader_who_cannot_be_texted_from_here_does_not_stop_the_others(sandbox, enrollment, code):
    sandbox.faults({"numbers": {phone(enrollment): code}})
    work()
    enrollment.refresh_from_db()
    assert enrollment.status == "failed"
    assert not Hold.objects.exists()


def test_a_number_that_is_not_ours_any_more_is_replaced_by_the_configured_one(enrollment, settings, fresh_client):
    with SandboxProcess("http://127.0.0.1:9/", settings.TWILIO_AUTH_TOKEN, number=settings.TWILIO_NUMBER) as strict:
        settings.TWILIO_API_URL = strict.url
        Enrollment.objects.update(number="+15005550099")
        enrollment.messages.update(number="+15005550099")
        work()
        work()
        assert [message["from"] for message in strict.messages(phone(enrollment))] == [settings.TWILIO_NUMBER]
    assert not Hold.objects.exists()
    assert enrollment.messages.get(step=2).number == ""


def test_a_configured_number_that_is_not_ours_holds_everything(enrollment, settings, fresh_client):
    with SandboxProcess("http://127.0.0.1:9/", settings.TWILIO_AUTH_TOKEN, number="+15005550099") as strict:
        settings.TWILIO_API_URL = strict.url
        work()
        work()
    assert "21606" in Hold.objects.active().get().reason
    assert enrollment.messages.get().status == "scheduled"


def test_an_answer_that_comes_after_its_lease_was_taken_over_still_counts(sandbox, enrollment):
    [(_, ids, lease)] = claimed()
    [request] = dispatch.begin(ids, lease, timezone.now())
    [(task, _, _)] = claimed(timezone.now() + claiming.LEASE + timedelta(seconds=1))
    assert task == "recover"
    record([Outcome(request.message_id, timezone.now(), accepted=Accepted(new_sid(), "One", "queued", 1, None))], lease)
    assert enrollment.messages.get(step=1).status == "queued"
    assert enrollment.messages.get(step=2).status == "scheduled"


def test_an_error_that_comes_after_its_lease_was_taken_over_changes_nothing(sandbox, enrollment):
    [(_, ids, lease)] = claimed()
    [request] = dispatch.begin(ids, lease, timezone.now())
    claimed(timezone.now() + claiming.LEASE + timedelta(seconds=1))
    before = list(enrollment.messages.values())
    record([Outcome(request.message_id, timezone.now(), error=CarrierError(Action.GIVE_UP_TEXT, "late"))], lease)
    assert list(enrollment.messages.values()) == before


def test_an_answer_after_the_callback_still_tells_the_segments(enrollment):
    [(_, ids, lease)] = claimed()
    [request] = dispatch.begin(ids, lease, timezone.now())
    sid = new_sid()
    report(sid, "sent", message_id=request.message_id)
    record(
        [Outcome(request.message_id, timezone.now(), accepted=Accepted(sid, "One", "queued", 2, timezone.now()))], lease
    )
    message = Message.objects.get(pk=request.message_id)
    assert (message.status, message.segments) == ("sent", 2)


def test_a_record_for_a_message_that_was_settled_meanwhile_changes_nothing(sandbox, enrollment):
    work()
    message = enrollment.messages.get(step=1)
    record([Outcome(message.pk, timezone.now(), error=CarrierError(Action.GIVE_UP_TEXT, "late"))])
    assert enrollment.messages.get(step=1).status == "queued"


def test_a_sid_that_is_another_messages_already_settles_nothing_and_breaks_no_batch():
    readers = [make_enrollment(story=make_story(texts=[("One", 0), ("Two", 60)])) for _ in range(4)]
    [(_, ids, lease)] = claimed()
    first, *others = dispatch.begin(ids, lease, timezone.now())
    now, known, twice = timezone.now(), new_sid(), new_sid()
    record([Outcome(first.message_id, now, accepted=Accepted(known, "One", "queued", 1, now))], lease)
    answers = zip(others, [known, twice, twice], strict=True)
    record([Outcome(r.message_id, now, accepted=Accepted(sid, "One", "queued", 1, now)) for r, sid in answers], lease)
    statuses = [reader.messages.get(step=1).status for reader in readers]
    assert statuses == ["queued", "sending", "queued", "sending"]


@pytest.mark.parametrize(
    ("http_status", "answer"),
    [
        (201, {"sid": "x" * 60}),
        (201, {"sid": {"is": "none"}}),
        (201, {"sid": "SM" + "0" * 31 + "\0"}),
        (400, {"code": "BAD", "message": "A code of another kind\0 and half of a pair \ud800"}),
        (400, {"code": {"is": "none"}, "message": "Bad"}),
        (400, {"code": 10**12, "message": "Bad"}),
    ],
)
def test_an_answer_in_other_words_than_the_carriers_is_recorded(enrollment, settings, http_status, answer):
    with answering(http_status, answer) as settings.TWILIO_API_URL:
        work()
    message = enrollment.messages.get(step=1)
    assert message.attempts == 1
    assert message.reason
    assert message.sid is None


def test_segments_beyond_counting_are_left_out(enrollment, settings):
    with answering(201, {"sid": new_sid(), "status": "queued", "num_segments": "999999"}) as settings.TWILIO_API_URL:
        work()
    message = enrollment.messages.get(step=1)
    assert (message.status, message.segments) == ("queued", None)


@contextmanager
def answering(http_status: int, answer: dict):
    """Be a carrier that answers every request like this; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(answer).encode()
            self.send_response(http_status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
