"""Each save of a story as one entry: how the story then stood, and the way back to it.

An entry is a row of Story's history: the story's own fields and the order of its texts. A text's words are in the row
that was its last at the entry's time; one that did not change gets no new row, and a deleted one is just missing from
the order.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models import F, OuterRef, Subquery

from textengine.database import write_rows

from .models import HistoricalStory, HistoricalStoryText, Story, StoryText

# The type of the entry that is a story's last.
DELETED = "-"
STORY_FIELDS = [field for field in HistoricalStory.tracked_fields if not field.primary_key]
TEXT_FIELDS = [field for field in HistoricalStoryText.tracked_fields if not field.primary_key]


@dataclass(frozen=True, slots=True)
class Version:
    """A story as it stood at an entry; the rows have the fields of a Story and of StoryTexts."""

    entry: HistoricalStory
    texts: list[HistoricalStoryText]


def version_of(entry: HistoricalStory) -> Version:
    rows = latest_rows(entry.id, until=entry.history_date)
    return Version(entry, [rows[pk] for pk in entry.order])


def latest_rows(story_id: int, until: datetime | None = None) -> dict[int, HistoricalStoryText]:
    """Return how each text of this story stood last, deleted ones too, by the text's id."""
    rows = StoryText.history.filter(story=story_id)
    rows = rows.filter(history_date__lte=until) if until else rows
    return {row.id: row for row in rows.latest_of_each()}


def versions(entries: list[HistoricalStory]) -> list[Version]:
    """Return the versions of entries of one story that follow each other, oldest first, by replaying them."""
    if not entries:
        return []
    first, last = entries[0], entries[-1]
    rows = latest_rows(first.id, until=first.history_date)
    later = StoryText.history.filter(
        story=first.id, history_date__gt=first.history_date, history_date__lte=last.history_date
    )
    later = list(later.order_by("history_date"))
    found = []
    for entry in entries:
        rows |= {row.id: row for row in later if row.history_date == entry.history_date}
        found.append(Version(entry, [rows[pk] for pk in entry.order]))
    return found


def same(one: models.Model, other: models.Model, fields: Collection[models.Field]) -> bool:
    return all(getattr(one, field.attname) == getattr(other, field.attname) for field in fields)


@transaction.atomic
def keep(story: Story, now: datetime, user: User | None = None, reason: str = "") -> HistoricalStory:
    """Keep how the saved story and its texts stand as an entry, and return it; the last one where nothing changed.

    Call it at the end of the transaction that changed them, with a `now` from after the changes. Without `user`,
    nobody knows who it was. It locks the story: entries follow each other.
    """
    story = Story.objects.select_for_update(no_key=True).get(pk=story.pk)
    last = story.history.first()
    rows = latest_rows(story.pk) if last else {}
    texts = list(story.texts.order_by("position"))
    order = [text.pk for text in texts]
    changed = [text for text in texts if text.pk in rows and not same(text, rows[text.pk], TEXT_FIELDS)]
    added = [text for text in texts if text.pk not in rows]
    if last and last.order == order and same(story, last, STORY_FIELDS) and not (changed or added):
        return last
    # One moment names all rows of an entry, so no two entries share it.
    date = max(now, last.history_date + timedelta(microseconds=1)) if last else now
    common = {"default_user": user, "default_date": date, "default_change_reason": reason}
    StoryText.history.bulk_history_create(added, **common)
    StoryText.history.bulk_history_create(changed, update=True, **common)
    return Story.history.bulk_history_create(
        [story], update=bool(last), custom_historical_attrs={"order": order}, **common
    )[0]


@transaction.atomic
def keep_deletion(story: Story, now: datetime, user: User) -> HistoricalStory:
    """Keep that a story is deleted now, and how it then stood. Call it first in the transaction that deletes it."""
    entry = keep(story, now)
    entry.pk, entry.history_type, entry.history_change_reason = None, DELETED, None
    entry.history_date, entry.history_user = max(now, entry.history_date + timedelta(microseconds=1)), user
    entry.save(force_insert=True)
    return entry


@transaction.atomic
def put_back(story: Story, entry: HistoricalStory, now: datetime) -> None:
    """Give the story and its texts the words and the order that they had at `entry`; its status stays.

    A text that was deleted since comes back under its old id, so that whoever had it is not sent it again; it counts
    as written now. What another story has taken meanwhile, a keyword or an address, is not taken back.
    """
    story = Story.objects.select_for_update(no_key=True).get(pk=story.pk)
    wanted = version_of(entry)
    story.texts.exclude(pk__in=entry.order).delete()
    texts = story.texts.in_bulk()
    standing = [row for row in wanted.texts if row.id in texts and not same(row, texts[row.id], TEXT_FIELDS)]
    write_rows([as_it_was(row, texts[row.id]) for row in standing], [field.name for field in TEXT_FIELDS])
    StoryText.objects.bulk_create(
        as_it_was(row, StoryText(pk=row.id, position=2_000_000 + place))
        for place, row in enumerate(wanted.texts)
        if row.id not in texts
    )
    for field in STORY_FIELDS:
        value = getattr(entry, field.attname)
        if field.name != "status" and not (field.unique and is_taken(story, field.name, value)):
            setattr(story, field.attname, value)
    story.save()
    story.arrange(entry.order, now)


def as_it_was(row: HistoricalStoryText, text: StoryText) -> StoryText:
    for field in TEXT_FIELDS:
        setattr(text, field.attname, getattr(row, field.attname))
    return text


def is_taken(story: Story, field: str, value: str | None) -> bool:
    return value is not None and Story.objects.exclude(pk=story.pk).filter(**{field: value}).exists()


def earlier_lives(stories: Collection[int]) -> list[HistoricalStoryText]:
    """Return the rows of those texts of these stories that were deleted and put back, from before that.

    Each has `put_back_at`. What was sent of them does not know its text any more, only its words.
    """
    again = StoryText.objects.filter(pk=OuterRef("id")).values("created_at")
    rows = StoryText.history.filter(story__in=stories).annotate(put_back_at=Subquery(again))
    return list(rows.filter(history_date__lt=F("put_back_at")))
