"""What is in an export: rows of readers, messages or funnels, a batch at a time, however many there are.

A row has texts, whole numbers and None; moments are texts, by the newsroom's clock.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

import phonenumbers
from django.conf import settings
from django.db.models import QuerySet

from stories.authors import of_their_own
from stories.models import Story

from .. import error_codes
from ..funnel.figures import places_counted_now
from ..funnel.tallies import day_begins
from ..models import Consent, Enrollment, Export, Message, Subscriber, e164, led, on_screen

Row = list[str | int | float | None]
Status = Enrollment.Status

# So many rows are held at once.
BATCH = 2000
READERS = """
reader, number, joined, opted out, last heard, time zone, reading, finished, stopped or failed, consent
"""
MESSAGES = """
message, reader, number, direction, planned or received, due, sent, status, story, text, occasion, words, pictures,
error, segments
"""
FUNNEL = """
story, text, readers who had it, share of those who began, ended here by a stop, ended here by a failure,
readers who had none yet
"""
COLUMNS = {
    what: [name.strip() for name in names.split(",")]
    for what, names in (
        (Export.What.READERS, READERS),
        (Export.What.MESSAGES, MESSAGES),
        (Export.What.FUNNEL, FUNNEL),
    )
}
# Where a column has numbers: those are digits, and nothing of theirs could be a formula.
NUMBER = "number"


def rows_of(export: Export) -> Iterator[Row]:
    """Return the rows of this export, without its columns' names."""
    if export.what == Export.What.FUNNEL:
        return funnel_rows(export)
    return reader_rows(export) if export.what == Export.What.READERS else message_rows(export)


def selected(export: Export) -> QuerySet:
    """Return what an export of readers or messages is about."""
    if export.what == Export.What.READERS:
        found = Subscriber.objects.filter(forgotten_at=None).readers()
        found = found.filter(pk__in=passages_in(export.story).values("subscriber")) if export.story else found
    else:
        # A code is for its phone alone, as long as it counts.
        found = Message.objects.filter(code_of=None)
        found = found.filter(story=export.story_id) if export.story else found
    return within(export, found)


def within(export: Export, found: QuerySet) -> QuerySet:
    """Return what was made in the days of an export, by the newsroom's clock."""
    since, until = days_of(export)
    found = found.filter(created_at__gte=since) if since else found
    return found.filter(created_at__lt=until) if until else found


def days_of(export: Export) -> tuple[datetime | None, datetime | None]:
    """Return when the days of an export begin, and when they are over."""
    return export.since and day_begins(export.since), export.until and day_begins(export.until, days_later=1)


def passages_in(story: Story) -> QuerySet[Enrollment]:
    return Enrollment.objects.readers().filter(story=story)


def batches(found: QuerySet, *fields) -> Iterator[list[tuple]]:
    """Return these fields of what was found, by id; each batch is a look of its own, so that nothing is held open."""
    after = 0
    while batch := list(found.filter(pk__gt=after).order_by("pk").values_list("pk", *fields)[:BATCH]):
        after = batch[-1][0]
        yield batch


def reader_rows(export: Export) -> Iterator[Row]:
    fields = (e164("phone_number"), "created_at", "opted_out_at", "heard_at", "time_zone")
    for batch in batches(selected(export), *fields):
        pks = [pk for pk, *_ in batch]
        titles, consents = stories_of(pks), consents_of(pks)
        for pk, number, joined, opted_out, heard, zone in batch:
            yield [
                pk,
                shown(number, export),
                written(joined),
                written(opted_out),
                written(heard),
                zone,
                *("; ".join(titles[pk, group]) for group in ("reading", "finished", "ended")),
                consents.get(pk, ""),
            ]


def stories_of(readers: list[int]) -> dict[tuple[int, str], list[str]]:
    """Return the titles of what these readers read, have finished or have ended, by the reader and which of these."""
    groups = dict.fromkeys(Enrollment.LIVE, "reading") | {Enrollment.Status.COMPLETED: "finished"}
    titles = defaultdict(list)
    passages = Enrollment.objects.readers().filter(subscriber__in=readers).order_by("pk")
    for reader, status, title in passages.values_list("subscriber", "status", "story__title"):
        titles[reader, groups.get(status, "ended")].append(title)
    return titles


def consents_of(readers: list[int]) -> dict[int, str]:
    consents = Consent.objects.filter(subscriber__in=readers).order_by("pk")
    return {consent.subscriber_id: str(consent) for consent in consents}


def message_rows(export: Export) -> Iterator[Row]:
    directions, statuses = dict(Message.Direction.choices), dict(Message.Status.choices)
    fields = ("subscriber", e164("subscriber__phone_number"), "sender", "direction", "created_at", "due_at", "sent_at")
    fields += ("begun_at", "status", "story__title", "step", "automatic", "lead", "body", "text__body", "media_urls")
    fields += ("error_code", "reason", "segments")
    for batch in batches(selected(export), *fields):
        for row in batch:
            pk, reader, number, sender, direction, created, due, sent, begun, status, story, step, *rest = row
            automatic, lead, body, text, pictures, error, reason, segments = rest
            unsent = text is not None and not (begun or sent)
            yield [
                pk,
                reader,
                shown(number, export) if number else sender,
                directions[direction],
                written(created),
                written(due),
                written(sent),
                statuses[status],
                story or "",
                step,
                Message.OCCASIONS.get(automatic, automatic),
                led(lead, text) if unsent else body,
                " ".join(pictures),
                error_codes.in_words(error) or reason,
                segments,
            ]


def funnel_rows(export: Export) -> Iterator[Row]:
    """Return what the pages of stories' readers show of each text, story by story; nothing of one that nobody began."""
    since, until = days_of(export)
    for story in stories_in(export):
        for place in places_counted_now(story, since, until):
            if place.had.of:
                stopped, failed = (place.at.get(status, 0) for status in (Status.STOPPED, Status.FAILED))
                name = place.text.position if place.text else place.name
                had, none_yet = place.had, place.none_yet
                row = [story.title, name, had.count, round(had.percent / 100, 4), stopped, failed]
                yield [*row, none_yet.count if none_yet else None]


def stories_in(export: Export) -> QuerySet[Story]:
    """Return the stories that an export of how far readers come is about, of those that its user may see."""
    stories = of_their_own(Story.objects.order_by("title", "pk"), export.user)
    return stories.filter(pk=export.story_id) if export.story else stories


def written(moment: datetime | None) -> str:
    return moment.astimezone(settings.NEWSROOM_ZONE).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def shown(number: str, export: Export) -> str:
    return number if export.whole_numbers else as_on_screen(number)


# A reader has many messages, and parsing a number takes long.
@lru_cache(maxsize=10_000)
def as_on_screen(number: str) -> str:
    return on_screen(phonenumbers.parse(number))
