"""Telling the newsroom at once that everything is on hold by itself."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from . import telling
from .models import Digest, Hold

SUBJECT = "Everything is on hold"


def tell_of_hold(hold_id: int, channel: str, now: datetime) -> None:
    """Tell of a hold by this channel, unless somebody has released it already. Raises NotDelivered."""
    hold = Hold.objects.active().filter(pk=hold_id).first()
    if hold is None:
        return
    url = f"{settings.PUBLIC_URL}{reverse('admin:subscribers_hold_change', args=[hold.pk])}"
    if channel == Digest.Channel.EMAIL:
        body = f"{hold.reason}\n\nNo text goes out until somebody releases the hold: {url}\n"
        telling.mail(SUBJECT, body, f"hold-{hold.pk}-{int(hold.created_at.timestamp())}")
    else:
        payload = {"hold": hold.pk, "text": f"{SUBJECT}: {hold.reason} {url}", "reason": hold.reason, "url": url}
        telling.post(payload, now, **{"X-Text-Engine-Hold": str(hold.pk)})
