"""The carrier's webhooks: verify, parse, hand over, answer."""

import functools
import logging
import re
from collections.abc import Callable

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.utils import timezone
from django.utils.log import log_response
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from textengine import carrier
from textengine.database import AWAY

from . import callbacks, inbound, metrics

logger = logging.getLogger(__name__)

# A webhook of ten media and 1,600 emoji has about 25 kB.
WEBHOOK_MAX_BYTES = 64_000
SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")
# Twilio texts a text/plain answer back to the reader; this one says nothing.
EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'

View = Callable[[HttpRequest], HttpResponse]

# By this the doctor tells our own 503 from a proxy's.
KEEPS_NOTHING = "The database cannot keep it now"


class BadParameter(ValueError):
    """A webhook's parameter that cannot be used; the message says which and why."""


def webhook(view: View) -> View:
    """Let only signed POSTs of a bearable size through, and answer a BadParameter with 400.

    What the database cannot keep at present is answered with 503: the carrier comes again.
    """

    @csrf_exempt
    @require_POST
    @metrics.measured
    @functools.wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        if int(request.META.get("CONTENT_LENGTH") or 0) > WEBHOOK_MAX_BYTES:
            return refuse(request, 413, f"More than {WEBHOOK_MAX_BYTES} bytes.")
        # What they do is tried again on a new connection if this one has gone: asking first would be one way more.
        connection.health_check_done = True
        try:
            if not carrier.is_signed(request):
                return refuse(request, 403, "The signature is missing or wrong.")
            return view(request)
        except BadParameter as error:
            return refuse(request, 400, str(error))
        except (BadRequest, SuspiciousOperation, MultiPartParserError):
            return refuse(request, 400, "The form cannot be read.")
        except AWAY as error:
            return refuse(request, 503, f"{KEEPS_NOTHING} ({type(error).__name__}).")

    return wrapped


@webhook
def receive_inbound(request: HttpRequest) -> HttpResponse:
    sender, number = parameter(request, "From", 100), parameter(request, "To", 100)
    if not sender:
        raise BadParameter("From is missing.")
    parameters = {name: printable(value) for name, value in request.POST.items()}
    inbound.receive(
        inbound.InboundText(
            sid=message_sid(request),
            sender=sender,
            number=number,
            body=parameters.get("Body", ""),
            media_urls=carrier.media_of(parameters),
            opt_out_type=parameters.get("OptOutType", ""),
        ),
        timezone.now(),
    )
    return HttpResponse(EMPTY_TWIML, content_type="text/xml")


@webhook
def receive_status(request: HttpRequest) -> HttpResponse:
    sid, status = message_sid(request), parameter(request, "MessageStatus", 20)
    known = callbacks.receive_callback(
        sid,
        status,
        error_code=number_or_none(request.POST.get("ErrorCode"), digits=9),
        message_id=number_or_none(request.GET.get("message"), digits=18),
        now=timezone.now(),
    )
    if not known:
        # 2xx all the same, or the carrier would go on telling us.
        logger.info("status.unknown sid=%s status=%s", sid, status)
    return HttpResponse(status=204)


def message_sid(request: HttpRequest) -> str:
    sid = parameter(request, "MessageSid", 34)
    if not SID.fullmatch(sid):
        raise BadParameter("MessageSid is missing or is not a message's SID.")
    return sid


def parameter(request: HttpRequest, name: str, max_length: int) -> str:
    value = printable(request.POST.get(name, "")).strip()
    if len(value) > max_length:
        raise BadParameter(f"{name} has more than {max_length} characters.")
    return value


def printable(value: str) -> str:
    """Return a parameter as databases can keep it: PostgreSQL takes no NUL characters."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}")


def number_or_none(value: str | None, digits: int) -> int | None:
    """Return a whole number of at most so many digits that a parameter holds; None for anything else."""
    return int(value) if value and re.fullmatch(rf"[0-9]{{1,{digits}}}", value) else None


def refuse(request: HttpRequest, status: int, reason: str) -> HttpResponse:
    response = HttpResponse(reason, status=status, content_type="text/plain")
    # Django then knows that this is logged, and adds no line of its own.
    line = "webhook.refused path=%s status=%s reason=%s"
    log_response(line, request.path, status, reason, response=response, request=request, logger=logger)
    return response
