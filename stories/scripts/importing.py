"""Bringing a story from a file into the database: a new one, or the present one as the file now says it."""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import modelform_factory
from django.forms.formsets import DEFAULT_MAX_NUM
from django.utils.text import slugify

from .. import publishing
from ..forms import StoryForm
from ..models import SLUG_MAX_LENGTH, Story, StoryText
from ..turns import TURN_FIELDS
from .drafts import (
    EMPTY_FIELDS,
    STORY_FIELDS,
    Problem,
    ScriptError,
    StoryDraft,
    TextDraft,
    clean_body,
    draft_of,
    draft_of_text,
    fields_of,
)
from .matching import match, moved
from .pictures import Pictures
from .plans import FieldChange, Plan, TextChange
from .script import write_script

# What the page of a story refuses, a file cannot bring in either.
ImportForm = modelform_factory(Story, form=StoryForm, fields=STORY_FIELDS)
# More do not fit on the page of a story.
TEXTS_MAX = DEFAULT_MAX_NUM
TEXT_REFUSED = re.compile(r"Text (?P<number>\d+): (?P<problem>.*)", re.DOTALL)
PICTURE_FIELDS = ("media_url", "alt")


def plan_import(draft: StoryDraft, pictures: Pictures, title: str = "") -> Plan:
    """Return what importing this draft with its pictures will change, and change nothing.

    `title` is that of a new story whose file says none. Raises ScriptError with all problems together.
    """
    with transaction.atomic():
        return planned(draft, pictures, title)


def import_story(
    draft: StoryDraft,
    pictures: Pictures,
    now: datetime,
    title: str = "",
    user: User | None = None,
    agreed: Callable[[Plan], bool] = lambda plan: True,
) -> Plan:
    """Save the story of a file if what that will change is `agreed`; return what was done, or would have been.

    The story's history says that it was the `user`; without one, nobody knows who it was.

    Raises ScriptError, and changes nothing, if there are problems.
    """
    with transaction.atomic():
        plan = planned(draft, pictures, title)
        if agreed(plan):
            plan.save(now, user)
    return plan


def planned(draft: StoryDraft, pictures: Pictures, title: str) -> Plan:
    check_size(draft)
    story = find_story(draft, title)
    seen = state_of(story) if story else ""
    present = list(story.texts.order_by("position")) if story else []
    story, fields = with_fields(story or Story(), draft, title)
    texts = with_texts(present, draft, pictures)
    if story.status == Story.Status.PUBLISHED:
        check_publishing(story, texts, draft, pictures)
    if draft.problems:
        raise ScriptError(draft.problems)
    kept = {change.text.pk for change in texts}
    gone = [text for text in present if text.pk not in kept]
    if held := publishing.kept_by_holds(story.texts.filter(pk__in=[text.pk for text in gone])) if gone else []:
        raise ScriptError([Problem(1, sentence) for sentence in held])
    return Plan(story, fields, texts, gone, seen)


def check_size(draft: StoryDraft) -> None:
    if len(draft.texts) > TEXTS_MAX:
        first = draft.texts[TEXTS_MAX]
        draft.complain(first.line, f"A story can have {TEXTS_MAX:,} texts; this is one more. Make two stories of it.")
        raise ScriptError(draft.problems)


def find_story(draft: StoryDraft, title: str) -> Story | None:
    """Return the story that is at the file's address, or at the one that its title makes; lock it."""
    title = draft.fields.get("title") or title
    slug = draft.fields.get("slug") or slugify(title)[:SLUG_MAX_LENGTH]
    # A title in letters that no address has is looked for itself.
    found = Story.objects.filter(slug=slug) if slug else Story.objects.filter(title=title)
    return found.order_by("pk").select_for_update().first()


def state_of(story: Story) -> str:
    """Return what tells whether a story is still the one that somebody has seen."""
    return hashlib.sha256(f"{story.pk}\n{write_script(draft_of(story))}".encode()).hexdigest()


