"""What the carrier tells us, as fast as two web processes take it, beside the view of 2018."""

import sys
from collections.abc import Iterator

from bench.carrier import REPORTS
from bench.databases import Server
from bench.engine import WebServer
from bench.load import post_from_one_process
from bench.posts import Signer
from bench.processes import BIN, Process, wait_until
from bench.rows import add_readers, add_sent, all_delivered, received
from bench.sending import costs, percentile
from bench.texts import ACCOUNT_SID, AUTH_TOKEN, OUR_NUMBER, READERS, number
from textengine.tests.processes import free_port

from . import Bench, Figures, Measure

CONNECTIONS = 16
# Posted first, so that all processes are awake; they are not counted.
WARMING_POSTS = 50
INBOUND, STATUS = "/twilio/inbound/", "/twilio/status/"


def measures(bench: Bench) -> Iterator[Measure]:
    kinds = {"a new reader begins": run_beginning, "a reader writes": run_writing, "callbacks": run_callbacks}
    posts = bench.sizes.posts
    for name, server in bench.servers.items():
        for kind, run in kinds.items():
            yield Measure(
                "webhooks",
                "engine",
                lambda run=run, server=server: run(bench, server),
                seconds=10 + posts / 500,
                database=name,
                about={"kind": kind, "posts": posts},
            )
    yield Measure("webhooks", "view of 2018", lambda: run_2018(bench), seconds=5 + posts / 500, about={"posts": posts})


def run_beginning(bench: Bench, server: Server) -> Figures:
    """Let a reader that nobody knows text us: a story begins, its first text is scheduled."""
    return run_inbound(bench, server, already_reading=False)


def run_writing(bench: Bench, server: Server) -> Figures:
    """Let a reader text us in the middle of a story: it is kept for the editors."""
    return run_inbound(bench, server, already_reading=True)


def run_inbound(bench: Bench, server: Server, already_reading: bool) -> Figures:
    with server.fresh() as database:
        if already_reading:
            add_readers(bench.sizes.posts + WARMING_POSTS)
        with WebServer(database) as web:
            figures = post(bench, web, inbound_posts(web.url, bench.sizes.posts))
        if received() != bench.sizes.posts + WARMING_POSTS:
            raise RuntimeError(f"Of {bench.sizes.posts + WARMING_POSTS:,} texts to us {received():,} were kept.")
        return figures


def run_callbacks(bench: Bench, server: Server) -> Figures:
    """Report three statuses of each text, all texts being at the same stage."""
    with server.fresh() as database:
        sent = add_sent(add_readers(bench.sizes.posts // len(REPORTS)))
        with WebServer(database) as web:
            signer, url = Signer(AUTH_TOKEN), f"{web.url}{STATUS}"
            posts = [
                signer.request(f"{url}?message={message.pk}", report(message.sid, status))
                for status in REPORTS
                for message in sent
            ]
            figures = post(bench, web, posts)
        if not all_delivered(sent):
            raise RuntimeError("A text that was reported as delivered is not.")
        return figures


def run_2018(bench: Bench) -> Figures:
    port = free_port()
    command = [BIN / "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", 2]
    command += ["--no-control-socket", f"bench.rivals.view_2018:make_app('{bench.folder}/2018.sqlite3')"]
    with Process("the view of 2018", command) as web:
        wait_until(lambda: "Listening at" in web.said(), 20, "the view of 2018 to start")
        web.port = port
        return post(bench, web, inbound_posts(f"http://127.0.0.1:{port}", bench.sizes.posts))


def inbound_posts(url: str, count: int) -> list[bytes]:
    signer = Signer(AUTH_TOKEN)
    return [signer.request(f"{url}{INBOUND}", inbound(index)) for index in range(count + WARMING_POSTS)]


def inbound(index: int) -> dict[str, str]:
    sid = f"SM{index:032x}"
    return {
        "MessageSid": sid,
        "SmsSid": sid,
        "SmsMessageSid": sid,
        "AccountSid": ACCOUNT_SID,
        "From": number(READERS, index),
        "To": OUR_NUMBER,
        "Body": "What happened to the captain?",
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "FromCity": "SAN FRANCISCO",
        "FromState": "CA",
        "FromZip": "94102",
        "FromCountry": "US",
        "ApiVersion": "2010-04-01",
    }


def report(sid: str, status: str) -> dict[str, str]:
    return {
        "MessageSid": sid,
        "SmsSid": sid,
        "MessageStatus": status,
        "SmsStatus": status,
        "AccountSid": ACCOUNT_SID,
        "From": OUR_NUMBER,
        "To": number(READERS, 0),
        "ApiVersion": "2010-04-01",
    }


def post(bench: Bench, web: Process, posts: list[bytes]) -> Figures:
    """Post them all; return how many a second were answered, and how long the slowest waited."""
    post_from_one_process(bench.folder, web.port, posts[:WARMING_POSTS], CONNECTIONS)
    posts = posts[WARMING_POSTS:]
    with costs(web=web.cpu) as spent:
        answered = post_from_one_process(bench.folder, web.port, posts, CONNECTIONS)
    if answered["failures"]:
        print(f"        failures: {answered['failures'][:5]}", file=sys.stderr)
    return {
        "posts_a_second": len(posts) / answered["seconds"],
        "median_ms": percentile(answered["times"], 50) * 1000,
        "p99_ms": percentile(answered["times"], 99) * 1000,
        "worst_ms": answered["times"][-1] * 1000,
        "failures": len(answered["failures"]),
        "locked": web.said().count("database is locked"),
        "cpu_ms_a_post": spent["web"] / len(posts) * 1000,
    }
