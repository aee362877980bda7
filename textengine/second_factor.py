"""The second factor of an account: an app's code that changes each half minute, and codes on paper for a lost phone.

Whoever has set one up needs it at each log-in; where the newsroom demands it, nobody gets farther without.
"""

import re
from base64 import b32encode
from collections.abc import Callable

import segno
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods
from django_otp import login, verify_token
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

PAPER_CODES = 8
WRONG = "This code is not right, or was used before. Type the one that your app shows now, or one from your paper."
# Where those may go who have yet to set it up: there, and out.
FREE = ("second-factor", "admin:login", "admin:logout", "admin:jsi18n", "admin:password_change")


def device_of(user: User) -> TOTPDevice | None:
    """Return the app that this account is set up with."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).first()


def accepting(user: User, code: str) -> Device | None:
    """Return what of this account's takes this code, which then is used up."""
    code = re.sub(r"[\s-]", "", code).lower()
    kind = TOTPDevice if re.fullmatch(r"[0-9]{6}", code) else StaticDevice
    device = kind.objects.filter(user=user, confirmed=True).first()
    return verify_token(user, device.persistent_id, code) if device else None


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Set the second factor of one's own account up, or take it off."""
    match request.POST.get("do"):
        case "begin" if not device_of(request.user):
            begin(request.user)
        case "confirm":
            if codes := confirm(request, request.POST.get("code", "")):
                end_other_sessions(request)
                return show(request, codes=codes)
            messages.error(request, WRONG)
        case "take-off" if accepting(request.user, request.POST.get("code", "")):
            take_off(request.user)
            messages.success(request, "Your account has no second factor any more.")
        case "take-off":
            messages.error(request, WRONG)
    return redirect("second-factor") if request.method == "POST" else show(request)


def show(request: HttpRequest, **context) -> HttpResponse:
    begun = TOTPDevice.objects.filter(user=request.user, confirmed=False).first()
    context |= {
        "title": "Second factor",
        "is_on": device_of(request.user) is not None,
        "begun": begun,
        "picture": begun and segno.make(begun.config_url).svg_data_uri(scale=5, light="#fff"),
        "key": begun and " ".join(re.findall("....", key_of(begun))),
        "papers": StaticToken.objects.filter(device__user=request.user).count(),
        "demanded": settings.SECOND_FACTOR == "required",
    }
    return render(request, "admin/second_factor.html", admin.site.each_context(request) | context)


def key_of(device: TOTPDevice) -> str:
    """Return the secret as apps take it that cannot see the picture."""
    return b32encode(device.bin_key).decode()


@transaction.atomic
def begin(user: User) -> None:
    """Begin anew: of two that do so at once, the second waits for the user's row and takes the first one's place."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    TOTPDevice.objects.filter(user=user, confirmed=False).delete()
    TOTPDevice.objects.create(user=user, name=user.get_username(), confirmed=False)


@transaction.atomic
def confirm(request: HttpRequest, code: str) -> list[str]:
    """Turn it on, if the app shows the right code; return the codes to be kept on paper."""
    device = TOTPDevice.objects.select_for_update().filter(user=request.user, confirmed=False).first()
    if device is None or not device.verify_token(re.sub(r"\s", "", code)):
        return []
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    login(request, device)
    paper = StaticDevice.objects.create(user=request.user, name="paper")
    codes = [StaticToken.random_token() for _ in range(PAPER_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=paper, token=code) for code in codes)
    return codes


def end_other_sessions(request: HttpRequest) -> None:
    """Log this account out wherever else it is logged in, which was without a second factor.

    Every session is opened, so call it when no transaction keeps others waiting.
    """
    for session in Session.objects.filter(expire_date__gt=timezone.now()).exclude(pk=request.session.session_key):
        if session.get_decoded().get(SESSION_KEY) == str(request.user.pk):
            session.delete()


@transaction.atomic
def take_off(user: User) -> None:
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()


def demanded(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Lead everybody to set a second factor up first, where SECOND_FACTOR says so."""

    def respond(request: HttpRequest) -> HttpResponse:
        if settings.SECOND_FACTOR == "required" and is_missing(request):
            return redirect("second-factor")
        return get_response(request)

    return respond


def is_missing(request: HttpRequest) -> bool:
    if not request.path.startswith(reverse("admin:index")) or request.path in map(reverse, FREE):
        return False
    return request.user.is_authenticated and not request.user.is_verified()