def with_fields(story: Story, draft: StoryDraft, title: str) -> tuple[Story, list[FieldChange]]:
    """Return the story with what the file says of it, and what that changes."""
    before = fields_of(story)
    said = {name: value for name, value in draft.fields.items() if value or name in EMPTY_FIELDS}
    if "status" in said:
        said["status"] = said["status"].lower()
    form = ImportForm({**before, "title": before["title"] or title, **said}, instance=story)
    for name, errors in form.errors.items():
        for sentence in errors:
            draft.complain(draft.lines.get(name, 1), sentence_about(name, sentence, draft))
    after = fields_of(story)
    return story, [FieldChange(name, before[name], after[name]) for name in STORY_FIELDS if before[name] != after[name]]


def check_publishing(story: Story, texts: list[TextChange], draft: StoryDraft, pictures: Pictures) -> None:
    """Complain of what keeps the story from being published as the file says it, at the text where it is one.

    What is wrong with a field, or with a picture, is said already.
    """
    fields_are_right = not {problem.line for problem in draft.problems} & set(draft.lines.values())
    for sentence in publishing.refusals(story, [change.text for change in texts]):
        refused = TEXT_REFUSED.fullmatch(sentence)
        if refused:
            said = draft.texts[int(refused["number"]) - 1]
            if not pictures.is_missing(said.picture):
                draft.complain(said.line, refused["problem"])
        elif fields_are_right:
            draft.complain(draft.lines.get("status", 1), f"It cannot be published yet. {sentence}")


def sentence_about(name: str, sentence: str, draft: StoryDraft) -> str:
    if name == "title" and not draft.fields.get("title"):
        return "The story has no title. Write one at the very beginning: “title: …” between two lines of ---."
    if name == "status":
        return f"The status is one of {', '.join(Story.Status.values)}."
    return sentence if name in sentence or name == "__all__" else f"{name}: {sentence}"


def with_texts(present: list[StoryText], draft: StoryDraft, pictures: Pictures) -> list[TextChange]:
    """Return the file's texts in its order, each as the present text that it is, with what the file says of it."""
    pictures.find(present)
    old = [(clean_body(text.body), text.media.name or text.media_url) for text in present]
    new = [(text.body, pictures.key(text.picture)) for text in draft.texts]
    places = match(old, new)
    out_of_order = moved([place for place in places if place is not None])
    changes = []
    for said, place in zip(draft.texts, places, strict=True):
        text = StoryText() if place is None else present[place]
        changes.append(changed(text, said, draft, pictures))
        changes[-1].moved = place in out_of_order
    return changes


def changed(text: StoryText, said: TextDraft, draft: StoryDraft, pictures: Pictures) -> TextChange:
    """Put what the file says into a text, unless it says so already; complain where that cannot be."""
    before = draft_of_text(text)
    fields = []
    if before.body != said.body:
        text.body, fields = said.body, ["body"]
    if before.wait != said.wait:
        text.wait, fields = said.wait, [*fields, "delay", "days", "at"]
    if before.picture != pictures.key(said.picture):
        text.media, text.media_url, fields = *pictures.values(said), [*fields, "media", "media_url"]
    if before.alt != said.alt:
        text.alt, fields = said.alt, [*fields, "alt"]
    if before.label != said.label:
        text.label, fields = said.label, [*fields, "label"]
    if before.turn != said.turn:
        text.turn, fields = said.turn, [*fields, *TURN_FIELDS]
    try:
        # Where it stands comes later, and pictures have been looked at.
        text.full_clean(exclude=["story", "position", "media"], validate_unique=False)
    except ValidationError as error:
        for name, sentences in error.message_dict.items():
            for sentence in sentences:
                draft.complain(said.picture_line if name in PICTURE_FIELDS else said.line, sentence)
    return TextChange(text, before if text.pk else None, fields)
