"""What a reader's text does: it is kept, and then done what it means, which meaning.py says."""

import json
import logging
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import phonenumbers
from django.conf import settings

from stories.keywords import normalize
from textengine import traces
from textengine.database import retried_at_once, run_sql

from . import answers, commands, consent, erasing, replies
from .meaning import Decision, Facts, Keyword, Meaning, carrier_meaning, decide, is_answered, may_be_misspelt
from .models import Message, Subscriber, masked
from .starting import Opening, Reader, begin_any, begin_story, near_keywords, stories_for
from .wording import Kind

logger = logging.getLogger(__name__)

NOT_A_PHONE = "a short code or a name: no story can be sent there"
NOT_ALLOWED = "from a country that we do not text (ALLOWED_COUNTRIES)"


@dataclass(frozen=True, slots=True)
class InboundText:
    """A text as it came: `sender` is a phone number in E.164, or whatever else the carrier names as sender.

    `opt_out_type` is what the carrier takes it for, if it says so: STOP, START or HELP.
    """

    sid: str
    sender: str
    number: str
    body: str
    media_urls: list[str] = field(default_factory=list)
    opt_out_type: str = ""


# Locks the reader's row, whether it was there before or is made now. Who had opted out before all was erased still has.
READER = """
INSERT INTO subscribers_subscriber (phone_number, time_zone, created_at, heard_at, opted_out_at)
VALUES (%(phone_number)s, '', %(now)s, %(now)s, (
    SELECT created_at FROM subscribers_stoppednumber WHERE digest = %(digest)s))
ON CONFLICT (phone_number) DO UPDATE SET heard_at = excluded.heard_at
RETURNING id, opted_out_at, time_zone, forgotten_at, created_at = %(now)s
"""
# Not once more where it was erased meanwhile. With it comes what its meaning depends on: the story whose keyword it is,
# and whether the reader is in that one; whether the reader has had any story (1) or is in one (2); whether remarks are
# answered at all; whether a story that asks may wait for an answer; and whether a person has written to this reader
# lately. Stories are Story.objects.readable() that start at this number of ours, or those that the reader is in;
# enrollments are Enrollment.LIVE; a rehearsal, which has a pace, is none, but may ask.
KEEP = """
INSERT INTO subscribers_message (direction, status, subscriber_id, sender, number, body, media_urls, sid, created_at,
    trace, reason, attempts, lease_owner)
SELECT 'inbound', 'received', %(subscriber)s, %(sender)s, %(number)s, %(body)s, %(media_urls)s,
    CAST(%(sid)s AS varchar), %(now)s, CAST(%(trace)s AS varchar), %(reason)s, 0, ''
WHERE NOT EXISTS (SELECT 1 FROM subscribers_erasure WHERE sid = %(sid)s)
ON CONFLICT DO NOTHING
RETURNING id, (
    SELECT s.id FROM stories_story s
    WHERE s.keyword = %(word)s AND (
        s.status = 'published' AND s.number IN ('', %(number)s)
            AND EXISTS (SELECT 1 FROM stories_storytext t WHERE t.story_id = s.id)
        OR EXISTS (
            SELECT 1 FROM subscribers_enrollment e
            WHERE e.subscriber_id = %(subscriber)s AND e.story_id = s.id
                AND e.status IN ('active', 'paused', 'waiting') AND e.pace IS NULL))
), EXISTS (
    SELECT 1 FROM subscribers_enrollment e JOIN stories_story s ON s.id = e.story_id
    WHERE e.subscriber_id = %(subscriber)s AND e.status IN ('active', 'paused', 'waiting') AND s.keyword = %(word)s
        AND e.pace IS NULL
), (
    SELECT MAX(CASE WHEN e.status IN ('active', 'paused', 'waiting') THEN 2 ELSE 1 END)
    FROM subscribers_enrollment e WHERE e.subscriber_id = %(subscriber)s AND e.pace IS NULL
), EXISTS (SELECT 1 FROM subscribers_systemtext WHERE kind = 'unknown' AND body <> ''), EXISTS (
    SELECT 1 FROM subscribers_enrollment e JOIN stories_storytext t ON t.story_id = e.story_id
    WHERE e.subscriber_id = %(subscriber)s AND e.status IN ('active', 'paused', 'waiting') AND t.follows = 'answer'
), EXISTS (
    SELECT 1 FROM subscribers_replyto a WHERE a.subscriber_id = %(subscriber)s AND a.created_at > %(recently)s)
"""
# For how long what comes back is taken for a word to whoever answered a reader, and for no wish for another story.
CONVERSATION = timedelta(days=7)


