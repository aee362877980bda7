"""A carrier of the sandbox's kind that is faster than whatever sends to it, and remembers when each text arrived.

It plays Twilio's create-message path and the list in which messages are looked up; it checks no login. Its own
record is the judge of every measure. As a bare ASGI application on uvloop and httptools it costs a fraction of what
any client's request costs; the measure "carrier" tells how much.

    python -m bench.carrier --port 9000 --latency 0.15 [--callbacks --auth-token TOKEN]
"""

import argparse
import asyncio
import json
import time
from collections import defaultdict
from itertools import count
from urllib.parse import parse_qsl

import uvicorn

from .posts import Connection, Signer
from .texts import ACCOUNT_SID

# What Twilio reports of a text that arrives, and how many seconds after it was accepted.
REPORTS = {"sending": 0.1, "sent": 0.4, "delivered": 1.0}
CALLBACK_CONNECTIONS = 8
MESSAGES_PATH = "/Messages.json"
# Where a measure reads and clears the record.
RECORD_PATH = "/record"


class Carrier:
    """The ASGI application."""

    def __init__(self, latency: float, callbacks: "Callbacks | None"):
        self.latency, self.callbacks = latency, callbacks
        self.texts: list[tuple[float, str, str, str]] = []
        self.messages_to: dict[str, list[dict]] = defaultdict(list)
        self.numbers = count(1)

    async def __call__(self, scope, receive, send):
        arrived = time.time()
        method, path = scope["method"], scope["path"]
        if method == "POST" and path.endswith(MESSAGES_PATH):
            status, content = 201, await self.create(arrived, await body_of(receive))
        elif method == "GET" and path.endswith(MESSAGES_PATH):
            status, content = 200, self.listed(dict(parse_qsl(scope["query_string"].decode())))
        elif path.startswith(RECORD_PATH):
            status, content = 200, self.record(method, path)
        else:
            status, content = 404, {"code": 20404, "message": "Not found", "status": 404}
        await answer(send, status, json.dumps(content).encode())

    async def create(self, arrived: float, body: bytes) -> dict:
        """Accept a text, and answer once the latency has passed."""
        form = dict(parse_qsl(body.decode()))
        message = resource(f"SM{next(self.numbers):032x}", form, arrived)
        self.texts.append((arrived, message["to"], message["body"], message["sid"]))
        self.messages_to[message["to"]].append(message)
        if self.latency:
            await asyncio.sleep(arrived + self.latency - time.time())
        if self.callbacks and "StatusCallback" in form:
            self.callbacks.report(message, form["StatusCallback"])
        return message

    def listed(self, query: dict[str, str]) -> dict:
        """Return the messages to one number, newest first, as one page."""
        return {"messages": self.messages_to.get(query.get("To", ""), [])[::-1], "next_page_uri": None}

    def record(self, method: str, path: str) -> dict:
        """Return what arrived (time, to, body, sid), or how many texts did, and what became of the callbacks."""
        if method == "DELETE":
            self.texts.clear()
            self.messages_to.clear()
            if self.callbacks:
                self.callbacks.counts = dict.fromkeys(self.callbacks.counts, 0)
        counts = {"count": len(self.texts), "callbacks": self.callbacks.counts if self.callbacks else {}}
        return counts if path.endswith("/count") else counts | {"texts": self.texts}


class Callbacks:
    """Reports what becomes of each text, over a few connections, at the rate at which texts arrive."""

    def __init__(self, auth_token: str):
        self.signer = Signer(auth_token)
        self.due: asyncio.Queue[tuple[str, dict]] = asyncio.Queue()
        self.counts = {"sent": 0, "failed": 0}
        self.connections: list[asyncio.Task] = []

    def report(self, message: dict, url: str) -> None:
        """Plan the three reports of one accepted text."""
        if not self.connections:
            self.connections = [asyncio.create_task(self.post_all()) for _ in range(CALLBACK_CONNECTIONS)]
        parameters = {
            "MessageSid": message["sid"],
            "SmsSid": message["sid"],
            "AccountSid": message["account_sid"],
            "From": message["from"],
            "To": message["to"],
            "ApiVersion": "2010-04-01",
        }
        for status, after in REPORTS.items():
            report = parameters | {"MessageStatus": status, "SmsStatus": status}
            asyncio.get_running_loop().call_later(after, self.due.put_nowait, (url, report))

    async def post_all(self) -> None:
        connection = None
        while True:
            url, parameters = await self.due.get()
            connection = connection or Connection(int(url.split(":")[2].partition("/")[0]))
            try:
                status = await connection.post(self.signer.request(url, parameters))
            except (OSError, EOFError):
                status = 0
            self.counts["sent" if 200 <= status < 300 else "failed"] += 1


def resource(sid: str, form: dict[str, str], created: float) -> dict:
    """Return a message as Twilio's API shows it."""
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(created))
    return {
        "sid": sid,
        "account_sid": ACCOUNT_SID,
        "api_version": "2010-04-01",
        "to": form.get("To", ""),
        "from": form.get("From"),
        "messaging_service_sid": form.get("MessagingServiceSid"),
        "body": form.get("Body", ""),
        "status": "queued",
        "direction": "outbound-api",
        "num_segments": "1",
        "num_media": "0",
        "error_code": None,
        "error_message": None,
        "price": None,
        "price_unit": "USD",
        "date_created": date,
        "date_updated": date,
        "date_sent": None,
        "uri": f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sid}.json",
        "subresource_uris": {"media": f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sid}/Media.json"},
    }


async def body_of(receive) -> bytes:
    body, more = b"", True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    return body


async def answer(send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.carrier", description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency", type=float, default=0.15, help="seconds until a text is answered")
    parser.add_argument("--callbacks", action="store_true", help="report what becomes of each text")
    parser.add_argument("--auth-token", default="", help="signs the callbacks")
    options = parser.parse_args()
    uvicorn.run(
        Carrier(options.latency, Callbacks(options.auth_token) if options.callbacks else None),
        host="127.0.0.1",
        port=options.port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_level="warning",
        access_log=False,
        date_header=False,
        server_header=False,
        # Nobody is to pay for a connection twice in a measure.
        timeout_keep_alive=3600,
        backlog=4096,
    )


if __name__ == "__main__":
    main()
