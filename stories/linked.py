"""Linked pictures on the newsroom's own pages: fetched by this server, since those pages ask no other host.

Only links that this server has signed are fetched, and what came of each is remembered for a while.
"""

from hashlib import sha256
from urllib.parse import urlencode

from django.core import signing
from django.core.cache import caches
from django.core.exceptions import ValidationError
from django.urls import reverse

from .fetching import linked_picture
from .media import CONTENT_TYPES, still_picture

SIGNER = signing.Signer(salt="stories.linked")
SIDE = 600
# A link that fails is tried again soon: its picture may just be on its way to its server.
SHOWN_SECONDS, FAILED_SECONDS = 60 * 60, 60


def shown_address(url: str) -> str:
    """Return our own address under which a picture elsewhere is shown; the same for the same link."""
    return f"{reverse('admin:stories_story_linked')}?{urlencode({'link': SIGNER.sign(url)})}"


def signed_link(value: str) -> str:
    """Return the link that was signed; raise BadSignature if this server did not."""
    return SIGNER.unsign(value)


def small_picture(url: str) -> tuple[str, bytes] | None:
    """Return the content type and the content of a linked picture as a phone's width has it; None if there is none."""
    cache, key = caches["pictures"], sha256(url.encode()).hexdigest()
    known = cache.get(key)
    if known is None:
        known = fetched(url)
        cache.set(key, known, SHOWN_SECONDS if known else FAILED_SECONDS)
    return known or None


def fetched(url: str) -> tuple[()] | tuple[str, bytes]:
    try:
        picture = still_picture(linked_picture(url), SIDE)
    except ValidationError:
        return ()
    return CONTENT_TYPES[picture.name[-4:]], picture.read()
