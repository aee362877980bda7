"""A story as it stands on the page where it is written, saved or not: what a reader would get, when, and what it costs.

It is read by the forms that save it, timed by what schedules it and counted by what bills it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils.formats import date_format

from .forms import TextForm, TextFormSet
from .linked import shown_address
from .models import Story, StoryText
from .phone import Bubble, Phone, Picture
from .prices import Cost, Price
from .segments import Measurement, make_plain, measure
from .timeline import Moment, timeline, total_duration
from .waits import delay_in_words

NO_KEYWORD = "Hello"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Draft:
    """A text as it stands on the page; `key` says where."""

    key: str
    text: StoryText
    errors: tuple[str, ...] = ()
    has_chosen_picture: bool = False  # one that only the browser has as yet
    is_typing_link: bool = False  # it may end anywhere as yet

    @property
    def picture(self) -> Picture | None:
        return Picture("", alt=self.text.alt, chosen=self.key) if self.has_chosen_picture else self.text.picture

    @property
    def shown_pictures(self) -> list[Picture]:
        """The picture as the phone shows it: a linked one from our own address, once its link is written."""
        picture = self.picture
        if picture and picture.host and not self.is_typing_link:
            picture = replace(picture, shown=shown_address(picture.address))
        return [picture] if picture else []


def drafts_in(formset: TextFormSet) -> list[Draft]:
    """Return the texts that saving would keep, in the page's order, and those too that it would refuse."""
    # Form by form: whether the story as a whole may be saved is not the question.
    for form in formset.forms:
        form.full_clean()
    return [draft_of(form) for form in formset.standing_forms()]


def draft_of(form: TextForm) -> Draft:
    if "body" in form.errors:
        form.instance.body = form["body"].value() or ""
    # That a text is one that somebody else has deleted meanwhile is said when it is saved, and of the whole story.
    named = [messages for name, messages in form.errors.items() if name != "id"]
    errors = [message for messages in named for message in messages] + form.problems(files=False)
    return Draft(
        form.prefix,
        form.instance,
        tuple(errors),
        has_chosen_picture=form.add_prefix("media") in form.files,
        is_typing_link=form.data.get("typing") == form.add_prefix("media_url") and "media_url" in form.changed_data,
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """What is to be said of one text."""

    draft: Draft
    moment: Moment
    measurement: Measurement
    plain: str = ""  # the text in plain characters, where that makes it cheaper

    @property
    def culprits(self) -> list[str]:
        """The characters that make it Unicode, those that cannot be seen by their names."""
        culprits = self.measurement.culprits
        return [found.character if is_seen(found.character) else found.name for found in culprits]


def is_seen(character: str) -> bool:
    return character.isprintable() and not character.isspace()


def facts_of(draft: Draft, moment: Moment) -> Facts:
    measurement, plain = measured(draft.text.body)
    return Facts(draft, moment, measurement, "" if draft.picture else plain)


# While one text is written, those of a long story stay what they are.
@lru_cache(maxsize=1000)
def measured(body: str) -> tuple[Measurement, str]:
    """Measure a text, and return what it would be in plain characters if that makes it cheaper."""
    measurement = measure(body)
    if not measurement.culprits:
        return measurement, ""
    plain = make_plain(body)
    better = measure(plain)
    is_cheaper = (better.encoding, better.segments) != (measurement.encoding, measurement.segments)
    return measurement, plain if is_cheaper else ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a reader in `zone` gets who texts the story's keyword at `start`."""

    story: Story
    start: datetime
    zone: ZoneInfo
    facts: list[Facts]

    @classmethod
    def of(cls, story: Story, drafts: list[Draft], start: datetime, zone: ZoneInfo) -> "Preview":
        moments = timeline([draft.text for draft in drafts], start, zone)
        return cls(story, start, zone, [facts_of(*both) for both in zip(drafts, moments, strict=True)])

    def cost(self, readers: int) -> Cost:
        texts = [(facts.measurement, facts.draft.picture is not None) for facts in self.facts]
        return Price.current().cost_of(texts, readers)

    def duration_in_words(self) -> str:
        """Say how long it takes as people would; "" if no time."""
        duration = total_duration([facts.moment for facts in self.facts], self.start)
        return delay_in_words(about(duration)) if duration else ""

    def phone(self) -> Phone:
        local = self.start.astimezone(self.zone)
        asked = Bubble(
            body=self.story.keyword or NO_KEYWORD,
            from_us=False,
            meta=f"{local:%H:%M}",
            day=date_format(local, "l, j F"),
        )
        bubbles, day = [asked], local.date()
        for facts in self.facts:
            bubbles.append(bubble_of(facts, new_day=facts.moment.day != day))
            day = facts.moment.day
        place = self.zone.key.replace("_", " ")
        return Phone(self.story.title or "A new story", f"Times in {place}", bubbles)


def about(duration: timedelta) -> timedelta:
    """Leave off what nobody needs to know of so long a time."""
    unit = (
        HOUR if duration >= DAY else timedelta(minutes=1) if duration >= timedelta(minutes=1) else timedelta(seconds=1)
    )
    return max(unit, round(duration / unit) * unit)


def bubble_of(facts: Facts, new_day: bool) -> Bubble:
    draft, moment = facts.draft, facts.moment
    meta = [moment.clock, *(["at night"] if moment.at_night else []), *draft.errors]
    return Bubble(
        body=draft.text.body,
        pictures=draft.shown_pictures,
        meta=" · ".join(meta),
        day=date_format(moment.local, "l, j F") if new_day else "",
        gap=moment.gap if draft.text.wait.delay or draft.text.wait.at else "",
        state="failed" if draft.errors else "night" if moment.at_night else "",
        key=draft.key,
    )
