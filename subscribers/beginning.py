"""The moment at which a claimed message becomes a request to the carrier, and can no longer be taken back."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from stories.models import StoryText
from textengine.database import read, retried_at_once, run_sql, update_rows

from .claiming import LEASE
from .holds import hold_back
from .models import Enrollment, Message
from .scheduling import schedule

# Those that are still ours take over the words of their texts as they now read, and are begun, if nothing stands in
# their way: the reader has opted out or left the story, the text was deleted, the brake is on. Whatever stands in
# the way here has to be known to put_aside(), or its message stays claimed until the lease runs out.
BEGIN = """
UPDATE subscribers_message SET
    body = COALESCE((SELECT body FROM stories_storytext WHERE id = text_id), body),
    media_urls = CASE WHEN text_id IS NULL THEN media_urls ELSE '[]' END,
    begun_at = %(now)s, lease_until = %(lease_until)s, attempts = attempts + 1
WHERE id IN %(ids)s AND status = 'sending' AND lease = %(lease)s AND lease_until > %(now)s AND begun_at IS NULL
    AND EXISTS (SELECT 1 FROM subscribers_subscriber r WHERE r.id = subscriber_id AND r.opted_out_at IS NULL)
    AND (step IS NULL OR text_id IS NOT NULL AND EXISTS (
        SELECT 1 FROM subscribers_enrollment e WHERE e.id = enrollment_id AND e.status = 'active'))
    AND NOT EXISTS (
        SELECT 1 FROM subscribers_hold h
        WHERE h.released_at IS NULL AND (h.story_id IS NULL OR h.story_id = subscribers_message.story_id))
RETURNING id, (SELECT phone_number FROM subscribers_subscriber r WHERE r.id = subscriber_id), number, body, media_urls,
    due_at, (SELECT id FROM stories_storytext t WHERE t.id = text_id AND (t.media <> '' OR t.media_url <> ''))
"""


@dataclass(slots=True)
class Request:
    """What the carrier is asked for: a message from our `number` (empty: the configured one) at `due_at`."""

    message_id: int
    to: str
    number: str
    body: str
    media_urls: list[str]
    due_at: datetime


@retried_at_once
def begin(message_ids: list[int], lease: UUID, now: datetime) -> list[Request]:
    """Mark these messages as begun, worded as their texts now read; return those that may go out, the oldest first.

    From this commit on their outcome is unknown until it is recorded. The others are held, canceled or handed over.
    """
    rows = run_sql(BEGIN, ids=message_ids, lease=lease, now=now, lease_until=now + LEASE)
    requests = [
        Request(pk, to, number, body, json.loads(media_urls), read(Message, "due_at", due_at))
        for pk, to, number, body, media_urls, due_at, _ in rows
    ]
    illustrate(requests, {row[0]: row[-1] for row in rows if row[-1]})
    if len(rows) < len(message_ids):
        put_aside(Message.objects.claimed(lease, now).filter(pk__in=message_ids), now)
    return sorted(requests, key=lambda request: (request.due_at, request.message_id))


def illustrate(requests: list[Request], pictured: dict[int, int]) -> None:
    """Give these messages the pictures of their texts; `pictured` has a text's id for each message that gets one."""
    texts = StoryText.objects.in_bulk(pictured.values())
    for request in requests:
        if text := texts.get(pictured.get(request.message_id)):
            request.media_urls = [text.picture_url]
    pictures = [(request.message_id, request.media_urls) for request in requests if request.message_id in pictured]
    update_rows(Message, ["media_urls"], pictures)


def put_aside(claimed: QuerySet[Message], now: datetime) -> None:
    """Do with claimed messages that could not begin what their reason asks for."""
    hold_back(claimed)
    claimed.exclude(pk__in=claimed.wanted()).cancel()
    orphans = list(claimed.filter(text=None, step__isnull=False).values_list("enrollment", flat=True))
    # Readers whose waiting text was deleted wait for the one after it.
    schedule(Enrollment.objects.filter(pk__in=orphans).locked(), now)
    # Where the reason has gone meanwhile, such as a hold that was released just now.
    claimed.give_back()
