"""One reader's way through a story, saved or not, by the answers that are chosen. Pure computation."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from .answers import kept_words
from .branches import END, Branches
from .models import StoryText
from .quiet import QuietHours
from .timeline import Moment, moment_of
from .turns import Choice

# In the place of an answer: none came in time.
SILENCE = "-"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was chosen: which choice of its text, and the reader's words, none where nobody wrote any."""

    choice: Choice | None
    value: str  # as it was chosen: the choice's place among those of its text, and words where any will do; or SILENCE
    words: str


@dataclass(frozen=True, slots=True)
class Stop:
    """A text on the way, by its place, and when it comes; if it asks, the answer, and what was kept until then."""

    place: int
    moment: Moment
    answer: Answer | None
    kept: dict[str, str] = field(default_factory=dict)


def walk(
    texts: Sequence[StoryText],
    ways: Branches,
    start: datetime,
    zone: ZoneInfo,
    chosen: Iterable[str],
    quiet: QuietHours | None,
) -> Iterator[Stop]:
    """Yield the texts that a reader gets who starts at `start` and answers at once, each question as `chosen`.

    It ends at a question without an answer, and where nothing but a loop without a question follows.
    """
    place, since, texted_at = 0 if texts else END, start, start
    answers, kept, seen = iter(chosen), {}, set()
    while place != END and place not in seen:
        text = texts[place]
        moment = moment_of(text, since, zone, texted_at, quiet)
        asks = text.asks and bool(text.choices)
        answer = answer_to(text, next(answers, None)) if asks else None
        yield Stop(place, moment, answer, dict(kept))
        if asks and answer is None:
            return
        if answer and text.keeps and answer.words:
            kept[text.keeps] = answer.words
        silent = bool(answer) and answer.value == SILENCE
        since = moment.due + (text.answer_within if silent else timedelta())
        texted_at = moment.due if answer and not silent else texted_at
        lead = next(lead for lead in ways.leads[place] if lead.choice == (answer and answer.choice))
        seen = set() if asks else seen | {place}
        place = lead.to


def answer_to(text: StoryText, value: str | None) -> Answer | None:
    """Return the answer that `value` names; None where it names none of this text's."""
    number, _, words = (value or "").partition(":")
    if number == SILENCE and text.turn.default:
        return Answer(text.turn.default, SILENCE, "")
    if not number.isdecimal() or int(number) >= len(text.choices):
        return None
    choice = text.choices[int(number)]
    return Answer(choice, value, kept_words(words) if choice.takes_anything else choice.name)
