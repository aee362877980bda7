"""The phones: the page a person texts from, its events, and the same as JSON for scripts."""

import asyncio
import json
from pathlib import Path
from urllib.parse import urlsplit

from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from .api import media_response
from .create import LONGEST_BODY, MOST_MEDIA, is_callable
from .faults import KINDS, OUTCOMES, BadFault
from .phone_numbers import clean_phone

HERE = Path(__file__).parent
templates = Jinja2Templates(HERE / "templates")
# The thread's look is shared with the admin, which finds it among the project's static files.
STATIC = {path.name: path for path in (HERE / "static").iterdir()}
STATIC["phone.css"] = HERE.parent / "static" / "textengine" / "phone.css"
# No inline script or style, nothing from elsewhere, and nobody may frame the page.
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
# Telephone numbers kept free for fiction, so that a text never reaches a real person.
FIRST_PHONES = ("+14155550123", "+14155550188")
TEXTS_SHOWN = 300
KEEP_ALIVE_SECONDS = 15


class BadRequest(ValueError):
    """What a script or the page asked for is wrong; the sentence says how."""


def bad_request(request, error):
    """Answer with the sentence as JSON."""
    return JSONResponse({"error": str(error)}, 400)


def read_phone(request):
    """Return the phone that the path names."""
    phone = clean_phone(request.path_params["number"])
    if phone is None:
        raise BadRequest(f"{request.path_params['number']} is not a phone number.")
    return phone


async def read_json(request):
    """Return the body as a JSON object; refuse what another site's page had the browser send."""
    origin = request.headers.get("origin")
    if origin and urlsplit(origin).netloc != request.headers.get("host"):
        raise BadRequest(f"A page of {origin} has no business here.")
    try:
        content = json.loads(await request.body())
        # JSON can name half a character, which no text can hold.
        json.dumps(content, ensure_ascii=False).encode()
    except ValueError:
        raise BadRequest("The body is not JSON, or not in whole characters.") from None
    if not isinstance(content, dict):
        raise BadRequest("The body is a JSON object.")
    return content


async def page(request):
    """Show the phones."""
    services = request.app.state
    asked = [phone for text in request.query_params.getlist("phone") if (phone := clean_phone(text))]
    known = [phone for phone, texts in services.store.by_phone.items() if texts][-len(FIRST_PHONES) :]
    first = known + [phone for phone in FIRST_PHONES if phone not in known][: len(FIRST_PHONES) - len(known)]
    context = {
        "ours": services.store.our_number,
        "phones": list(dict.fromkeys(asked)) or first,
        "kinds": KINDS.items(),
        "outcomes": OUTCOMES,
    }
    return templates.TemplateResponse(request, "phones.html", context, headers=PAGE_HEADERS)


async def static(request):
    """Serve one of the page's own files."""
    path = STATIC.get(request.path_params["name"])
    if path is None or not path.exists():
        return Response("Not found", 404)
    return FileResponse(path, headers={"Cache-Control": "no-cache"})


async def list_phones(request):
    """List the phones that have texted or were texted."""
    by_phone = request.app.state.store.by_phone
    return JSONResponse([{"number": phone, "messages": len(texts)} for phone, texts in by_phone.items() if texts])


async def list_texts(request):
    """List a phone's messages of both directions, oldest first, as Twilio's resources."""
    messages = request.app.state.store.by_phone.get(read_phone(request), [])
    return JSONResponse([message.resource() for message in messages])


async def text(request):
    """Let a phone text us."""
    phone = read_phone(request)
    content = await read_json(request)
    services = request.app.state
    wanted = content.get("to") or services.store.our_number
    ours = clean_phone(wanted) if isinstance(wanted, str) else None
    body, media_urls = content.get("body") or "", content.get("media_url") or []
    if isinstance(media_urls, str):
        media_urls = [media_urls]
    if ours is None:
        raise BadRequest(f"{wanted} is not a number to text to.")
    if ours == phone:
        raise BadRequest("A phone cannot text itself.")
    if not isinstance(body, str) or len(body) > LONGEST_BODY:
        raise BadRequest(f"body is a text of at most {LONGEST_BODY} characters.")
    if not isinstance(media_urls, list) or len(media_urls) > MOST_MEDIA:
        raise BadRequest(f"media_url is a list of at most {MOST_MEDIA} links.")
    for url in media_urls:
        if not isinstance(url, str) or not is_callable(url):
            raise BadRequest(f"{url} is not an absolute http or https link.")
    if not body and not media_urls:
        raise BadRequest("A text needs a body or a picture.")
    message = await services.inbound.text(phone, ours, body, media_urls)
    return JSONResponse(message.resource(), 201)


async def thread(request):
    """Return what the page shows of one phone."""
    phone = read_phone(request)
    store = request.app.state.store
    return JSONResponse(
        {
            "number": phone,
            "stopped": store.is_opted_out(store.our_number, phone),
            "texts": [as_shown(message) for message in store.by_phone.get(phone, [])[-TEXTS_SHOWN:]],
            "warnings": list(store.warnings.get(phone, ())),
        }
    )


def as_shown(message):
    """Return a message as the page shows it."""
    return {
        "sid": message.sid,
        "ours": message.ours,
        "from_us": message.direction != "inbound",
        "body": message.body,
        "at": message.created,
        "status": message.status,
        "error_code": message.error_code,
        "error_message": message.error_message,
        "deleted": message.deleted,
        "waiting_media": 0 if message.is_final else len(message.media_urls) - len(message.media),
        "media": [
            {"url": f"/media/{media.sid}", "content_type": media.content_type, "lost": media.content is None}
            for media in message.media
        ],
    }


async def media(request):
    """Show a picture to the page, which has no account to log in with."""
    found = request.app.state.store.media.get(request.path_params["sid"])
    if found is None or found.content is None:
        return Response("Not found", 404)
    return media_response(found)


async def events(request):
    """Stream what happens to the phones named in the query, as Server-Sent Events."""
    phones = {phone for text in request.query_params.getlist("phone") if (phone := clean_phone(text))}
    services = request.app.state
    queue = asyncio.Queue()

    def watch(phone, kind, what):
        if phone in phones:
            stopped = services.store.is_opted_out(services.store.our_number, phone)
            content = as_shown(what) if kind == "message" else what
            event = {"number": phone, "kind": kind, "ours": services.store.our_number, "stopped": stopped}
            queue.put_nowait({**event, kind: content})

    async def stream():
        services.store.watchers.append(watch)
        try:
            yield "retry: 1000\n\n"
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), KEEP_ALIVE_SECONDS)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                yield f"data: {json.dumps(event)}\n\n"
        finally:
            services.store.watchers.remove(watch)

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def show_faults(request):
    """Show the faults in force."""
    return JSONResponse(request.app.state.faults.as_json())


async def set_faults(request):
    """Replace the faults in force."""
    faults = request.app.state.faults
    try:
        faults.replace(await read_json(request))
    except BadFault as error:
        raise BadRequest(str(error)) from None
    return JSONResponse(faults.as_json())


routes = [
    Route("/", page, methods=["GET"]),
    Route("/static/{name}", static, methods=["GET"]),
    Route("/media/{sid}", media, methods=["GET"]),
    Route("/events", events, methods=["GET"]),
    Route("/phones", list_phones, methods=["GET"]),
    Route("/phones/{number}/messages", list_texts, methods=["GET"]),
    Route("/phones/{number}/messages", text, methods=["POST"]),
    Route("/phones/{number}/thread", thread, methods=["GET"]),
    Route("/faults", show_faults, methods=["GET"]),
    Route("/faults", set_faults, methods=["PUT"]),
]
