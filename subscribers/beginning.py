"""The moment at which a claimed message becomes a request to the carrier, and can no longer be taken back."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from stories.models import StoryText
from stories.placeholders import filled
from textengine.database import read, retried_at_once, retried_patiently, run_sql, update_rows

from .claiming import LEASE
from .holds import hold_back
from .models import Enrollment, Message, led
from .scheduling import schedule

# Those that are still ours take over the words of their texts as they now read, and are begun, if nothing stands in
# their way: the reader has opted out (which nothing is said of but that) or left the story, the text was deleted, the
# brake is on. Whatever stands in the way here has to be known to put_aside(), or its message stays claimed until the
# lease runs out.
BEGIN = """
UPDATE subscribers_message SET
    body = COALESCE((SELECT body FROM stories_storytext WHERE id = text_id), body),
    media_urls = CASE WHEN text_id IS NULL THEN media_urls ELSE '[]' END,
    begun_at = %(now)s, lease_until = %(lease_until)s, attempts = attempts + 1
WHERE id IN %(ids)s AND status = 'sending' AND lease = %(lease)s AND lease_until > %(now)s AND begun_at IS NULL
    AND EXISTS (
        SELECT 1 FROM subscribers_subscriber r
        WHERE r.id = subscriber_id AND (r.opted_out_at IS NULL) <> (automatic = 'stopped'))
    AND (step IS NULL OR text_id IS NOT NULL AND EXISTS (
        SELECT 1 FROM subscribers_enrollment e WHERE e.id = enrollment_id AND e.status = 'active'))
    AND NOT EXISTS (
        SELECT 1 FROM subscribers_hold h
        WHERE h.released_at IS NULL AND (h.story_id IS NULL OR h.story_id = subscribers_message.story_id
            AND (h.text_id IS NULL OR h.text_id = subscribers_message.text_id)))
RETURNING id, (SELECT phone_number FROM subscribers_subscriber r WHERE r.id = subscriber_id), number, body, media_urls,
    due_at, lead, (SELECT t.media FROM stories_storytext t WHERE t.id = text_id),
    (SELECT t.media_url FROM stories_storytext t WHERE t.id = text_id)
"""
# A statement of its own: one that waits for a lock sees holds as they were before it waited.
LOCK = "SELECT id FROM subscribers_message WHERE id IN %(ids)s ORDER BY id FOR NO KEY UPDATE"

# What the readers of those of these messages that are a story's have said, and later texts repeat.
KEPT = """
SELECT m.id, q.keeps, q.words FROM subscribers_message m
LEFT JOIN subscribers_question q ON q.enrollment_id = m.enrollment_id AND q.keeps <> '' AND q.words <> ''
WHERE m.id IN %(ids)s AND m.text_id IS NOT NULL ORDER BY m.id, q.step
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


def begin(message_ids: list[int], lease: UUID, now: datetime) -> list[Request]:
    """Mark these messages as begun, worded as their texts now read; return those that may go out, the oldest first.

    From this commit on their outcome is unknown until it is recorded. The others are held, canceled or handed over.
    """
    requests = mark(message_ids, lease, now)
    if len(requests) < len(message_ids):
        put_aside(message_ids, lease, now)
    return sorted(requests, key=lambda request: (request.due_at, request.message_id))


@retried_at_once
def mark(message_ids: list[int], lease: UUID, now: datetime) -> list[Request]:
    """Begin those of these messages that nothing stands in the way of."""
    if connection.features.has_select_for_update:
        run_sql(LOCK, ids=message_ids)
    requests, pictures, bodies = [], [], []
    rows = run_sql(BEGIN, ids=message_ids, lease=lease, now=now, lease_until=now + LEASE)
    for pk, to, number, body, media_urls, due_at, lead, media, media_url in rows:
        if lead:
            body = led(lead, body)
            bodies.append((pk, body))
        # Words and picture come from one look at the text, which may be changed at any moment.
        if media or media_url:
            urls = [StoryText(media=media, media_url=media_url).picture_url]
            pictures.append((pk, urls))
        else:
            urls = json.loads(media_urls)
        requests.append(Request(pk, to, number, body, urls, read(Message, "due_at", due_at)))
    update_rows(Message, ["media_urls"], pictures)
    update_rows(Message, ["body"], bodies)
    fill_in([request for request in requests if "{" in request.body])
    return requests


def fill_in(requests: list[Request]) -> None:
    """Put what readers have said, or what stands for it, into those of these texts that ask for it."""
    if not requests:
        return
    kept: dict[int, dict[str, str]] = {}
    for pk, name, words in run_sql(KEPT, ids=[request.message_id for request in requests]):
        kept.setdefault(pk, {})[name] = words
    for request in requests:
        if request.message_id in kept:
            request.body = filled(request.body, kept[request.message_id])
    update_rows(Message, ["body"], [(request.message_id, request.body) for request in requests])


@retried_patiently
def put_aside(message_ids: list[int], lease: UUID, now: datetime) -> None:
    """Do with claimed messages that could not begin what their reason asks for.

    In a transaction of its own: enrollments are locked before messages, and those that began are locked already.
    """
    claimed = Message.objects.claimed(lease, now).filter(pk__in=message_ids)
    # Readers whose waiting text was deleted wait for the one after it.
    orphans = claimed.filter(text=None, step__isnull=False)
    orphaned = list(Enrollment.objects.filter(pk__in=orphans.values("enrollment")).locked())
    hold_back(claimed)
    claimed.exclude(pk__in=claimed.wanted()).cancel()
    schedule(orphaned, now)
    # What stood in the way may be gone by now, as a hold is that was released at this moment.
    claimed.give_back()
