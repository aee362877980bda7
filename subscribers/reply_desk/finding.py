"""What stands on the desk: groups of readers' texts by what provoked them, and pages of these, the unread first.

Nothing counts the world: a page costs the same with a hundred texts and with a million.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from stories.models import Story, StoryText
from textengine.database import run_sql

from ..finding import is_last_digits, is_number, with_number
from ..models import Note, Remark, ReplyTo, Tag

PAGE = 50
# More unread texts than these are "99+".
COUNTED_MAX = 100
GROUPS_MAX = 60
# So many texts one search looks through; the next page looks further.
SEARCHED = 10_000
PERIODS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}

# The texts of stories to which somebody wrote, each with what came last and how much of it is unread, up to a limit.
GROUPS = """
SELECT g.story, g.text, g.last, (
    SELECT MAX(r.message_id) FROM subscribers_remark r WHERE {mine} AND r.read_at IS NULL
), (
    SELECT COUNT(*) FROM (
        SELECT 1 FROM subscribers_remark r WHERE {mine} AND r.read_at IS NULL LIMIT {limit}) counted)
FROM (
    SELECT t.story_id AS story, t.id AS text,
        (SELECT MAX(r.message_id) FROM subscribers_remark r WHERE r.text_id = t.id) AS last
    FROM stories_storytext t WHERE {of_story}
) g WHERE g.last IS NOT NULL
"""
OF_TEXT = GROUPS.replace("{mine}", "r.text_id = g.text")
# Whose text was deleted.
OF_NONE = """
SELECT g.story, NULL, g.last, (
    SELECT MAX(r.message_id) FROM subscribers_remark r
    WHERE r.story_id = g.story AND r.text_id IS NULL AND r.read_at IS NULL
), (
    SELECT COUNT(*) FROM (
        SELECT 1 FROM subscribers_remark r
        WHERE r.story_id = g.story AND r.text_id IS NULL AND r.read_at IS NULL LIMIT {limit}) counted)
FROM (
    SELECT s.id AS story,
        (SELECT MAX(r.message_id) FROM subscribers_remark r WHERE r.story_id = s.id AND r.text_id IS NULL) AS last
    FROM stories_story s WHERE {of_story}
) g WHERE g.last IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Group:
    """What readers wrote after one text of a story (None: one that was deleted)."""

    story: Story
    text: StoryText | None
    unread: int

    @property
    def key(self) -> str:
        return f"{self.story.pk}-{self.text.pk if self.text else 0}"

    @property
    def counted(self) -> str:
        return f"{COUNTED_MAX - 1}+" if self.unread >= COUNTED_MAX else str(self.unread)

    @property
    def place(self) -> str:
        return str(self.text) if self.text else "A text that was deleted"


def groups(story: int | None = None) -> list[Group]:
    """Return the groups, those with something unread first, and the latest of these before the others."""
    values = {"story": story} if story else {}
    rows = []
    for sql, column in ((OF_TEXT, "t.story_id"), (OF_NONE, "s.id")):
        condition = f"{column} = %(story)s" if story else "TRUE"
        rows += run_sql(sql.format(limit=COUNTED_MAX, of_story=condition), **values)
    rows.sort(key=lambda row: (row[3] is not None, row[3] or row[2]), reverse=True)
    rows = rows[:GROUPS_MAX]
    stories = Story.objects.only("title").in_bulk({row[0] for row in rows})
    texts = StoryText.objects.only("story_id", "position", "body").in_bulk({row[1] for row in rows} - {None})
    return [Group(stories[row[0]], texts.get(row[1]), row[4]) for row in rows]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which readers' texts are asked for; `text` is 0 for those whose text was deleted."""

    story: int | None = None
    text: int | None = None
    tag: int | None = None
    state: str = ""  # unread, read, unanswered, quotable; empty: all
    since: datetime | None = None
    words: str = ""

    def remarks(self) -> QuerySet[Remark]:
        """Return what these ask for, but for the words."""
        found = Remark.objects.all()
        if self.text:
            found = found.filter(text=self.text)
        elif self.story:
            found = found.filter(story=self.story)
        if self.text == 0:
            found = found.filter(text=None)
        if self.tag:
            found = found.filter(pk__in=Remark.tags.through.objects.filter(tag=self.tag).values("remark"))
        if self.since:
            found = found.filter(pk__gte=first_since(self.since))
        return STATES.get(self.state, lambda remarks: remarks)(found)


