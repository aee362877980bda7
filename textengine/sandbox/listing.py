"""Twilio's lists: filters, pages, and the envelope around them."""

import re
from datetime import UTC, datetime, time
from itertools import islice
from urllib.parse import parse_qs, urlencode

from .errors import ApiError

PAGE_SIZE, LARGEST_PAGE = 50, 1000
MIDNIGHT, SECONDS_OF_DAY = time(), 86_400
FILTERS = ("To", "From", "DateSent", "DateSent<", "DateSent>")
PAGE_TOKEN = re.compile(r"P([AB])((?:SM|MM)[0-9a-f]{32})")


def list_messages(store, account_sid, url):
    """Return the page of messages that the query of `url` asks for, newest first."""
    query = read_query(url)
    found = _matching(store, account_sid, query)
    size, number, (direction, edge) = page_size(query), page_number(query), page_token(query)
    if edge is None:
        rows = list(islice(found, number * size, (number + 1) * size + 1))
        more = len(rows) > size
        rows = rows[:size]
    elif direction == "A":
        rows = list(islice(_older_than(found, edge), size + 1))
        more = len(rows) > size
        rows = rows[:size]
    else:
        rows, more = _newer_than(found, edge)[-size:], True
    filters = {name: query[name] for name in FILTERS if name in query}
    uri = f"{url.path}?{urlencode({**filters, 'PageSize': size})}"
    start = number * size
    return {
        "first_page_uri": f"{uri}&Page=0",
        "next_page_uri": f"{uri}&Page={number + 1}&PageToken=PA{rows[-1].sid}" if more and rows else None,
        "previous_page_uri": (f"{uri}&Page={number - 1}&PageToken=PB{rows[0].sid}" if number and rows else None),
        "page": number,
        "page_size": size,
        "start": start,
        "end": start + max(len(rows) - 1, 0),
        "uri": f"{url.path}?{url.query}" if url.query else f"{uri}&Page=0",
        "messages": [message.resource() for message in rows],
    }


def list_media(message, url):
    """Return all attachments of a message: there are ten at most."""
    return one_page(url, "media_list", [media.resource() for media in message.media])


def one_page(url, name, rows):
    """Return these rows as the one page of a list that is never longer."""
    size = page_size(read_query(url))
    uri = f"{url.path}?PageSize={size}&Page=0"
    return {
        "first_page_uri": uri,
        "next_page_uri": None,
        "previous_page_uri": None,
        "page": 0,
        "page_size": size,
        "start": 0,
        "end": max(len(rows) - 1, 0),
        "uri": uri,
        name: rows[:size],
    }


def read_query(url):
    """Return the query as a dict of single values; `DateSent>=x` arrives as the key `DateSent>`."""
    return {key: values[0] for key, values in parse_qs(url.query).items()}


def page_size(query):
    """Return how many rows a page has; Twilio takes no more than a thousand."""
    size = _whole(query, "PageSize", PAGE_SIZE)
    if size < 1:
        raise ApiError(20001, "PageSize is a whole number from 1 to 1000.")
    return min(size, LARGEST_PAGE)


def page_number(query):
    """Return the number of the page, counted from 0."""
    return _whole(query, "Page", 0)


def page_token(query):
    """Return the direction and the SID at the edge of the page before, or two Nones.

    The edge is a message and not a count, so that texts which arrive meanwhile shift no page.
    """
    token = query.get("PageToken")
    if not token:
        return None, None
    match = PAGE_TOKEN.fullmatch(token)
    if not match:
        raise ApiError(20001, "PageToken is none that this list gave.")
    return match.groups()


def _whole(query, name, default):
    text = query.get(name, "")
    if text and not (text.isascii() and text.isdecimal()):
        raise ApiError(20001, f"{name} is a whole number.")
    return int(text) if text else default


def _matching(store, account_sid, query):
    bounds = [_period(query[name], name[8:]) for name in ("DateSent", "DateSent<", "DateSent>") if query.get(name)]
    after = max((low for low, _ in bounds if low is not None), default=None)
    before = min((high for _, high in bounds if high is not None), default=None)
    for message in store.newest_first(query.get("To", "").strip(), query.get("From", "").strip()):
        # A message that is accepted but not yet sent is found by when it was accepted: whoever looks for
        # one after a lost answer must not miss it because it still waits in the queue.
        moment = int(message.created if message.sent is None else message.sent)
        if after is not None and moment < after:
            continue
        if before is not None and moment >= before:
            continue
        if message.account_sid == account_sid:
            yield message


def _period(text, relation):
    """Return the first second that fits and the first that no longer does; None where there is no bound."""
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        raise ApiError(20001, f"DateSent is a date or a date and time, not {text}.") from None
    start = start if start.tzinfo else start.replace(tzinfo=UTC)
    first = int(start.timestamp())
    if relation:
        return (first, None) if relation == ">" else (None, first + 1)
    # Twilio's libraries write a date as its midnight, so midnight alone means the whole day.
    return first, first + (SECONDS_OF_DAY if start.time() == MIDNIGHT else 1)


def _older_than(found, edge):
    for message in found:
        if message.sid == edge:
            break
    yield from found


def _newer_than(found, edge):
    rows = []
    for message in found:
        if message.sid == edge:
            break
        rows.append(message)
    return rows
