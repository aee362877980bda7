"""Which text a reader gets next, and when. Writes messages as `scheduled`; sending them is dispatch's business.

Everything works on a batch with a fixed number of queries.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, Max, OuterRef, Q
from django_q.tasks import async_task

from stories.models import StoryText
from stories.pacing import gaps, lead_of, shortened
from stories.quiet import QuietHours, by_day, quiet_hours_of
from stories.timeline import timeline
from stories.timing import due_at
from stories.turns import TURN_FIELDS
from stories.waits import Wait
from textengine.database import prepared, read, run_sql, update_rows, write_rows

from .models import Enrollment, Message, Question, Subscriber, e164, zone_of
from .questions import ask, questions_of
from .turns import Turn, ways_of

# So many readers of one story are moved to new times in one transaction, so that nobody waits long for a lock.
FOLLOW_BATCH = 1000


def texts_of(enrollments: Iterable[Enrollment]) -> dict[int, list[StoryText]]:
    """Return the texts of these enrollments' stories, in order and without their words, by the story's id."""
    texts = defaultdict(list)
    stories = {enrollment.story_id for enrollment in enrollments}
    fields = ("position", "delay", "days", "at", "created_at", "label", *TURN_FIELDS, "story", "story__quiet")
    found = StoryText.objects.filter(story__in=stories).select_related("story").only(*fields)
    for text in found.order_by("story", "position"):
        texts[text.story_id].append(text)
    return texts


def clocks_of(subscribers: Iterable[int]) -> dict[int, tuple[ZoneInfo, datetime | None]]:
    """Return the time zones of the subscribers with these ids, and when they last texted us."""
    rows = Subscriber.objects.filter(pk__in=subscribers).values_list(
        "pk", "heard_at", "time_zone", e164("phone_number")
    )
    return {pk: (zone_of(time_zone, number), heard_at) for pk, heard_at, time_zone, number in rows}


def schedule(enrollments: Iterable[Enrollment], now: datetime) -> None:
    """Give each active enrollment among these its next message, or complete it where no text is left.

    A message that already stands for this step is put right: it keeps its text as long as the story has it, and
    comes when that text now says. Where an answer is waited for, there is only what comes without one. The caller has
    locked the enrollments in its transaction.
    """
    enrollments = [enrollment for enrollment in enrollments if enrollment.status == Enrollment.Status.ACTIVE]
    if not enrollments:
        return
    ways, texts = ways_of(enrollments), texts_of(enrollments)
    unsent = Message.objects.story_texts().filter(enrollment__in=enrollments, sent_at=None)
    standing = {(message.enrollment_id, message.step): message for message in unsent.locked()}
    questions = questions_of(enrollments, texts)
    turns = []
    for enrollment in enrollments:
        message = standing.get((enrollment.pk, enrollment.step + 1))
        if not (message and message.begun_at):
            question = questions.get((enrollment.pk, enrollment.step))
            way = ways[enrollment.pk]
            turn = way.turn(texts[enrollment.story_id], enrollment, message, question)
            turns.append((enrollment, message, turn))
    take_turns(turns, texts, questions, now)


Next = tuple[Enrollment, Message | None, Turn]  # a reader, the message that stands for what comes next, and what does


def take_turns(
    turns: list[Next],
    texts: dict[int, list[StoryText]],
    questions: dict[tuple[int, int], Question],
    now: datetime,
) -> None:
    """Write down what comes next: a message, a question that waits, or the end."""
    rounds = going_round(turns)
    following, ended = [], []
    for enrollment, message, turn in turns:
        goes_on = turn.text and enrollment.pk not in rounds
        (following if goes_on else ended).append((enrollment, message, turn))
    write_messages(following, texts, now)
    ask([(enrollment, turn.asked_by, turn.asked_at) for enrollment, _, turn in turns if turn.at_question], questions)
    Message.objects.filter(pk__in=[message.pk for _, message, _ in ended if message]).delete()
    complete([enrollment.pk for enrollment, _, turn in ended if not turn.at_question], now)


def going_round(turns: list[Next]) -> set[int]:
    """Return the passages whose readers would get a text again that they had since they last answered.

    Nothing would ever end that. It cannot be published, but a draft may be read, too.
    """
    back = {enrollment.pk: turn.text.pk for enrollment, _, turn in turns if turn.leads_back}
    if not back:
        return set()
    answered = Question.objects.filter(enrollment__in=back).exclude(answered_at=None).order_by()
    last = dict(answered.values_list("enrollment").annotate(Max("step")))
    had = Message.objects.story_texts().filter(enrollment__in=back).exclude(sent_at=None)
    rows = had.values_list("enrollment", "text", "step")
    return {
        enrollment for enrollment, text, step in rows if text == back[enrollment] and step > last.get(enrollment, 0)
    }


def wait_of(delay: Any, days: int | None, at: Any) -> Wait:
    """Return a text's wait, of its columns as the database gave them."""
    return Wait(read(StoryText, "delay", delay), days, read(StoryText, "at", at))