STATES = {
    "unread": lambda remarks: remarks.unread(),
    "read": lambda remarks: remarks.read(),
    "unanswered": lambda remarks: remarks.filter(answered_at=None),
    "quotable": lambda remarks: remarks.filter(quoting=Remark.Quoting.GRANTED),
}


def first_since(since: datetime) -> int:
    """Return the number from which on texts came after this moment; beyond all of them where none did."""
    came = Remark.objects.filter(came_at__gte=since).order_by("came_at", "pk")
    return came.values_list("pk", flat=True).first() or 2**62


@dataclass(frozen=True, slots=True)
class Page:
    """Some readers' texts. `after` is where the next page goes on, empty at the end; `searched` says how many a search
    looked through, None where all that there are were looked through."""

    remarks: list[Remark] = field(default_factory=list)
    after: str = ""
    searched: int | None = None


def page(filters: Filters, after: str = "", size: int = PAGE) -> Page:
    """Return a page of what is asked for: the unread, latest first, and then the read."""
    if filters.words:
        return search(filters, after, size)
    read_already, before = position(after)
    found: list[int] = []
    ends = []
    for phase, remarks in ((False, filters.remarks().unread()), (True, filters.remarks().read())):
        if phase < read_already or len(found) > size:
            continue
        at = before if phase == read_already else None
        ids = list(earlier(remarks, at).values_list("pk", flat=True)[: size + 1 - len(found)])
        found += ids
        ends += [f"{'r' if phase else 'u'}{pk}" for pk in ids]
    more = ends[size - 1] if len(found) > size else ""
    return Page(shown(found[:size]), more)


def position(after: str) -> tuple[bool, int | None]:
    """Return whether the page goes on among the read, and before which number."""
    is_one = re.fullmatch(r"[ur][0-9]{1,18}", after)
    return (after[0] == "r", int(after[1:])) if is_one else (False, None)


def earlier(remarks: QuerySet[Remark], before: int | None) -> QuerySet[Remark]:
    return (remarks.filter(pk__lt=before) if before else remarks).order_by("-pk")


def search(filters: Filters, after: str, size: int) -> Page:
    """Return what says these words, or comes from this number, among the next so many texts, latest first."""
    readers = with_number(filters.words) if is_number(filters.words) else None
    if readers is not None and not is_last_digits(filters.words):
        remarks = earlier(filters.remarks().filter(subscriber__in=readers), position(after)[1])
        found = list(remarks.values_list("pk", flat=True)[: size + 1])
        return Page(shown(found[:size]), f"u{found[size - 1]}" if len(found) > size else "")
    window = list(earlier(filters.remarks(), position(after)[1]).values_list("pk", flat=True)[:SEARCHED])
    if not window:
        return Page()
    says = Q(message__body__icontains=filters.words)
    if readers is not None:
        says |= Q(subscriber__in=readers)
    among = filters.remarks().filter(pk__gte=window[-1], pk__lte=window[0]).filter(says).order_by("-pk")
    found = list(among.values_list("pk", flat=True)[: size + 1])
    if len(found) > size:
        return Page(shown(found[:size]), f"u{found[size - 1]}")
    goes_on = len(window) == SEARCHED
    return Page(shown(found), f"u{window[-1]}" if goes_on else "", SEARCHED if goes_on else None)


def shown(ids: Sequence[int]) -> list[Remark]:
    """Return these readers' texts in this order, with all that a page says of them: five queries for any number."""
    by_id = with_details(Remark.objects.filter(pk__in=ids)).in_bulk()
    return [by_id[pk] for pk in ids if pk in by_id]


def with_details(remarks: QuerySet[Remark]) -> QuerySet[Remark]:
    asked = Remark.objects.filter(
        subscriber=OuterRef("subscriber"), quoting=Remark.Quoting.ASKED, pk__lt=OuterRef("pk")
    )
    answers = ReplyTo.objects.select_related("reply__created_by", "message").order_by("pk")
    return (
        remarks.select_related("message", "subscriber", "story", "text", "read_by", "quoting_by")
        .annotate(follows_question=Exists(asked))
        .prefetch_related(
            "tags",
            Prefetch("notes", queryset=Note.objects.select_related("created_by")),
            Prefetch("answers", queryset=answers),
        )
    )


def all_tags() -> list[Tag]:
    return list(Tag.objects.all())


def count_unread() -> int:
    """Return how many texts nobody has read, up to a limit."""
    return Remark.objects.unread()[:COUNTED_MAX].count()
