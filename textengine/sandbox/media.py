"""Fetching pictures the way Twilio does: HEAD, then GET, with a look at the type and the size."""

import aiohttp
from yarl import URL

SAFE_TYPES = frozenset({"image/jpeg", "image/jpg", "image/png", "image/gif"})
OTHER_TYPES = frozenset(
    {
        "application/pdf",
        "application/vcard",
        "application/vnd.apple.pkpass",
        "text/calendar",
        "text/csv",
        "text/directory",
        "text/richtext",
        "text/rtf",
        "text/vcard",
        "text/x-vcard",
    }
)
MOST_TOGETHER = 5 * 1024 * 1024
MOST_OF_OTHER_TYPES = 500 * 1024


class Unfetchable(Exception):
    """An attachment that cannot be carried; `code` is Twilio's number for why."""

    def __init__(self, code, sentence):
        super().__init__(sentence)
        self.code = code


def is_accepted(content_type):
    """Say whether Twilio carries this type at all."""
    family = content_type.partition("/")[0]
    return family in ("image", "audio", "video") or content_type in OTHER_TYPES


async def fetch_all(http, urls):
    """Return (url, content type, bytes) for each URL; raise Unfetchable for the first that cannot be sent."""
    fetched, room = [], MOST_TOGETHER
    for url in urls:
        content_type, content = await _fetch(http, url, room)
        room -= len(content)
        fetched.append((url, content_type, content))
    return fetched


async def _fetch(http, url, room):
    try:
        async with http.head(URL(url), allow_redirects=True) as response:
            _accept(url, response, room)
        async with http.get(URL(url)) as response:
            limit = _accept(url, response, room)
            content = bytearray()
            async for chunk in response.content.iter_chunked(65536):
                content += chunk
                if len(content) > limit:
                    raise Unfetchable(30019, f"{url} is larger than {limit} bytes")
            return response.content_type, bytes(content)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise Unfetchable(11200, f"{url} could not be fetched") from error


def _accept(url, response, room):
    """Return how many bytes this attachment may have; raise Unfetchable when it may not be sent at all."""
    if response.status != 200:
        raise Unfetchable(11200, f"{url} answered {response.status}")
    if "Content-Type" not in response.headers or not is_accepted(response.content_type):
        raise Unfetchable(12300, f"{url} has the type {response.headers.get('Content-Type', 'none')}")
    limit = room if response.content_type in SAFE_TYPES else min(room, MOST_OF_OTHER_TYPES)
    if (response.content_length or 0) > limit:
        raise Unfetchable(30019, f"{url} is larger than {limit} bytes")
    return limit
