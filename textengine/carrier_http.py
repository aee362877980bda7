"""How the Twilio library's requests travel: many at once on one event loop, in a thread of its own in each process.

A thread for each request cost twice as much: sixty-four of them wait for each other more than for the carrier.
"""

import asyncio
import logging
import ssl
import threading
import time
from collections.abc import Coroutine, Iterable
from contextvars import ContextVar
from functools import cache
from urllib.parse import urlencode, urlsplit

import aiohttp
import certifi
import uvloop
from django.conf import settings
from twilio.http import AsyncHttpClient
from twilio.http.response import Response

# Until when a request's bytes may leave, on the monotonic clock; None: at any time.
not_after: ContextVar[float | None] = ContextVar("not_after", default=None)


class TooLate(Exception):
    """The request may not begin any more: somebody else has looked for its message, and may have sent it."""


@cache
def event_loop() -> asyncio.AbstractEventLoop:
    """Return this process's loop for requests; made when first needed, since a worker forks from its cluster."""
    loop = uvloop.new_event_loop()
    threading.Thread(target=loop.run_forever, name="carrier", daemon=True).start()
    return loop


def gather(coroutines: Iterable[Coroutine]) -> list:
    """Run these on the loop, all at once, and return what they return, in order."""

    async def run() -> list:
        return await asyncio.gather(*coroutines)

    return asyncio.run_coroutine_threadsafe(run(), event_loop()).result()


@cache
def trusted() -> ssl.SSLContext:
    """Return whom we trust to be the carrier: reading the list takes a while, and five megabytes."""
    return ssl.create_default_context(cafile=certifi.where())


class PunctualRequest(aiohttp.ClientRequest):
    """Looks at the clock just before its bytes leave.

    Building a request, connecting and waiting for others on the loop take their time, and a process may stand still at
    any moment of it. Only a request with a body is looked at: the others change nothing.
    """

    async def write_bytes(self, writer, conn, content_length=None):
        moment = not_after.get()
        if moment is not None and time.monotonic() > moment:
            # Whoever waits for the answer gets this instead, and nothing has been written.
            conn.protocol.set_exception(TooLate())
            conn.close()
            return
        await super().write_bytes(writer, conn, content_length)


class CarrierHttpClient(AsyncHttpClient):
    """The library's way to `api_url`: kept connections, time-outs, no proxy of the environment, nothing sent twice."""

    def __init__(self, api_url: str):
        super().__init__(logging.getLogger(__name__), is_async=True)
        self.api_url = api_url.rstrip("/")
        connect, read = settings.CARRIER_TIMEOUT
        self.session = aiohttp.ClientSession(
            # How many are under way at once is decided by who sends.
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60, ssl=trusted()),
            request_class=PunctualRequest,
            timeout=aiohttp.ClientTimeout(total=connect + read, sock_connect=connect, sock_read=read),
        )

    async def request(
        self, method, url, params=None, data=None, headers=None, auth=None, timeout=None, allow_redirects=False
    ):
        """Send a request to the path and query of `url`; raises aiohttp's errors without a usable answer."""
        parts = urlsplit(url)
        # Twilio has a host for each of its products; whoever stands in for it has one for all.
        base = self.api_url.replace("//api.twilio.com", f"//{parts.netloc}")
        query = "&".join(part for part in (parts.query, urlencode(params or {}, doseq=True)) if part)
        async with self.session.request(
            method,
            f"{base}{parts.path}{f'?{query}' if query else ''}",
            data=urlencode(data, doseq=True) if data else None,
            headers=(headers or {}) | ({"Authorization": aiohttp.encode_basic_auth(*auth)} if auth else {}),
            allow_redirects=allow_redirects,
        ) as answer:
            return Response(answer.status, await answer.text(), answer.headers)
