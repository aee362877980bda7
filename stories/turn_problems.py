"""What is wrong with what texts ask and where they lead, in sentences. Pure computation, on texts saved or not."""

from collections.abc import Iterator, Sequence

from .branches import Branches
from .keywords import command_words, normalize, reserved
from .placeholders import names_used, names_without_words
from .turns import CHOICES_MAX, NO_ANSWERS, Turn, choice_named

# What no body is longer than, is no hint and no reminder either; see models.BODY_MAX_LENGTH.
WORDS_MAX = 1600
ROUND = "Without an answer, readers would come back here again and again: let it take one that leads out."


def turn_problems(texts: Sequence) -> list[list[str]]:
    """Return for each text of a story, in their order, what would leave a reader without a way on."""
    ways = Branches(texts)
    kept = {text.keeps for text in texts if text.asks and text.keeps}
    lost, never_ending = set(ways.unreachable()), trapped(ways)
    return [
        [
            *name_problems(ways, place),
            *lead_problems(ways, place),
            *(question_problems(text.turn) if text.asks else []),
            *placeholder_problems(text, kept),
            *([ROUND] if text.asks and ways.goes_round(place) else []),
            *(["Nothing leads here: no text and no answer."] if place in lost else []),
            *never_ending.get(place, []),
        ]
        for place, text in enumerate(texts)
    ]


def name_problems(ways: Branches, place: int) -> Iterator[str]:
    label = ways.texts[place].label
    first = ways.places.get(label, place)
    if first != place:
        yield f"Text {first + 1} is named “{label}” already; names lead to one text each."


def lead_problems(ways: Branches, place: int) -> Iterator[str]:
    text = ways.texts[place]
    if text.follows == "lead" and not text.leads_to:
        yield "Say to which text it leads, by its name."
    for lead in ways.leads[place]:
        whose = f"The answer “{lead.choice.name}”" if lead.choice else "It"
        if lead.missing:
            yield f"{whose} leads to “{lead.missing}”, and no text is named so."
        elif lead.choice and lead.to < 0:
            yield f"{whose} leads to the next text, and there is none."


def trapped(ways: Branches) -> dict[int, list[str]]:
    """Return what is said of the texts that lead back where nothing leads out any more, by their places."""
    endless = set(ways.endless())
    return {
        place: [f"It leads back to text {to + 1}, and from there no way leads to an end."]
        for place, to in ways.loops()
        if place in endless
    }


def question_problems(turn: Turn) -> Iterator[str]:
    takes_anything = any(choice.takes_anything for choice in turn.choices)
    if not turn.choices or (len(turn.choices) == 1 and not takes_anything) or len(turn.choices) > CHOICES_MAX:
        yield f"Write what readers can answer: two to {CHOICES_MAX} answers, each on a line, or “anything”."
    yield from word_problems(turn)
    if not (turn.hint or takes_anything):
        yield "Write a hint: what a reader gets whose answer is none of these."
    yield from time_problems(turn)
    for name, words in (("hint", turn.hint), ("reminder", turn.reminder)):
        if len(words) > WORDS_MAX:
            yield f"The {name} can have at most {WORDS_MAX:,} characters; it has {len(words):,}."


def word_problems(turn: Turn) -> Iterator[str]:
    seen = set()
    for word in (word for choice in turn.choices for word in choice.words):
        same = normalize(word)
        if reserved(same) in NO_ANSWERS:
            yield f"The answer “{word}” has a meaning of its own for phone networks; use another word."
        if same in command_words():
            yield f"The answer “{word}” is a command by which readers steer their stories; use another word."
        if same in seen:
            yield f"The answer “{word}” is there twice."
        seen.add(same)


def time_problems(turn: Turn) -> Iterator[str]:
    if turn.default_answer and turn.reminder:
        yield "Without an answer, it takes one or reminds: choose what it does."
    elif turn.answer_within and not (turn.default_answer or turn.reminder):
        yield "Write what happens without an answer: which one it takes, or what reminds the reader."
    elif (turn.default_answer or turn.reminder) and not turn.answer_within:
        yield "Write how long it waits for an answer."
    if turn.default_answer and not choice_named(turn.choices, turn.default_answer):
        yield f"“{turn.default_answer}”, which it takes without an answer, is none of its answers."


def placeholder_problems(text, kept: set[str]) -> Iterator[str]:
    said = "\n".join([text.body, text.hint, text.reminder])
    blank = list(names_without_words(said))
    for name in names_used(said):
        if name not in kept:
            yield f"No text keeps an answer as “{name}”."
    for name in blank:
        if name in kept:
            yield f"Write what stands for {{{name}}} where a reader did not say: {{{name}|friend}}, for example."
