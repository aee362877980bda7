"""Fetching linked pictures: before they are saved (is there one, and can the carrier have it?), and to show them.

Whoever writes a link decides where this server connects to, so that the address is checked where the connection
begins: each socket goes to the very address that was looked at, whatever a name resolves to a moment later, and none
goes into a network that is not public. What the other server says is never shown.
"""

import asyncio
import socket
import ssl
from collections.abc import Coroutine, Iterable
from io import BytesIO
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TypeVar

import aiohttp
import certifi
from aiohttp.typedefs import StrOrURL
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import File
from yarl import URL

from .media import picture_kind, whole_picture

LINK_BYTES_MAX = 5_000_000
PORTS = (80, 443)
REDIRECTS = (301, 302, 303, 307, 308)
REDIRECTS_MAX = 3
AT_ONCE = 6
# Seconds: to connect, between two pieces, and for all links of a form, whose page gunicorn would give up after 30.
CONNECT_SECONDS, READ_SECONDS, ALL_SECONDS = 4, 5, 15
# For one that is shown: meanwhile a process of this server does nothing else.
SHOW_SECONDS = 4
# IPv6 addresses that lead anywhere are these alone; NAT64 carries an IPv4 address in its end.
GLOBAL_UNICAST, NAT64 = IPv6Network("2000::/3"), IPv6Network("64:ff9b::/96")
TYPES = {"JPEG": {"image/jpeg", "image/jpg"}, "PNG": {"image/png"}, "GIF": {"image/gif"}}
HEADERS = {"User-Agent": "Text-Engine", "Accept": "image/jpeg, image/png, image/gif", "Accept-Encoding": "identity"}

Result = TypeVar("Result")

INSTEAD = "Check the link, or upload the picture instead."
WRONG_SCHEME = "A picture's link begins with https:// or http://."
WRONG_PORT = f"This link names a port of its own; pictures are fetched from the ports 80 and 443 alone. {INSTEAD}"
PRIVATE = f"This link leads into a network that is not public, where no phone gets a picture from. {INSTEAD}"
NO_SERVER = f"There is no server of this name. {INSTEAD}"
CERTIFICATE = f"The server of this link cannot prove that it is the right one. {INSTEAD}"
NO_ANSWER = f"The server of this link does not answer as it should. {INSTEAD}"
TOO_SLOW = f"The server of this link takes too long to answer. {INSTEAD}"
NOT_THERE = f"There is no picture at this link (the server says %s). {INSTEAD}"
REDIRECTED = f"This link leads on and on to other addresses. {INSTEAD}"
TOO_LARGE = (
    f"This picture has more than {LINK_BYTES_MAX // 1_000_000} MB, which is more than phones take. Upload it instead: "
    "then it is made smaller."
)
A_PAGE = "This link leads to a web page, not to a picture: copy the address of the picture itself, or upload it."
NO_PICTURE = f"What this link leads to is not a JPEG, PNG or GIF picture. {INSTEAD}"
WRONG_TYPE = "The server gives this picture out as something else, so that phones would not get it. Upload it instead."


class NotPublic(OSError):
    """The address must not be connected to."""


def link_problems(urls: Iterable[str]) -> dict[str, str]:
    """Fetch the pictures at these addresses; return, for each that cannot be sent, a sentence that says why.

    It may take ALL_SECONDS: call it outside a transaction.
    """
    urls = list(dict.fromkeys(urls))
    return {url: problem for url, problem in zip(urls, run(problems_of(urls)), strict=True) if problem} if urls else {}


def linked_picture(url: str) -> File:
    """Fetch the picture at this address; raise ValidationError with a sentence if it cannot be sent.

    It may take SHOW_SECONDS: call it outside a transaction.
    """
    return run(picture_at(url))


def run(coroutine: Coroutine[None, None, Result]) -> Result:
    # Unlike asyncio.run, this does not wait for a name that is still being looked up.
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


async def problems_of(urls: list[str]) -> list[str]:
    deadline = asyncio.get_running_loop().time() + ALL_SECONDS
    async with new_session() as session:
        return await asyncio.gather(*(problem_of(session, url, deadline) for url in urls))


