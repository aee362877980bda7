"""Where a stored picture is found: by the carrier, and by our own pages, which load nothing from another host."""

import re
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.core.files.storage import default_storage
from django.utils.encoding import filepath_to_uri


def carrier_address(name: str) -> str:
    """Return the absolute address of the picture that is stored as `name`: the storage's own, if it has one."""
    url = default_storage.url(name)
    return urljoin(settings.PUBLIC_URL, url) if urlsplit(url).netloc else settings.PUBLIC_URL + url


def page_address(name: str) -> str:
    """Return the path of that picture on our own host, wherever it is stored."""
    return settings.MEDIA_URL + filepath_to_uri(name)


def stored_name(url: str) -> str | None:
    """Return as what the picture at this address is stored; None if it is not ours."""
    name = re.search(r"pictures/[\w-]+\.\w+$", urlsplit(url).path)
    # A storage may sign its addresses anew each time.
    return name[0] if name and carrier_address(name[0]).partition("?")[0] == url.partition("?")[0] else None
