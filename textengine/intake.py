"""Requests are taken in whole before Django sees them, so that who sends slowly holds up nobody else.

The server hands each over on an event loop, where a thousand can wait at the cost of their memory. Only when all of a
request is there does one of Django's few threads answer it, by WSGI. How much and for how long anybody may send is
decided here: little and shortly, unless somebody is signed in.
"""

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO
from wsgiref.util import FileWrapper

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections
from granian.rsgi import HTTPProtocol, ProtocolClosed, ProtocolError, Scope

# Bytes of a body, and seconds until all of it has to be there: of anybody, and of who is signed in, whose pictures come
# from phones. A webhook of ten media and 1,600 emoji has about 25 kB.
ANYBODY = 64_000, 15
SIGNED_IN = 25_000_000, 300
# What is larger waits on the disk, on its way in and out.
IN_MEMORY = 1_000_000
BASE = {
    "SCRIPT_NAME": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.multiprocess": True,
    "wsgi.multithread": True,
    "wsgi.run_once": False,
    "wsgi.file_wrapper": FileWrapper,
}

Headers = list[tuple[str, str]]


class Refused(Exception):
    """A request that is not taken in; its words are the answer."""

    def __init__(self, status: int, reason: str):
        super().__init__(reason)
        self.status = status


class Intake:
    """A WSGI application as this server calls it, in so many threads."""

    def __init__(self, application: Callable, threads: int):
        self.application, self.pool = application, ThreadPoolExecutor(threads)

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        environ = environ_of(scope)
        try:
            environ["wsgi.input"] = await self.body(environ, protocol)
        except Refused as refused:
            # What has not been read of it would be taken for the next request.
            headers = [("content-type", "text/plain"), ("connection", "close")]
            return protocol.response_str(refused.status, headers, f"{refused}\n")
        except (ProtocolError, ProtocolClosed):
            return None  # Nobody is there any more.
        status, headers, content = await self.in_thread(self.answer, environ)
        if isinstance(content, bytes):
            return protocol.response_bytes(status, headers, content)
        return await self.hand_out(content, protocol.response_stream(status, headers))

    async def body(self, environ: dict, protocol: HTTPProtocol) -> BinaryIO:
        length, is_chunked = environ.get("CONTENT_LENGTH", ""), "HTTP_TRANSFER_ENCODING" in environ
        if not (length.strip("0") or is_chunked):
            return BytesIO()
        limit, seconds = ANYBODY
        if (is_chunked or int(length) > limit) and await self.in_thread(is_signed_in, environ):
            limit, seconds = SIGNED_IN
        if not is_chunked and int(length) > limit:
            raise Refused(413, f"More than {limit} bytes.")
        try:
            async with asyncio.timeout(seconds):
                body = await read(protocol, limit)
        except TimeoutError as error:
            raise Refused(408, f"It was not there within {seconds} seconds.") from error
        environ["CONTENT_LENGTH"] = str(body.tell())
        if not is_chunked and int(length) != body.tell():
            raise Refused(400, "It ended early.")
        body.seek(0)
        return body

    def answer(self, environ: dict) -> tuple[int, Headers, bytes | Any]:
        """Have a request answered; return a large file open, and everything else as bytes."""
        begun: list = []
        content = self.application(environ, lambda status, headers, error=None: begun.extend((status, headers)))
        environ["wsgi.input"].close()
        status, headers = int(begun[0].split(" ", 1)[0]), begun[1]
        size = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
        if isinstance(content, FileWrapper) and size > IN_MEMORY:
            return status, headers, content
        try:
            return status, headers, b"".join(content)
        finally:
            content.close()

    async def hand_out(self, file: FileWrapper, transport: Any) -> None:
        """Send a large file, in pieces that are read elsewhere than where Django answers others."""
        try:
            while piece := await asyncio.to_thread(file.filelike.read, IN_MEMORY // 8):
                await transport.send_bytes(piece)
        except (ProtocolError, ProtocolClosed):
            pass  # Nobody is there any more.
        finally:
            await self.in_thread(file.close)

    async def in_thread(self, call: Callable, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.pool, call, *arguments)


async def read(protocol: HTTPProtocol, limit: int) -> BinaryIO:
    body = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  Whoever reads it closes it.
    async for piece in protocol:
        body.write(piece)
        if body.tell() > limit:
            body.close()
            raise Refused(413, f"More than {limit} bytes.")
    return body


def environ_of(scope: Scope) -> dict[str, Any]:
    """Return a request's address and headers as WSGI has them."""
    server, client = (text.rpartition(":") for text in (scope.server, scope.client))
    environ = BASE | {
        "REQUEST_METHOD": scope.method,
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": server[0].strip("[]"),
        "SERVER_PORT": server[2],
        "REMOTE_ADDR": client[0].strip("[]"),
        "wsgi.url_scheme": scope.scheme,
    }
    for name, value in scope.headers.items():
        # With an underscore it would pass for one that a proxy sets.
        if "_" not in name:
            key = name.upper().replace("-", "_")
            key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def is_signed_in(environ: dict) -> bool:
    """Tell whether a request comes from somebody who is let into the newsroom."""
    request = WSGIRequest(environ | {"wsgi.input": BytesIO()})
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if not key:
        return False
    close_old_connections()
    request.session = SessionStore(key)
    return get_user(request).is_authenticated
