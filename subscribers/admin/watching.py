"""What is kept on record of those who look at readers, and the click that shows a whole number."""

from datetime import datetime, timedelta
from http import HTTPStatus

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone

from ..models import Access, Subscriber

SEE_NUMBERS = "subscribers.see_numbers"
# How long a number stays on the pages of who had it shown.
SHOWN_FOR = timedelta(minutes=10)
SHOWN = "numbers_shown"


def may_see_numbers(request: HttpRequest) -> bool:
    return request.user.has_perm(SEE_NUMBERS)


def show_number(request: HttpRequest, subscriber: Subscriber, now: datetime) -> None:
    """Show this reader's whole number for a while to who asks for it, and put that on record."""
    Access.record(request.user, Access.What.NUMBER, str(subscriber), subscriber)
    shown = {pk: until for pk, until in request.session.get(SHOWN, {}).items() if until > now.timestamp()}
    request.session[SHOWN] = shown | {str(subscriber.pk): (now + SHOWN_FOR).timestamp()}


def whole_number(request: HttpRequest, subscriber: Subscriber, now: datetime) -> str:
    """Return this reader's number as it is spoken, if it is shown at present; empty if it is masked."""
    until = request.session.get(SHOWN, {}).get(str(subscriber.pk), 0)
    return subscriber.phone_number.as_international if until > now.timestamp() and may_see_numbers(request) else ""


class WatchedMixin:
    """For the admin of what belongs to a reader: who opens a page of it is put on record."""

    def reader_of(self, obj) -> Subscriber | None:
        return obj.subscriber

    def change_view(self, request, object_id, form_url="", extra_context=None):
        response = super().change_view(request, object_id, form_url, extra_context)
        self.keep_on_record(request, response, object_id, self.opts.verbose_name)
        return response

    def history_view(self, request, object_id, extra_context=None):
        response = super().history_view(request, object_id, extra_context)
        self.keep_on_record(request, response, object_id, f"history of the {self.opts.verbose_name}")
        return response

    def keep_on_record(self, request: HttpRequest, response: HttpResponse, object_id: str, page: str) -> None:
        """Put on record what is about to be shown, however it was asked for: a form that is refused shows it, too."""
        obj = self.get_object(request, object_id) if response.status_code == HTTPStatus.OK else None
        if obj and (reader := self.reader_of(obj)):
            record_page(request, page, reader)


def record_page(request: HttpRequest, page: str, reader: Subscriber) -> None:
    """Put on record that this person had a page open that shows this reader."""
    Access.record(request.user, Access.What.PAGE, f"{page}, {reader}", reader)


def record_look(request: HttpRequest, page: str, reader: Subscriber, now: datetime) -> None:
    """Put it on record once an hour for as long as it is shown, however it came to be opened."""
    looked = Access.objects.filter(user=request.user.pk, subscriber=reader.pk, what=Access.What.PAGE)
    if not looked.filter(at__gt=now - timedelta(hours=1)).exists():
        record_page(request, page, reader)


class NumberMixin:
    """For the admin of readers: the click that shows a whole number to those who may see it."""

    def get_urls(self):
        view = self.admin_site.admin_view(self.number_view)
        return [path("<int:object_id>/number/", view, name="subscribers_subscriber_number"), *super().get_urls()]

    def number_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not may_see_numbers(request):
            raise PermissionDenied
        subscriber = self.found(request, object_id)
        show_number(request, subscriber, timezone.now())
        minutes = SHOWN_FOR // timedelta(minutes=1)
        self.message_user(request, f"The number is shown to you for {minutes} minutes.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:subscribers_subscriber_change", args=[object_id]))

    def change_view(self, request, object_id, form_url="", extra_context=None):
        subscriber = self.get_object(request, object_id)
        whole = whole_number(request, subscriber, timezone.now()) if subscriber else ""
        show = reverse("admin:subscribers_subscriber_number", args=[subscriber.pk]) if subscriber else ""
        number = {"whole": whole, "show": show if may_see_numbers(request) else ""}
        return super().change_view(request, object_id, form_url, {"number": number} | (extra_context or {}))