async def picture_at(url: str) -> File:
    deadline = asyncio.get_running_loop().time() + SHOW_SECONDS
    async with new_session() as session:
        return await fetched(session, url, deadline)


def new_session() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=AT_ONCE,
        resolver=aiohttp.ThreadedResolver(),
        socket_factory=checked_socket,
        force_close=True,
        ssl=ssl.create_default_context(cafile=certifi.where()),
    )
    return aiohttp.ClientSession(
        connector=connector,
        headers=HEADERS,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS),
    )


async def problem_of(session: aiohttp.ClientSession, url: str, deadline: float) -> str:
    """Return what is wrong with this link; empty if nothing is."""
    try:
        await fetched(session, url, deadline)
    except ValidationError as error:
        return error.messages[0]
    return ""


async def fetched(session: aiohttp.ClientSession, url: str, deadline: float) -> File:
    """Return the picture at this address; raise ValidationError with a sentence if it cannot be sent."""
    try:
        async with asyncio.timeout_at(deadline):
            return await look_at(session, url)
    except TimeoutError as error:
        raise ValidationError(TOO_SLOW) from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ValidationError(connection_problem(error)) from error


def connection_problem(error: Exception) -> str:
    """Return a sentence about what aiohttp raised."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return NO_SERVER
        case aiohttp.ClientSSLError():
            return CERTIFICATE
        case aiohttp.ClientConnectorError(os_error=NotPublic()):
            return PRIVATE
    return NO_ANSWER


async def look_at(session: aiohttp.ClientSession, url: StrOrURL) -> File:
    """Fetch a picture, following where it has moved to; raise ValidationError if it cannot be sent."""
    for _ in range(REDIRECTS_MAX + 1):
        url = URL(url)
        check_address(url)
        async with session.get(url, allow_redirects=False) as answer:
            if answer.status not in REDIRECTS or "Location" not in answer.headers:
                return await check_answer(answer)
            url = answer.url.join(URL(answer.headers["Location"]))
    raise ValidationError(REDIRECTED)


def check_address(url: URL) -> None:
    if url.scheme not in ("http", "https"):
        raise ValidationError(WRONG_SCHEME)
    if url.port not in PORTS and url.port not in {port for _, port in settings.LINKS_MAY_ALSO_REACH}:
        raise ValidationError(WRONG_PORT)


def checked_socket(address: tuple) -> socket.socket:
    """Make the socket for this address, the one that is then connected to; raise NotPublic where it must not be."""
    family, kind, protocol, _, (host, port, *_) = address
    if not may_reach(host, port):
        raise NotPublic("not a public address")
    return socket.socket(family, kind, protocol)


def may_reach(host: str, port: int) -> bool:
    return (port in PORTS and is_public(ip_address(host))) or (host, port) in settings.LINKS_MAY_ALSO_REACH


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether this is an address of the public internet; one that carries another inside is judged by that."""
    if address.version == 6 and address in NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    if address.version == 6 and (address not in GLOBAL_UNICAST or address.sixtofour or address.teredo):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


async def check_answer(answer: aiohttp.ClientResponse) -> File:
    """Return the answer, read up to LINK_BYTES_MAX; raise ValidationError unless it is a picture that can be sent."""
    if answer.status != 200:
        raise ValidationError(NOT_THERE % answer.status)
    if answer.content_type in ("text/html", "application/xhtml+xml"):
        raise ValidationError(A_PAGE)
    if (answer.content_length or 0) > LINK_BYTES_MAX:
        raise ValidationError(TOO_LARGE)
    content = BytesIO()
    async for piece in answer.content.iter_chunked(65536):
        content.write(piece)
        if content.tell() > LINK_BYTES_MAX:
            raise ValidationError(TOO_LARGE)
    file = File(content)
    await asyncio.to_thread(check_picture, file, answer.content_type)
    return file


def check_picture(file: File, content_type: str) -> None:
    kind = picture_kind(file)
    if kind is None:
        raise ValidationError(NO_PICTURE)
    if content_type not in TYPES[kind]:
        raise ValidationError(WRONG_TYPE)
    with whole_picture(file):
        pass  # That it can be read to its end is all that matters.