def receive(text: InboundText, now: datetime) -> bool:
    """Keep an inbound text and do what it means, once for each SID; return whether it was the first time.

    1. Keep it; where its SID is there already, or comes at the same moment, that is all.
    2. A sender that is no phone number cannot read: nothing more.
    3. Read what its meaning depends on, as little as that needs.
    4. Do what it means.
    """
    meaning = keep_and_act(text, phone_number(text.sender), normalize(text.body), now)
    if meaning:
        logger.info("message.received sid=%s from=%s meaning=%s", text.sid, masked(text.sender), meaning.name.lower())
    else:
        logger.info("message.repeated sid=%s", text.sid)
    return meaning is not None


@retried_at_once
def keep_and_act(text: InboundText, number: str, word: str, now: datetime) -> Meaning | None:
    """Do what receive() says in one transaction; return what the text means, None for a SID that comes once more.

    `number` is the sender's in E.164, empty for one who cannot be texted; `word` is the text as keywords are compared.
    """
    reader = lock_reader(number, now) if number else None
    allowed = bool(number) and is_allowed(number)
    kept = run_sql(
        KEEP,
        subscriber=reader and reader.subscriber,
        sender="" if reader else text.sender,
        number=text.number,
        body=text.body,
        media_urls=json.dumps(text.media_urls),
        sid=text.sid,
        now=now,
        trace=traces.current(),
        reason="" if allowed else NOT_ALLOWED if reader else NOT_A_PHONE,
        word=word or None,
        recently=now - CONVERSATION,
    )
    if kept and reader:
        return understand(reader, text, word, allowed, kept[0], now)
    if reader and reader.was_made:
        # The text was erased, and its sender with it.
        Subscriber.objects.filter(pk=reader.subscriber).delete()
    return Meaning.IGNORED if kept else None


def understand(reader: Reader, text: InboundText, word: str, allowed: bool, kept: tuple, now: datetime) -> Meaning:
    """Act on a text with what came with it when it was `kept`; return what it means."""
    message, story, in_story, had, remarks_are_answered, may_answer, in_conversation = kept
    if reader.forgotten:
        Subscriber.objects.filter(pk=reader.subscriber).update(forgotten_at=None)
    facts = Facts(
        number=text.number,
        opt_out_type=text.opt_out_type,
        opted_out=reader.opted_out,
        allowed=allowed,
        reading=had == 2 or bool(in_conversation),
        awaits_answer=bool(may_answer),
        keywords={word: Keyword(story, bool(in_story))} if story else {},
    )
    reader = replace(
        reader, is_new=had is None, remarks_are_answered=bool(remarks_are_answered), allowed=allowed, text=message
    )
    decision, openings = decide(text.body, facts), []
    if decision.meaning is Meaning.ANSWER:
        facts = replace(facts, awaits_answer=False)
        decision = hear(reader, text, decide(text.body, facts), now)
    if decision.meaning is Meaning.ANY:
        openings = stories_for(reader, text.number, word)
        keywords = {each.keyword: Keyword(each.story, each.had == 2) for each in openings if each.keyword}
        decision = decide(text.body, replace(facts, keywords=keywords))
    elif decision.meaning is Meaning.REMARK and may_be_misspelt(word):
        decision = decide(text.body, replace(facts, keywords=near_keywords(reader, text.number, word)))
    act(decision, reader, text.number, word, openings, now)
    return decision.meaning


def hear(reader: Reader, text: InboundText, otherwise: Decision, now: datetime) -> Decision:
    """Hand a text to the story that may wait for an answer; return that it was one, or what it means `otherwise`."""
    means_more = otherwise.meaning not in (Meaning.ANY, Meaning.REMARK)
    was_meant = answers.hear(reader.subscriber, text.number, text.body, now, means_more)
    return Decision(Meaning.ANSWER) if was_meant else otherwise


