"""What browsers are told of every page, beyond what Django and django-csp say.

Not by django-permissions-policy: the header is the same with every page, so that the library would bring a setting to
write the same line in, and one more release to follow.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# No page needs a device; whatever would be loaded into one gets none either.
FEATURES = ("camera", "microphone", "geolocation", "payment", "usb", "midi", "display-capture", "accelerometer")
PERMISSIONS_POLICY = ", ".join(f"{feature}=()" for feature in FEATURES)


def permissions_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse all pages the use of devices."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["Permissions-Policy"] = PERMISSIONS_POLICY
        return response

    return respond
