"""The rivals' way to the carrier: the `twilio` library as its documentation has it, or nothing but urllib3.

One pool of kept connections serves the whole process, whether threads or greenlets share it. CARRIER_URL names the
carrier, CONNECTIONS how many it may keep; LEAN chooses urllib3.
"""

import os
from functools import cache
from urllib.parse import urlencode, urlsplit

import urllib3
from requests.adapters import HTTPAdapter
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from bench.texts import ACCOUNT_SID, AUTH_TOKEN, BODY, OUR_NUMBER

MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SECONDS = 30


def send(to: str) -> str:
    """Send one text and return its SID."""
    body = BODY.format(1, 1)
    if os.environ.get("LEAN"):
        form = urlencode({"To": to, "From": OUR_NUMBER, "Body": body})
        return pool().request("POST", MESSAGES, body=form, headers=FORM, timeout=SECONDS, retries=False).json()["sid"]
    return client().messages.create(to=to, from_=OUR_NUMBER, body=body).sid


def connections() -> int:
    return int(os.environ.get("CONNECTIONS", 1))


@cache
def pool() -> urllib3.HTTPConnectionPool:
    return urllib3.connection_from_url(os.environ["CARRIER_URL"], maxsize=connections())


@cache
def client() -> Client:
    return Client(ACCOUNT_SID, AUTH_TOKEN, http_client=LocalHttpClient())


class LocalHttpClient(TwilioHttpClient):
    """The library's own HTTP client, calling the benchmark's carrier over as many connections as there are senders."""

    def __init__(self):
        super().__init__(timeout=SECONDS)
        self.session.trust_env = False
        self.session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=connections()))

    def request(self, method, url, *args, **kwargs):
        parts = urlsplit(url)
        return super().request(method, f"{os.environ['CARRIER_URL']}{parts.path}", *args, **kwargs)