# Where each reader is who is about to be moved on, with the text that follows if the story kept its order. The waits of
# a rehearsal are seen in the whole story, so that it goes the other way.
PLACES = """
SELECT m.id, e.id, e.subscriber_id, e.number, e.story_id, e.step, r.time_zone, r.phone_number, r.heard_at, s.quiet,
    t.follows = 'next' AND e.pace IS NULL AND (s.reordered_at IS NULL OR s.reordered_at < e.created_at), e.status,
    n.id, n.delay, n.days, n.at
FROM subscribers_enrollment e
JOIN subscribers_message m ON m.enrollment_id = e.id
JOIN subscribers_subscriber r ON r.id = e.subscriber_id
JOIN stories_story s ON s.id = e.story_id
LEFT JOIN stories_storytext t ON t.id = m.text_id
LEFT JOIN stories_storytext n ON n.id = (
    SELECT id FROM stories_storytext WHERE story_id = e.story_id AND position > t.position ORDER BY position LIMIT 1)
WHERE m.id IN %(ids)s
"""
# A statement of its own: one that waits for a lock sees stories as they were before it waited.
LOCK_PLACES = """
SELECT id FROM subscribers_enrollment
WHERE id IN (SELECT enrollment_id FROM subscribers_message WHERE id IN %(ids)s) ORDER BY id FOR NO KEY UPDATE
"""


@dataclass(slots=True)
class Place:
    """Where a reader is when one of a story's texts was sent, and the text that follows it (None: no more).

    `number` is ours; `step` counts the texts before the one that was sent.
    """

    enrollment: int
    subscriber: int
    number: str
    story: int
    step: int
    zone: tzinfo
    heard_at: datetime | None
    quiet: QuietHours | None
    straight: bool
    active: bool
    following: tuple[int, Wait] | None

    def next_message(self, sent_at: datetime) -> tuple:
        """Return the row of the message that follows the one that was sent at that moment."""
        text, wait = self.following
        due = by_day(due_at(sent_at, wait, self.zone), self.zone, self.quiet, self.heard_at)
        return self.subscriber, self.number, self.enrollment, self.story, text, self.step + 2, due, False


def lock_places(message_ids: list[int]) -> dict[int, Place]:
    """Lock the enrollments of these messages; return each one's place, by the message's id, before it is moved on."""
    if connection.features.has_select_for_update:
        run_sql(LOCK_PLACES, ids=message_ids)
    places = {}
    for pk, *columns, time_zone, phone_number, heard_at, words, straight, status, text, delay, days, at in run_sql(
        PLACES, ids=message_ids
    ):
        following = (text, wait_of(delay, days, at)) if text else None
        quiet = quiet_hours_of(words)
        zone = zone_of(time_zone, phone_number) if at or quiet else UTC
        heard_at = read(Subscriber, "heard_at", heard_at) if quiet else None
        active = status == Enrollment.Status.ACTIVE
        places[pk] = Place(*columns, zone, heard_at, quiet, bool(straight), active, following)
    return places


