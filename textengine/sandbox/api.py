"""Twilio's Messages API: its paths, its login, its answers. What a message must be is create.py's."""

import asyncio
import base64
import binascii
import hmac
import json
import re
from functools import lru_cache
from urllib.parse import parse_qs

from starlette.responses import Response
from starlette.routing import Route

from .create import build_message
from .errors import NOT_FOUND, NOT_READY, SERVER_ERROR, TOO_MANY, UNAUTHORIZED, ApiError
from .listing import list_media, list_messages
from .store import API_VERSION

ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")
# A picture that a stranger's server sent must not run as a page of this origin.
MEDIA_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


def json_response(content, status=200):
    """Answer with `content` as JSON."""
    return Response(json.dumps(content), status, media_type="application/json")


def api_error(request, error):
    """Answer with Twilio's error envelope."""
    headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if error.status == 401 else None
    return Response(json.dumps(error.envelope()), error.status, headers, "application/json")


def media_response(media):
    """Answer with the bytes of an attachment."""
    return Response(media.content, headers=MEDIA_HEADERS, media_type=media.content_type)


@lru_cache(maxsize=256)
def read_login(header):
    """Return user and password of a Basic Authorization header, or two empty strings."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


def authenticate(request):
    """Return the account that the request logs in as; raise 20003 when it is not the one in the path."""
    account = logged_in(request)
    if account != request.path_params["account"]:
        raise ApiError(UNAUTHORIZED)
    return account


def logged_in(request):
    """Return the account that the request logs in as; raise 20003 when that is none."""
    services = request.app.state
    user, password = read_login(request.headers.get("authorization", ""))
    allowed = user == services.account_sid if services.account_sid else ACCOUNT_SID.fullmatch(user)
    if not allowed or not hmac.compare_digest(password.encode(), services.token):
        raise ApiError(UNAUTHORIZED)
    return user


async def read_form(request):
    """Return the urlencoded body as a dict of lists."""
    body = await request.body()
    return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=1000)


async def create(request):
    """Accept a message, or whatever the faults in force do instead."""
    services = request.app.state
    account = authenticate(request)
    form = await read_form(request)
    fault = services.faults.for_request("create")
    if fault in ("429", "500", "drop-before", "hang"):
        return await misbehave(request, fault)
    message = build_message(services.store, services.faults, account, form)
    services.store.add(message)
    services.delivery.accept(message)
    content = message.resource()
    if services.faults.latency:
        await asyncio.sleep(services.faults.latency)
    if fault:
        return await misbehave(request, fault)
    return json_response(content, 201)


async def misbehave(request, fault):
    """Do what `fault` says in place of a right answer."""
    if fault == "429":
        raise ApiError(TOO_MANY)
    if fault.startswith("500"):
        raise ApiError(SERVER_ERROR)
    if fault == "garbage":
        return Response("<html><body>It works!", 201, media_type="text/html")
    if fault.startswith("drop"):
        request.state.transport.abort()
    return await silence(request)


async def silence(request):
    """Wait until the client has gone, and answer nothing.

    Starlette wants a response; this one sends none, which the server takes quietly from a connection that
    is closed.
    """
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return NoAnswer()


class NoAnswer(Response):
    """A response that is never sent."""

    async def __call__(self, scope, receive, send):
        """Send nothing."""


async def index(request):
    """List messages, newest first."""
    if answer := await check_in(request):
        return answer
    return json_response(list_messages(request.app.state.store, request.path_params["account"], request.url))


async def fetch(request):
    """Show one message."""
    if answer := await check_in(request):
        return answer
    return json_response(find_message(request).resource())


async def update(request):
    """Redact the body, or cancel a message that has not left."""
    authenticate(request)
    form = await read_form(request)
    message = find_message(request)
    store = request.app.state.store
    if "Status" in form:
        if form["Status"][0] != "canceled":
            raise ApiError(20001, "The only Status that can be set is canceled.")
        if message.status not in ("queued", "accepted", "scheduled"):
            raise ApiError(30409)
        store.change(message, status="canceled")
    if "Body" in form:
        if form["Body"][0]:
            raise ApiError(20001, "The Body can only be set to an empty string.")
        store.change(message, body="")
    return json_response(message.resource())


async def delete(request):
    """Forget a message whose delivery has ended."""
    authenticate(request)
    message = find_message(request)
    if not message.is_final:
        raise ApiError(NOT_READY)
    request.app.state.store.remove(message)
    return Response(status_code=204)


async def media_index(request):
    """List the attachments of a message."""
    authenticate(request)
    return json_response(list_media(find_message(request), request.url))


async def media_fetch(request):
    """Show one attachment."""
    authenticate(request)
    return json_response(find_media(request).resource())


async def media_content(request):
    """Hand out the bytes of one attachment."""
    authenticate(request)
    media = find_media(request)
    if media.content is None:
        raise ApiError(NOT_FOUND, request.url.path)
    return media_response(media)


async def media_delete(request):
    """Forget one attachment."""
    authenticate(request)
    request.app.state.store.remove_media(find_message(request), find_media(request))
    return Response(status_code=204)


async def check_in(request):
    """Let a reading request in; return the answer instead if a fault hits it."""
    authenticate(request)
    fault = request.app.state.faults.for_request("read")
    return await misbehave(request, fault) if fault else None


def find_message(request):
    """Return the message that the path names, or raise 20404."""
    message = request.app.state.store.messages.get(request.path_params["sid"])
    if message is None or message.account_sid != request.path_params["account"]:
        raise ApiError(NOT_FOUND, request.url.path)
    return message


def find_media(request):
    """Return the attachment that the path names, or raise 20404."""
    for media in find_message(request).media:
        if media.sid == request.path_params["media_sid"]:
            return media
    raise ApiError(NOT_FOUND, request.url.path)


async def unknown(request):
    """Answer for every path of the API that the sandbox does not play."""
    authenticate(request)
    raise ApiError(NOT_FOUND, request.url.path)


ACCOUNT = f"/{API_VERSION}/Accounts/{{account}}"
routes = [
    # The first route that fits wins, so the one that is asked a thousand times a second comes first.
    Route(f"{ACCOUNT}/Messages.json", create, methods=["POST"]),
    Route(f"{ACCOUNT}/Messages.json", index, methods=["GET"]),
    Route(f"{ACCOUNT}/Messages/{{sid}}/Media.json", media_index, methods=["GET"]),
    Route(f"{ACCOUNT}/Messages/{{sid}}/Media/{{media_sid}}.json", media_fetch, methods=["GET"]),
    Route(f"{ACCOUNT}/Messages/{{sid}}/Media/{{media_sid}}.json", media_delete, methods=["DELETE"]),
    Route(f"{ACCOUNT}/Messages/{{sid}}/Media/{{media_sid}}", media_content, methods=["GET"]),
    Route(f"{ACCOUNT}/Messages/{{sid}}.json", fetch, methods=["GET"]),
    Route(f"{ACCOUNT}/Messages/{{sid}}.json", update, methods=["POST"]),
    Route(f"{ACCOUNT}/Messages/{{sid}}.json", delete, methods=["DELETE"]),
]
# Behind all others.
unknown_route = Route(f"{ACCOUNT}/{{rest:path}}", unknown, methods=["GET", "POST", "DELETE"])
