"""Who is let into the newsroom: by a password, and by a code where an account has a second factor."""

from ipaddress import IPv6Address, ip_address, ip_network

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django import forms
from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse

from . import second_factor

# So many times as many wrong passwords as for one name are one address's for all names together: an office has many
# who mistype.
ADDRESS_TIMES = 10
LOCKED_OUT = f"Too many tries. Wait {settings.AXES_COOLOFF_TIME.seconds // 60} minutes, then try again."


class LoginForm(AdminAuthenticationForm):
    code = forms.CharField(
        label="Code, if you have a second factor",
        required=False,
        max_length=16,
        error_messages={"max_length": "This is too long for a code."},
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autocapitalize": "none"}),
    )

    def get_invalid_login_error(self) -> ValidationError:
        if getattr(self.request, "axes_locked_out", False):
            return ValidationError(LOCKED_OUT, code="locked_out")
        return super().get_invalid_login_error()

    def confirm_login_allowed(self, user: User) -> None:
        """Let in who has no second factor, and who gives its code; each wrong code doubles the wait for the next."""
        super().confirm_login_allowed(user)
        if second_factor.device_of(user):
            user.otp_device = second_factor.accepting(user, self.cleaned_data.get("code", ""))
            if user.otp_device is None:
                raise ValidationError(second_factor.WRONG, code="code")


class Throttle(AxesDatabaseHandler):
    """Counts wrong passwords for a name from an address, and beside them those of the address for whatever names."""

    def get_failures(self, request: HttpRequest, credentials: dict | None = None) -> int:
        """Return how many there were, as they are held against AXES_FAILURE_LIMIT."""
        return max(super().get_failures(request, credentials), self.of_address(request) // ADDRESS_TIMES)

    def of_address(self, request: HttpRequest) -> int:
        address = request.axes_ip_address
        # That is everybody, where PROXIES leaves out the proxy: a stranger would keep all of them from the brake.
        if address is None or ip_address(address).is_loopback:
            return 0
        attempts = AccessAttempt.objects.filter(ip_address=address, attempt_time__gte=get_cool_off_threshold(request))
        return attempts.aggregate(total=Sum("failures_since_start"))["total"] or 0


def locked_out(request: HttpRequest, response: HttpResponse, credentials: dict) -> HttpResponse:
    """Return the page with the form, which says why, with a status that says it to machines."""
    response.status_code = settings.AXES_HTTP_RESPONSE_CODE
    return response


def client_address(request: HttpRequest) -> str | None:
    """Return where a log-in comes from, as the first of our own proxies saw it.

    What stands farther left in X-Forwarded-For anybody may have written. Of IPv6 it is the network of 64 bits, all of
    which one person has.
    """
    forwarded = request.headers.get("X-Forwarded-For", "")
    hops = [*filter(str.strip, forwarded.split(",")), request.META.get("REMOTE_ADDR", "")][-1 - settings.PROXIES :]
    try:
        address = ip_address(hops[0].strip())
    except ValueError:
        return None
    address = getattr(address, "ipv4_mapped", None) or address
    if isinstance(address, IPv6Address) and not address.is_loopback:
        return str(ip_network((address, 64), strict=False).network_address)
    return str(address)