def move_on(sent: list[tuple[Place, datetime]], now: datetime) -> None:
    """Count one more text as sent, at that moment, at each of these places, and give each reader the next message.

    Where the story changed its order meanwhile, or lost the text that was sent, or something else than the next text
    follows it, the whole way is looked at.
    """
    update_rows(Enrollment, ["step"], [(place.enrollment, place.step + 1) for place, _ in sent])
    going = [(place, sent_at) for place, sent_at in sent if place.straight and place.active]
    insert_messages([place.next_message(sent_at) for place, sent_at in going if place.following], now)
    complete([place.enrollment for place, _ in going if not place.following], now)
    winding = [place.enrollment for place, _ in sent if not place.straight]
    if winding:
        schedule(Enrollment.objects.filter(pk__in=winding).locked(), now)


def write_messages(following: list[Next], texts: dict[int, list[StoryText]], now: datetime) -> None:
    """Make, or put right, the message by which each of these enrollments gets this turn's text next.

    `texts` are all of their stories', by the story's id.
    """
    clocks = clocks_of({row.subscriber_id for row, _, turn in following if by_clock(turn.text) or row.is_compressed})
    created, changed, leads = [], [], {}
    for enrollment, message, turn in following:
        text, (zone, heard_at) = turn.text, clocks.get(enrollment.subscriber_id, (UTC, None))
        due = due_at(turn.since, text.wait, zone)
        if enrollment.is_compressed:
            wait, lead = compressed(enrollment, text, texts[enrollment.story_id], zone)
            due, leads[enrollment.pk, enrollment.step + 1] = turn.since + wait, lead
        elif not enrollment.is_rehearsal:
            due = by_day(due, zone, quiet_hours_of(text.story.quiet), heard_at)
        if message and message.shifted:
            due = shifted(due, enrollment, message.shifted, text, zone, heard_at)
        if message is None:
            reader = (enrollment.subscriber_id, enrollment.number, enrollment.pk)
            place = (enrollment.story_id, text.pk, enrollment.step + 1)
            created.append((*reader, *place, due, enrollment.is_rehearsal))
        else:
            message.reschedule(text, due, at_any_hour=enrollment.is_rehearsal)
            changed.append(message)
    insert_messages(created, now)
    write_rows(changed, RESCHEDULED_FIELDS)
    for (enrollment, step), lead in leads.items():
        Message.objects.filter(enrollment=enrollment, step=step).update(lead=lead)


def shifted(
    due: datetime,
    enrollment: Enrollment,
    by: timedelta,
    text: StoryText,
    zone: ZoneInfo,
    heard_at: datetime | None,
) -> datetime:
    """Return when a text comes that was due at `due`, and that holds have moved on by so much."""
    if enrollment.is_compressed:
        return due + by
    moved = due_at(due + by, Wait(timedelta(0), None, text.at), zone)
    return moved if enrollment.is_rehearsal else by_day(moved, zone, quiet_hours_of(text.story.quiet), heard_at)


RESCHEDULED_FIELDS = ["text", "status", "due_at", "at_any_hour", "lease", "lease_until", "error_code", "reason"]


def by_clock(text: StoryText) -> bool:
    """Tell whether the clock at the reader's place has a say in when this text comes."""
    return text.at is not None or quiet_hours_of(text.story.quiet) is not None


def compressed(rehearsal: Enrollment, text: StoryText, texts: list[StoryText], zone: ZoneInfo) -> tuple[timedelta, str]:
    """Return the wait before this text of a compressed rehearsal, and what it says of the true one.

    The true one is that of a reader who started when it did: the clock of the story, which runs faster, is nowhere.
    """
    moments = timeline(texts, rehearsal.created_at, zone, quiet_hours_of(text.story.quiet))
    place = next(place for place, moment in enumerate(moments) if moment.text == text)
    return shortened(gaps(moments, rehearsal.created_at)[place], rehearsal.pace), lead_of(moments[place])


SCHEDULE = """
INSERT INTO subscribers_message (subscriber_id, number, enrollment_id, story_id, text_id, step, due_at, at_any_hour,
    created_at, direction, status, sender, body, media_urls, reason, attempts, lease_owner) VALUES
"""
SCHEDULED = "(%s, %s, %s, %s, %s, %s, %s, %s, %s, 'outbound', 'scheduled', '', '', '[]', '', 0, '')"


