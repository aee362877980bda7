"""A real sandbox carrier for tests: its own process on a free port, driven over HTTP."""

import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import requests
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT_SID = "AC" + "5a" * 16
START_SECONDS = 20
# Whoever waits for long looks less often: each look costs processor time on both sides.
LONGEST_PAUSE = 0.05


class SandboxHttpClient(TwilioHttpClient):
    """Takes every request of the `twilio` library to the sandbox instead of api.twilio.com."""

    def __init__(self, url, **options):
        """`url` is the sandbox's scheme, host and port."""
        super().__init__(**options)
        self.base = urlsplit(url)
        self.session.trust_env = False

    def request(self, method, url, *args, **kwargs):
        """Send the request to the sandbox, path and query untouched."""
        parts = urlsplit(url)
        url = urlunsplit((self.base.scheme, self.base.netloc, parts.path, parts.query, ""))
        return super().request(method, url, *args, **kwargs)


class SandboxProcess:
    """Start a sandbox, use it, stop it: a context manager.

    Options are the command line's with underscores (`account_sid`, `number`, `data`, `delivery_delay`,
    `latency`, `fault`, `outcome`); a list repeats its option. A delivery takes 30 ms unless told otherwise.
    """

    def __init__(self, webhook_url, auth_token, **options):
        self.webhook_url = webhook_url
        self.auth_token = auth_token
        self.options = {"port": 0, "delivery_delay": 0.03, **options}
        self.process = None
        self.url = None
        self.http = requests.Session()
        self.http.trust_env = False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc_info):
        self.stop()

    def start(self):
        """Start the process and return once it answers; a second start keeps the port."""
        command = [sys.executable, "-m", "textengine.sandbox"]
        command += ["--webhook", self.webhook_url, "--auth-token", self.auth_token]
        for name, value in self.options.items():
            for item in value if isinstance(value, list | tuple) else [value]:
                command += [f"--{name.replace('_', '-')}", str(item)]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("TWILIO_")}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        first_line = self.process.stdout.readline()
        if " on http" not in first_line:
            raise RuntimeError(f"The sandbox did not start: {self.process.stderr.read()}")
        self.url = first_line.split(" on ")[1].split(": ")[0]
        self.options["port"] = urlsplit(self.url).port
        self.wait_until(self._answers, START_SECONDS)

    def stop(self, timeout=5):
        """End the process as Ctrl-C does and return its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self._ended(timeout)

    def kill(self):
        """End the process as a power cut does."""
        self.process.kill()
        return self._ended(5)

    def client(self, account_sid=ACCOUNT_SID, timeout=10, **options):
        """Return a `twilio` client that talks to this sandbox."""
        http_client = SandboxHttpClient(self.url, timeout=timeout, **options)
        return Client(account_sid, self.auth_token, http_client=http_client)

    def messages(self, phone):
        """Return the phone's messages of both directions, oldest first, as Twilio's resources."""
        return self._json("GET", f"/phones/{quote(phone)}/messages")

    def received(self, phone):
        """Return the bodies of the texts that the phone has from the project, oldest first."""
        return [message["body"] for message in self.messages(phone) if message["direction"] == "outbound-api"]

    def count(self):
        """Return how many texts of both directions this carrier knows."""
        return sum(phone["messages"] for phone in self._json("GET", "/phones"))

    def text(self, phone, body, to=None, media_url=()):
        """Let `phone` text us; return the inbound message once the webhook's first attempt has ended."""
        content = {"to": to, "body": body, "media_url": list(media_url)}
        return self._json("POST", f"/phones/{quote(phone)}/messages", json=content)

    def faults(self, faults=None):
        """Put `faults` in force instead of those before (`{}` ends them all); return those in force."""
        return self._json("GET", "/faults") if faults is None else self._json("PUT", "/faults", json=faults)

    def thread(self, phone):
        """Return what the page shows of a phone: texts with their pictures, and warnings."""
        return self._json("GET", f"/phones/{quote(phone)}/thread")

    def wait_for(self, phone, wanted, timeout=10):
        """Wait until the phone has `wanted` messages, or until `wanted(messages)` is true; return them."""
        is_met = wanted if callable(wanted) else lambda messages: len(messages) >= wanted

        def met():
            messages = self.messages(phone)
            return messages if is_met(messages) else None

        return self.wait_until(met, timeout, lambda: f"{phone} has {self.messages(phone)}")

    @staticmethod
    def wait_until(condition, timeout=10, describe=lambda: "it never came true", pause=0.01):
        """Wait until `condition()` is true and return its result; fail with a sentence at the deadline."""
        deadline = time.monotonic() + timeout
        while not (result := condition()):
            if time.monotonic() > deadline:
                raise AssertionError(f"Waited {timeout} s in vain: {describe()}")
            time.sleep(pause)
            pause = min(pause * 1.2, max(pause, LONGEST_PAUSE))
        return result

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"The sandbox did not start: {self.process.stderr.read()}")
        try:
            return self.http.get(f"{self.url}/faults", timeout=2).ok
        except requests.ConnectionError:
            return False

    def _json(self, method, path, **options):
        response = self.http.request(method, self.url + path, timeout=30, **options)
        if not response.ok:
            raise ValueError(f"{response.status_code}: {response.text}")
        return response.json()

    def _ended(self, timeout):
        code = self.process.wait(timeout)
        self.process.stdout.close()
        self.process.stderr.close()
        return code
