"""What importing a file will change, to be looked at before it is saved."""

from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from .. import history
from ..models import Story, StoryText
from ..placeholders import filled
from ..segments import count_segments
from ..turns import TURN_FIELDS, Turn
from ..waits import wait_in_words
from .drafts import TextDraft
from .turns import turn_in_lines

IMPORTED = "Imported from a file"
TURN = {"label", *TURN_FIELDS}


@dataclass(slots=True)
class FieldChange:
    """What becomes of one thing that is said of the story as a whole."""

    name: str
    before: str
    after: str


@dataclass(slots=True)
class TextChange:
    """What becomes of one text: `text` is saved in place of what it was `before`, which a new one has not."""

    text: StoryText
    before: TextDraft | None = None
    fields: list[str] = field(default_factory=list)
    moved: bool = False

    @property
    def kind(self) -> str:
        if self.before is None:
            return "new"
        return "changed" if self.fields else "moved" if self.moved else "unchanged"

    @property
    def wait(self) -> str:
        return wait_in_words(self.text.wait)

    @property
    def wait_before(self) -> str:
        """What the wait was, where it changes."""
        return wait_in_words(self.before.wait) if self.before and "delay" in self.fields else ""

    @property
    def body_before(self) -> str:
        """What the body was, where it changes."""
        return self.before.body if self.before and "body" in self.fields else ""

    @property
    def picture_before(self) -> str:
        """Where the picture was, or what its file was called, where it changes."""
        return self.before.picture if self.before and "media" in self.fields else ""

    @property
    def turn(self) -> list[str]:
        """What it is called and what follows it, as a script says it."""
        return lines_of(self.text.label, self.text.turn)

    @property
    def turn_before(self) -> list[str]:
        """What that was, where it changes."""
        return lines_of(self.before.label, self.before.turn) if self.before and TURN & set(self.fields) else []

    @property
    def segments(self) -> int:
        return count_segments(filled(self.text.body, {})) if self.text.body else 0


def lines_of(label: str, turn: Turn) -> list[str]:
    return [f"# {label}"] * bool(label) + turn_in_lines(turn)


@dataclass(slots=True)
class Plan:
    """What importing a file will change, and nothing before it is saved.

    `seen` says from which state of the story it was made; it is empty for a new one.
    """

    story: Story
    fields: list[FieldChange]
    texts: list[TextChange]
    gone: list[StoryText]
    seen: str
    saved: bool = False

    @property
    def is_new(self) -> bool:
        return not self.seen

    @property
    def texts_changed(self) -> bool:
        return bool(self.gone) or any(change.kind != "unchanged" for change in self.texts)

    @property
    def changes_nothing(self) -> bool:
        return not (self.is_new or self.fields or self.texts_changed)

    @property
    def segments(self) -> int:
        return sum(change.segments for change in self.texts)

    @property
    def pictures(self) -> int:
        return sum(bool(change.text.media or change.text.media_url) for change in self.texts)

    def count(self, kind: str) -> int:
        return sum(change.kind == kind for change in self.texts)

    @property
    def summary(self) -> str:
        """Say in one line what becomes of the texts: "2 new, 1 changed, 1 removed, 9 unchanged"."""
        counts = [(self.count(kind), kind) for kind in ("new", "changed", "moved")]
        counts += [(len(self.gone), "removed"), (self.count("unchanged"), "unchanged")]
        return ", ".join(f"{count} {kind}" for count, kind in counts if count) or "no texts"

    @transaction.atomic
    def save(self, now: datetime, user: User | None) -> None:
        """Save what was planned, and keep it in the story's history; its readers follow its texts."""
        self.saved = True
        if self.changes_nothing:
            return
        if not self.is_new:
            history.keep(Story.objects.get(pk=self.story.pk), now)
        self.story.save()
        if self.texts_changed:
            self.save_texts(now)
        if not self.is_new and (self.texts_changed or any(change.name == "quiet" for change in self.fields)):
            self.story.revised()
        history.keep(self.story, timezone.now(), user, IMPORTED)

    def save_texts(self, now: datetime) -> None:
        for text in self.gone:
            text.delete()
        for place, change in enumerate(self.texts, start=1):
            if change.kind == "new":
                # Positions are unique at every moment: a new text first stands behind all others.
                change.text.story, change.text.position = self.story, 2_000_000 + place
                change.text.save()
            elif change.fields:
                change.text.save(update_fields=change.fields)
        self.story.arrange([change.text.pk for change in self.texts], now)