def insert_messages(rows: list[tuple], now: datetime) -> None:
    """Schedule messages: of each its subscriber, our number, enrollment, story, text, step, when it is due.

    Last comes whether it leaves at any hour. A step that has a message keeps it.
    """
    if rows:
        with connection.cursor() as cursor:
            values = [prepared(value) for row in rows for value in (*row, now)]
            cursor.execute(f"{SCHEDULE}{', '.join([SCHEDULED] * len(rows))} ON CONFLICT DO NOTHING", values)


COMPLETE = """
UPDATE subscribers_enrollment SET status = 'completed', ended_at = %(now)s WHERE id IN %(ids)s
RETURNING id, pace, (SELECT s.closing <> '' FROM stories_story s WHERE s.id = story_id)
"""


def complete(enrollments: list[int], now: datetime) -> None:
    """End these passages: the last text was sent."""
    if enrollments:
        ended = run_sql(COMPLETE, ids=enrollments, now=now)
        limited = settings.MAX_STORIES_AT_ONCE
        follow_end([pk for pk, pace, closes in ended if pace is None and (closes or limited)])


def follow_end(ended: list[int]) -> None:
    """Have the cluster do what follows these ends, each reader by itself: the transaction has locked messages."""
    if ended:
        async_task("subscribers.tasks.follow_end", ended)


def follow_story(story_id: int, now: datetime, after: int = 0) -> int | None:
    """Have readers who wait for a text of this story follow its texts as they now stand.

    One call takes a batch of enrollments, those after the id `after`; it returns the `after` of the next call, or
    None when everybody has followed.
    """
    with transaction.atomic():
        waiting = Enrollment.objects.filter(story=story_id, status=Enrollment.Status.ACTIVE, pk__gt=after)
        batch = list(waiting.locked()[:FOLLOW_BATCH])
        schedule(batch, now)
    return batch[-1].pk if len(batch) == FOLLOW_BATCH else None


def set_time_zone(subscriber: int, time_zone: str, now: datetime) -> None:
    """Keep in which time zone this reader is; what waits for the clock there follows.

    Call it in a transaction. It writes that alone, since the engine writes to this row too.
    """
    Subscriber.objects.filter(pk=subscriber).update(time_zone=time_zone)
    schedule(Enrollment.objects.filter(subscriber=subscriber).live().locked(), now)


def may_have_next() -> Q:
    """Return the condition on enrollments whose next text can be sent now: those on their way, and some that failed.

    Not where the reader has begun the story anew or opted out, nor where nobody knows any more what was read: its
    messages are past their retention. A rehearsal that is to go on is begun anew.
    """
    begun_anew = Enrollment.objects.readers().live().filter(subscriber=OuterRef("subscriber"), story=OuterRef("story"))
    last = Message.objects.filter(enrollment=OuterRef("pk"), step=OuterRef("step"))
    return Q(status=Enrollment.Status.ACTIVE) | (
        Q(status=Enrollment.Status.FAILED, pace=None, subscriber__opted_out_at=None)
        & ~Exists(begun_anew)
        & (Q(step=0) | Exists(last))
    )


def send_next_now(enrollments: Iterable[int], now: datetime) -> int:
    """Make the next text of these enrollments due at `now`, at whatever hour; return for how many there was one.

    One that failed is tried again. Those that may have none at present are left alone.
    """
    with transaction.atomic():
        # A reader's STOP at this moment comes before or after, but not in between.
        list(Subscriber.objects.filter(enrollments__in=list(enrollments)).locked())
        found = list(Enrollment.objects.filter(may_have_next(), pk__in=list(enrollments)).locked())
        failed = [enrollment for enrollment in found if enrollment.status == Enrollment.Status.FAILED]
        for enrollment in failed:
            enrollment.resume()
        write_rows(failed, ["status", "ended_at", "reason"])
        schedule(failed, now)
        return Message.objects.filter(enrollment__in=found, status=Message.Status.SCHEDULED, step__isnull=False).update(
            due_at=now, at_any_hour=True
        )
