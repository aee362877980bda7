"""HTTP posts at the least cost for who sends them, since sender and receiver share the machine."""

import asyncio
from urllib.parse import urlencode, urlsplit

from twilio.request_validator import RequestValidator


class Signer:
    """Makes whole requests as the carrier posts them, with its signature."""

    def __init__(self, auth_token: str):
        self.validator = RequestValidator(auth_token)

    def request(self, url: str, parameters: dict[str, str]) -> bytes:
        """Return the bytes of one signed POST of `parameters` to `url`."""
        parts = urlsplit(url)
        # The fragment tells the carrier how to retry; it is neither signed nor sent.
        url = parts._replace(fragment="").geturl()
        body = urlencode(parameters).encode()
        signature = self.validator.compute_signature(url, parameters)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nX-Twilio-Signature: {signature}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Connection:
    """One connection to a server, kept for as long as the server keeps it."""

    def __init__(self, port: int):
        self.port = port
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def post(self, request: bytes) -> int:
        """Send a request and return the status of its answer; raises OSError or EOFError where there is none."""
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            self.writer.write(request)
            head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
            await self.reader.readexactly(content_length(head))
        except BaseException:
            self.close()
            raise
        if b"\r\nconnection: close\r\n" in head:
            self.close()
        return int(head[9:12])

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


def content_length(head: bytes) -> int:
    """Return how many bytes follow this head, in lower case; none where it does not say."""
    _, found, rest = head.partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0
