"""Starting, stopping and starting again: what the process says, what it remembers."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys

import pytest
import requests
from twilio.base.exceptions import TwilioRestException

from textengine.sandbox.__main__ import read_arguments

from .sandbox_process import ROOT, SandboxProcess
from .webhook_receiver import File, Receiver

OURS, PHONE = "+15005550006", "+14155550123"
GOOD = ["--port", "0", "--webhook", "http://127.0.0.1:9/", "--auth-token", "token"]


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as receiver:
        yield receiver


def run(*arguments, **environment):
    """Run the command to its end; for command lines that cannot start."""
    return subprocess.run(
        [sys.executable, "-m", "textengine.sandbox", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def last_line(result):
    assert "Traceback" not in result.stderr
    return result.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "x"], "x is not a port"),
        (["--port", "70000"], "70000 is not a port"),
        (["--webhook", "localhost:8000"], "not an absolute http or https URL"),
        (["--webhook", "http://localhost:port/"], "not an absolute http or https URL"),
        (["--number", "+1415"], "+1415 is not a number like"),
        (["--account-sid", "AC1"], "AC1 is not an account SID"),
        (["--latency", "-1"], "-1 is not a number of seconds"),
        (["--delivery-delay", "-1"], "-1 is not a number of seconds"),
        (["--fault", "429"], "429 is not KIND=RATE"),
        (["--fault", "418=1"], "There is no fault named 418"),
        (["--outcome", "+14155550123"], "is not NUMBER=OUTCOME"),
        (["--outcome", "+14155550123=asleep"], "The outcome of a number"),
        (["--outcome", "abc=invalid"], "abc is not a phone number like +14155550123"),
        (["--outcome", "123=invalid"], "123 is not a phone number like +14155550123"),
    ],
)
def test_a_wrong_argument_ends_with_a_sentence(arguments, words, capsys):
    with pytest.raises(SystemExit) as ended:
        read_arguments([*GOOD, *arguments])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err.splitlines()[-1]


def test_every_option_has_its_help():
    listed = run("--help").stdout
    options = listed[listed.index("options:") :].split("\n  -")[1:]
    assert [option for option in options if len(" ".join(option.split()).split(" ", 2)) < 3] == []
    assert "how texts to a number end: invalid, landline" in " ".join(listed.split())


def test_a_wrong_twilio_number_in_the_environment_is_named():
    result = run(*GOOD, TWILIO_NUMBER="1234567")
    assert result.returncode == 2
    assert "TWILIO_NUMBER" in last_line(result)


def test_a_taken_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("--port", port, *GOOD[2:])
    assert result.returncode == 1
    assert last_line(result).startswith(f"sandbox: Port {port} on 127.0.0.1 cannot be used")


def test_a_data_file_that_is_none_is_named(tmp_path):
    (tmp_path / "text").write_text("This is no database, though it is long enough to look like one." * 20)
    other = sqlite3.connect(tmp_path / "other")
    other.execute("CREATE TABLE something (id)")
    other.close()
    for path in (tmp_path / "text", tmp_path / "other", tmp_path / "no" / "folder"):
        result = run(*GOOD, "--data", path)
        assert result.returncode == 1
        assert str(path) in last_line(result)
    assert "This is no database" in (tmp_path / "text").read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_at_once_and_cleanly(receiver, number):
    with SandboxProcess(receiver.url, "token") as carrier:
        # Neither a page that listens nor a request that hangs holds it up.
        listening = requests.get(f"{carrier.url}/events?phone={PHONE}", stream=True, timeout=10)
        carrier.faults({"next": [{"kind": "hang"}]})
        with pytest.raises(requests.RequestException):
            carrier.client(timeout=0.2).messages.create(to=PHONE, from_=OURS, body="x")
        carrier.process.send_signal(number)
        assert carrier.process.wait(3) == 0
        assert carrier.process.stderr.read() == ""
        listening.close()


def test_the_first_number_that_texts_is_ours_when_none_is_named(receiver):
    with SandboxProcess(f"{receiver.url}/inbound", "token") as carrier:
        assert carrier.text(PHONE, "River")["to"] == "+15005550006"
        carrier.client().messages.create(to=PHONE, from_="+15005550009", body="x")
        assert carrier.text(PHONE, "River")["to"] == "+15005550009"


def test_a_kill_forgets_nothing(receiver, tmp_path):
    receiver.files["/p.png"] = File(b"picture")
    carrier = SandboxProcess(receiver.url, "token", data=tmp_path / "carrier.sqlite3", number=OURS)
    with carrier:
        client = carrier.client()
        carrier.text(PHONE, "River", media_url=[f"{receiver.url}/p.png"])
        gone = client.messages.create(to=PHONE, from_=OURS, body="erase me")
        kept = client.messages.create(
            to=PHONE, from_=OURS, body="“ü”", media_url=[f"{receiver.url}/p.png", f"{receiver.url}/p.png"]
        )
        carrier.wait_for(PHONE, lambda messages: all(m["status"] in ("delivered", "received") for m in messages))
        client.messages(gone.sid).delete()
        carrier.text("+14155550188", "STOP")
        carrier.text("+14155550189", "STOP")
        carrier.text("+14155550189", "START")
        before, shown = carrier.messages(PHONE), carrier.thread(PHONE)["texts"]
        carrier.kill()
        carrier.start()
        assert carrier.messages(PHONE) == before
        assert [message["sid"] for message in before][1:] == [kept.sid]
        assert carrier.thread(PHONE)["texts"] == shown
        picture = requests.get(carrier.url + shown[1]["media"][1]["url"], timeout=10)
        assert picture.content == b"picture"
        with pytest.raises(TwilioRestException):
            carrier.client().messages.create(to="+14155550188", from_=OURS, body="x")
        carrier.client().messages.create(to="+14155550189", from_=OURS, body="x")


def test_a_delivery_that_a_kill_cut_off_goes_on(receiver, tmp_path):
    carrier = SandboxProcess(receiver.url, "token", data=tmp_path / "carrier.sqlite3", delivery_delay=2)
    with carrier:
        sid = (
            carrier.client()
            .messages.create(to=PHONE, from_=OURS, body="x", status_callback=f"{receiver.url}/status")
            .sid
        )
        carrier.kill()
        carrier.options["delivery_delay"] = 0.01
        carrier.start()
        carrier.wait_for(PHONE, lambda messages: messages[0]["status"] == "delivered")
        carrier.wait_until(lambda: receiver.statuses(sid)[-1:] == ["delivered"])


def test_it_needs_neither_django_nor_twilio():
    code = (
        "import sys, textengine.sandbox.__main__ as m; "
        "print([n for n in sys.modules if n.split('.')[0] in ('django', 'twilio', 'subscribers')])"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
