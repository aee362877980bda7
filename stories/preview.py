"""A story as it stands on the page where it is written, saved or not: what a reader would get, when, and what it costs.

It is read by the forms that save it, timed by what schedules it and counted by what bills it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils.formats import date_format

from .branches import Branches
from .forms import TextForm, TextFormSet
from .linked import shown_address
from .models import Story, StoryText
from .phone import Bubble, Option, Phone, Picture
from .placeholders import filled
from .prices import Cost, Price
from .quiet import QuietHours, quiet_hours_of
from .segments import Measurement, make_plain, measure
from .timeline import Moment, timeline, total_duration
from .turn_problems import turn_problems
from .turns import Choice
from .waits import Wait, clock_in_words, delay_in_words
from .walking import SILENCE, Stop, walk

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
    """What is to be said of one text; one that is on another way than the one looked at has no moment."""

    draft: Draft
    moment: Moment | None
    measurement: Measurement
    plain: str = ""  # the text in plain characters, where that makes it cheaper
    problems: tuple[str, ...] = ()  # what is wrong with what it asks and where it leads

    @property
    def culprits(self) -> list[str]:
        """The characters that take more room, those that cannot be seen by their names."""
        culprits = self.measurement.culprits
        return [found.character if is_seen(found.character) else found.name for found in culprits]


def is_seen(character: str) -> bool:
    return character.isprintable() and not character.isspace()


def facts_of(draft: Draft, moment: Moment | None, problems: Sequence[str]) -> Facts:
    measurement, plain = measured(draft.text.body)
    return Facts(draft, moment, measurement, "" if draft.picture else plain, tuple(problems))


# While one text is written, those of a long story stay what they are.
@lru_cache(maxsize=1000)
def measured(body: str) -> tuple[Measurement, str]:
    """Measure a text, and return what it would be in plain characters if that makes it cheaper.

    Where readers' own words come, it is measured with those that stand for them.
    """
    measurement = measure(filled(body, {}))
    if not measurement.culprits:
        return measurement, ""
    plain = make_plain(body)
    better = measure(filled(plain, {}))
    is_cheaper = (better.encoding, better.segments) != (measurement.encoding, measurement.segments)
    return measurement, plain if is_cheaper else ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a reader in `zone` gets who texts the story's keyword at `start`, and answers what was chosen.

    `facts` are those of all texts in their order, `way` the texts that this reader gets.
    """

    story: Story
    start: datetime
    zone: ZoneInfo
    facts: list[Facts]
    way: list[Stop]
    ways: Branches

    @classmethod
    def of(
        cls, story: Story, drafts: list[Draft], start: datetime, zone: ZoneInfo, chosen: Sequence[str] = ()
    ) -> "Preview":
        texts = [draft.text for draft in drafts]
        ways = Branches(texts)
        way = list(walk(texts, ways, start, zone, chosen, quiet_hours_of(story.quiet)))
        moments = {stop.place: stop.moment for stop in reversed(way)}
        problems = enumerate(zip(drafts, turn_problems(texts), strict=True))
        facts = [facts_of(draft, moments.get(place), of_text) for place, (draft, of_text) in problems]
        return cls(story, start, zone, facts, way, ways)

    def costs(self, readers: int) -> tuple[Cost, Cost]:
        """Return what the way costs that costs least, and the one that costs most; of the texts, the fewest and most.

        They lead nowhere twice.
        """
        price = Price.current()
        texts = [(facts.measurement, facts.draft.picture is not None) for facts in self.facts]
        each = [price.cost_of([text]) for text in texts]
        found = []
        for most in (False, True):
            way = self.ways.way(lambda place: each[place].per_reader, most)
            count = len(self.ways.way(lambda place: 1, most))
            found.append(replace(price.cost_of([texts[place] for place in way], readers), texts=count))
        return found[0], found[1]

    def durations(self) -> tuple[str, str]:
        """Say as people would how long the shortest way takes, and the longest; "" if no time."""
        durations = sorted(self.duration_of(most) for most in (False, True))
        return tuple(delay_in_words(about(duration)) if duration else "" for duration in durations)

    def duration_of(self, most: bool) -> timedelta:
        way = self.ways.way(lambda place: nominal(self.facts[place].draft.text), most)
        return total_duration(
            timeline([self.facts[place].draft.text for place in way], self.start, self.zone, self.quiet), self.start
        )

    @property
    def quiet(self) -> QuietHours | None:
        return quiet_hours_of(self.story.quiet)

    def phone(self, address: Callable[[list[str]], str] | None = None) -> Phone:
        """Return the thread; with an `address` of the page with these answers, each answer to choose is a link."""
        local = self.start.astimezone(self.zone)
        bubbles, day, answers = [said_by_reader(self.story.keyword or NO_KEYWORD, local, True)], local.date(), []
        for stop in self.way:
            facts = self.facts[stop.place]
            question = question_of(facts.draft.text, stop, answers, address)
            bubbles.append(bubble_of(facts, stop, stop.moment.day != day, question))
            day = stop.moment.day
            if stop.answer:
                answers.append(stop.answer.value)
            if stop.answer and stop.answer.value != SILENCE:
                bubbles.append(said_by_reader(stop.answer.words or "…", stop.moment.local))
        place = self.zone.key.replace("_", " ")
        return Phone(self.story.title or "A new story", f"Times in {place}", bubbles)