def lock_reader(number: str, now: datetime) -> Reader:
    """Return the reader with this number, locked; make one who is new."""
    [(subscriber, opted_out_at, time_zone, forgotten_at, was_made)] = run_sql(
        READER, phone_number=number, digest=erasing.digest(number), now=now
    )
    return Reader(subscriber, bool(opted_out_at), time_zone, number, bool(forgotten_at), bool(was_made))


def phone_number(sender: str) -> str:
    """Return the number of a `sender` that can be texted, in E.164; lenient about ranges newer than our tables.

    Empty for a short code, a name, or what is no number at all.
    """
    try:
        number = phonenumbers.parse(sender)
    except phonenumbers.NumberParseException:
        return ""
    possible = sender.startswith("+") and phonenumbers.is_possible_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if possible else ""


def is_allowed(number: str) -> bool:
    """Tell whether a number in E.164 lies in a country that we text; everywhere, if none is named."""
    countries = settings.ALLOWED_COUNTRIES
    return not countries or phonenumbers.region_code_for_number(phonenumbers.parse(number)) in countries


def act(decision: Decision, reader: Reader, number: str, word: str, openings: list[Opening], now: datetime) -> None:
    """Do what a text to our `number` means; `openings` are the stories that were looked at, if any were."""
    subscriber = reader.subscriber
    match decision.meaning:
        case Meaning.STOP:
            stop(reader, number, word, decision, now)
        case Meaning.START:
            start(reader, number, decision, now)
        case Meaning.HELP:
            answer(reader, number, Kind.HELP, decision, now)
        case Meaning.PAUSE:
            commands.pause(subscriber, number, reader.zone, now)
        case Meaning.RESUME:
            commands.resume(subscriber, number, reader.zone, now)
        case Meaning.AGAIN:
            commands.again(subscriber, number, reader.zone, now)
        case Meaning.WHERE:
            commands.where(subscriber, number, decision.story, reader.zone, now)
        case Meaning.FORGET:
            forget(reader, number, now)
        case Meaning.STORY:
            begin_story(reader, decision.story, openings, number, now)
        case Meaning.ANY:
            begin_any(reader, openings, number, now)
        case Meaning.REMARK if reader.remarks_are_answered:
            replies.answer(subscriber, number, Kind.UNKNOWN, now)


def stop(reader: Reader, number: str, word: str, decision: Decision, now: datetime) -> None:
    """End everything; a second STOP is not confirmed once more."""
    consent.opt_out(Subscriber.objects.get(pk=reader.subscriber), now, f"the reader texted {word[:20]}")
    if not reader.opted_out:
        answer(reader, number, Kind.STOPPED, decision, now)


def start(reader: Reader, number: str, decision: Decision, now: datetime) -> None:
    """Take the opt-out back, and say so where the carrier does not."""
    subscriber = Subscriber.objects.get(pk=reader.subscriber)
    decision = replace(decision, answered=decision.answered and not is_stop_ours_alone(subscriber, number))
    consent.opt_in(subscriber, now)
    answer(reader, number, Kind.STARTED, decision, now)
    commands.follow_answer(subscriber.pk, now)


def is_stop_ours_alone(subscriber: Subscriber, number: str) -> bool:
    """Tell whether we took a text for a STOP that was none to the carrier, which then answers no START either."""
    since = Message.objects.filter(subscriber=subscriber, created_at__gte=subscriber.opted_out_at)
    if not since.filter(automatic=Kind.STOPPED).exists():
        return False
    heard = since.filter(direction=Message.Direction.INBOUND).values_list("body", flat=True)
    stops = [body for body in heard if carrier_meaning(normalize(body), Facts()) is Meaning.STOP]
    return not any(is_answered(body, Facts(number=number)) for body in stops)


def forget(reader: Reader, number: str, now: datetime) -> None:
    """Erase all about this reader; who has opted out, or may not be texted, gets no word of it."""
    erasing.forget(Subscriber.objects.get(pk=reader.subscriber), now)
    if reader.allowed and not reader.opted_out:
        replies.answer(reader.subscriber, number, Kind.FORGOTTEN, now)


def answer(reader: Reader, number: str, kind: Kind, decision: Decision, now: datetime) -> None:
    """Say what there is to say, unless the carrier does, or nobody may."""
    if reader.allowed and not decision.answered:
        replies.answer(reader.subscriber, number, kind, now)
