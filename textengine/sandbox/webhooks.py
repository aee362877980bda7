"""Calling the project's webhooks as Twilio does: signed, timed, and once more when nobody answered."""

import asyncio
import base64
import hmac
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs, unquote, urlencode, urlsplit, urlunsplit

import aiohttp
from yarl import URL

CONNECT_SECONDS, ANSWER_SECONDS = 5, 15
LONGEST_ANSWER = 64 * 1024
PAUSE_BEFORE_RETRY = 0.25
MOST_RETRIES = 5


@dataclass(frozen=True, slots=True)
class Target:
    """A webhook URL taken apart: what is called and signed, who logs in, and when to call again."""

    url: str
    login: aiohttp.BasicAuth | None
    retries: int
    retry_on: frozenset


@dataclass(frozen=True, slots=True)
class Answer:
    """What the webhook said; `truncated` when it said more than Twilio reads."""

    status: int
    content_type: str
    text: str
    truncated: bool = False

    @property
    def is_ok(self):
        return 200 <= self.status < 300


class Unanswered(Exception):
    """Nobody answered; the sentence says why, `reason` in Twilio's letters (ct: connecting, rt: reading)."""

    def __init__(self, sentence, reason):
        super().__init__(sentence)
        self.reason = reason


@lru_cache(maxsize=1024)
def parse_target(url):
    """Take `url` apart; raise ValueError when it is not one that can be called.

    Userinfo becomes a login and the fragment connection overrides (`#rc=2&rp=all`); neither is sent or
    signed. The query string and the port stay as they are, because the receiver signs what it sees.
    """
    if any(char.isspace() for char in url):
        raise ValueError("a URL holds no blanks")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a webhook is an absolute http or https URL")
    _ = parts.port  # raises ValueError when it is no port
    userinfo, _, host = parts.netloc.rpartition("@")
    user, _, password = userinfo.partition(":")
    login = aiohttp.BasicAuth(unquote(user), unquote(password)) if userinfo else None
    overrides = parse_qs(parts.fragment)
    retries = overrides.get("rc", ["1"])[0]
    policy = overrides.get("rp", ["ct"])[0]
    return Target(
        url=urlunsplit((parts.scheme, host, parts.path or "/", parts.query, "")),
        login=login,
        retries=min(int(retries), MOST_RETRIES) if retries.isdecimal() else 1,
        retry_on=frozenset(("ct", "rt", "4xx", "5xx") if "all" in policy else policy.split(",")),
    )


def sign(token, url, params):
    """Return X-Twilio-Signature: the URL and every key and value, sorted by key, under the auth token."""
    text = url + "".join(key + params[key] for key in sorted(params))
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), "sha1")).decode()


class Webhooks:
    """The one way out to the project: posts parameters, signed, and returns what came back."""

    def __init__(self, http, token):
        self.http = http
        self.token = token

    async def post(self, url, params, idempotency_token, on_failure=None):
        """Post `params` to `url`, again as often as the URL asks, and return the last Answer.

        Raise Unanswered when the last attempt brought none. `on_failure` is called after each attempt
        that will be repeated.
        """
        target = parse_target(url)
        for attempts_left in range(target.retries, -1, -1):
            try:
                answer = await self._attempt(target, params, idempotency_token)
                reason = f"{answer.status // 100}xx"
                if not attempts_left or reason not in target.retry_on:
                    return answer
            except Unanswered as failure:
                if not attempts_left or failure.reason not in target.retry_on:
                    raise
            if on_failure:
                on_failure()
            await asyncio.sleep(PAUSE_BEFORE_RETRY)

    async def _attempt(self, target, params, idempotency_token):
        headers = {
            "X-Twilio-Signature": sign(self.token, target.url, params),
            "I-Twilio-Idempotency-Token": idempotency_token,
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
            "User-Agent": "TwilioProxy/1.1 (sandbox)",
            "Accept": "*/*",
        }
        try:
            # encoded=True: what is sent must be, byte for byte, what was signed.
            async with self.http.post(
                URL(target.url, encoded=True),
                data=urlencode(params),
                headers=headers,
                auth=target.login,
                allow_redirects=False,
            ) as response:
                body = await response.content.read(LONGEST_ANSWER + 1)
                while len(body) <= LONGEST_ANSWER and (more := await response.content.read(LONGEST_ANSWER)):
                    body += more
                return Answer(
                    response.status,
                    response.content_type if "Content-Type" in response.headers else "",
                    body[:LONGEST_ANSWER].decode("utf-8", "replace"),
                    len(body) > LONGEST_ANSWER,
                )
        except aiohttp.ConnectionTimeoutError as error:
            raise Unanswered(f"could not be reached in {CONNECT_SECONDS} seconds", "ct") from error
        except TimeoutError as error:
            raise Unanswered(f"did not answer in {ANSWER_SECONDS} seconds", "rt") from error
        except aiohttp.ClientConnectorError as error:
            raise Unanswered("could not be reached", "ct") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unanswered("closed the connection without an answer", "ct") from error


def open_session():
    """Return the HTTP session that everything leaving the sandbox goes through; needs a running loop."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=CONNECT_SECONDS),
        connector=aiohttp.TCPConnector(limit=128),
        cookie_jar=aiohttp.DummyCookieJar(),
        # A proxy of the environment has no business between two processes of this machine.
        trust_env=False,
    )