def nominal(text: StoryText) -> float:
    """Return about how many seconds a text waits, whenever that is."""
    return (text.wait.delay + (text.wait.days or 0) * DAY + (DAY / 2 if text.wait.at else timedelta())).total_seconds()


def said_by_reader(words: str, local: datetime, new_day: bool = False) -> Bubble:
    day = date_format(local, "l, j F") if new_day else ""
    return Bubble(body=words, from_us=False, meta=f"{local:%H:%M}", day=day)


def question_of(
    text: StoryText, stop: Stop, answers: list[str], address: Callable[[list[str]], str] | None
) -> dict[str, object]:
    """Return what the phone shows below a text that asks: what can be answered, and what happens without an answer.

    `answers` are those to the questions before it.
    """
    if not (text.asks and text.choices):
        return {}
    value = stop.answer.value if stop.answer else ""
    options = [option_of(choice, str(place), value) for place, choice in enumerate(text.choices)]
    if text.turn.default:
        options.append(Option("no answer", SILENCE, value == SILENCE))
    if address:
        options = [replace(option, address=address([*answers, option.value])) for option in options]
    silence = "" if value else filled(text.turn.silence_in_words(), stop.kept)
    return {"question": len(answers), "options": options, "silence": silence}


def option_of(choice: Choice, number: str, value: str) -> Option:
    is_chosen = value.partition(":")[0] == number
    said = value.partition(":")[2] if is_chosen and choice.takes_anything else ""
    return Option(", ".join(choice.words), number, is_chosen, choice.takes_anything, said)


def about(duration: timedelta) -> timedelta:
    """Leave off what nobody needs to know of so long a time."""
    unit = (
        HOUR if duration >= DAY else timedelta(minutes=1) if duration >= timedelta(minutes=1) else timedelta(seconds=1)
    )
    return max(unit, round(duration / unit) * unit)


def moved_in_words(moved_from: datetime) -> str:
    return f"moved from {clock_in_words(moved_from.time())}"


def bubble_of(facts: Facts, stop: Stop, new_day: bool, question: dict[str, object]) -> Bubble:
    draft, moment = facts.draft, stop.moment
    night = moved_in_words(moment.moved_from) if moment.moved_from else "at night" if moment.at_night else ""
    meta = [moment.clock, *filter(None, [night]), *draft.errors, *facts.problems]
    return Bubble(
        body=filled(draft.text.body, stop.kept),
        pictures=draft.shown_pictures,
        meta=" · ".join(meta),
        day=date_format(moment.local, "l, j F") if new_day else "",
        gap=moment.gap if draft.text.wait != Wait() or moment.moved_from else "",
        state="failed" if draft.errors or facts.problems else "night" if night else "",
        key=draft.key,
        **question,
    )
