"""The rivals' way to the carrier: the `twilio` library as its documentation has it.

One pool of kept connections serves the whole process, whether threads or greenlets share it. CARRIER_URL names the
carrier, CONNECTIONS how many it may keep.
"""

import os
from functools import cache
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from bench.texts import ACCOUNT_SID, AUTH_TOKEN, BODY, OUR_NUMBER

SECONDS = 30


def send(to: str) -> str:
    """Send one text and return its SID."""
    return client().messages.create(to=to, from_=OUR_NUMBER, body=BODY.format(1, 1)).sid


def connections() -> int:
    return int(os.environ.get("CONNECTIONS", 1))


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
