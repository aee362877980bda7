"""What follows a text: the next one, one that is named, the one that a reader's answer leads to, or nothing.

Pure: no model, no request. An answer is written in a line, the same on the page of a story and in its files:

    A, board, go aboard -> bridge      any of these words leads to the text that is named “bridge”
    B, stay                            without an arrow, to the next text
    anything -> bridge                 whatever no other answer takes
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.db import models

from .keywords import HELP_WORDS, STOP_WORDS, normalize
from .waits import delay_in_words, parse_wait

NAME_MAX_LENGTH = 30
WORDS_MAX_LENGTH = 40
CHOICES_MAX = 9
ANYTHING = "anything"
# What stands where a name would, for the text after it, and for none.
NEXT, END = "next", "end"
MEANINGS = {NEXT: "the text after it", END: "no text at all"}
ARROW = re.compile(r"\s*(?:[-–—=]+>|[→⇒➔])\s*")
NAME = re.compile(r"\w[\w -]*")
# An answer may be YES: who has not opted out is not brought back in by it.
NO_ANSWERS = STOP_WORDS | HELP_WORDS | {"START", "UNSTOP"}


class Follows(models.TextChoices):
    NEXT = "next", "the next text"
    LEAD = "lead", "another text"
    ANSWER = "answer", "what the reader answers"
    END = "end", "nothing: it ends here"


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer that a text takes: any of these words, and the name of the text that it leads to (empty: the next)."""

    words: tuple[str, ...]
    leads_to: str = ""

    @classmethod
    def parse(cls, line: str) -> Self:
        """Return the choice that a line says; raise ValidationError with a sentence where it says none."""
        words, *targets = ARROW.split(line.strip(), maxsplit=1)
        named = tuple(dict.fromkeys(cleaned for word in words.split(",") if (cleaned := " ".join(word.split()))))
        if not named:
            raise ValidationError(f"“{line.strip()}” has no answer before the arrow; write it as “A, board -> bridge”.")
        for word in named:
            if len(word) > WORDS_MAX_LENGTH:
                raise ValidationError(f"An answer has at most {WORDS_MAX_LENGTH} characters; “{word}” is longer.")
            if not normalize(word):
                raise ValidationError(f"The answer “{word}” has neither a letter nor a digit that a reader could text.")
        if ANYTHING in map(str.lower, named):
            named = only_anything(named)
        target = parse_name(targets[0]) if targets else ""
        if target == END:
            raise ValidationError("An answer leads to a text. Let it lead to one that ends the story.")
        return cls(named, "" if target == NEXT else target)

    @property
    def name(self) -> str:
        return self.words[0]

    @property
    def takes_anything(self) -> bool:
        return self.words == (ANYTHING,)

    def __str__(self):
        words = ", ".join(self.words)
        return f"{words} -> {self.leads_to}" if self.leads_to else words


@dataclass(frozen=True, slots=True)
class Turn:
    """What follows a text. All but `follows` is empty where it has no meaning; see cleaned()."""

    follows: str = Follows.NEXT
    leads_to: str = ""
    choices: tuple[Choice, ...] = ()
    hint: str = ""  # what an answer gets that is none of the choices
    keeps: str = ""  # the name under which the answer is kept
    answer_within: timedelta | None = None
    default_answer: str = ""  # the choice that is taken when the time is over
    reminder: str = ""  # what is sent then in its place

    @classmethod
    def of(cls, row: Any) -> Self:
        """Return the turn that a row of a text has, or had in its history."""
        return cls(**{name: getattr(row, name) for name in TURN_FIELDS})

    @property
    def asks(self) -> bool:
        return self.follows == Follows.ANSWER

    @property
    def default(self) -> Choice | None:
        """The choice that is taken when no answer came in time."""
        return choice_named(self.choices, self.default_answer) if self.answer_within else None

    @property
    def leads_away(self) -> bool:
        """Whether it can leave the order in which the texts stand."""
        return self.follows in (Follows.LEAD, Follows.END) or any(choice.leads_to for choice in self.choices)

    def cleaned(self) -> "Turn":
        """Return it without what has no meaning any more, such as the answers of a text that no longer asks."""
        if self.asks:
            return replace(self, leads_to="")
        return Turn(self.follows, self.leads_to if self.follows == Follows.LEAD else "")

    def in_words(self) -> list[str]:
        """Say what follows, in a line each; nothing where that is the next text."""
        if self.follows == Follows.LEAD:
            return [f"Then “{self.leads_to}”"]
        if self.follows == Follows.END:
            return ["It ends here"]
        if not self.asks:
            return []
        lines = [f"{', '.join(choice.words)} → {choice.leads_to or 'the next text'}" for choice in self.choices]
        lines += [f"Hint: {self.hint}"] if self.hint else []
        lines += [f"Kept as “{self.keeps}”"] if self.keeps else []
        return lines + [self.silence_in_words()] * bool(self.answer_within)

    def silence_in_words(self) -> str:
        """Say what happens without an answer; nothing where it is waited for as long as it takes."""
        if not self.answer_within:
            return ""
        then = f"it reminds: {self.reminder}" if self.reminder else f"it takes “{self.default_answer}”"
        return f"Without an answer, after {delay_in_words(self.answer_within)}, {then}"


TURN_FIELDS = list(Turn.__dataclass_fields__)


class ChoicesField(models.JSONField):
    """The choices of a text, in their order: a tuple of Choice."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{"default": tuple, "blank": True} | kwargs)

    def from_db_value(self, value, expression, connection):
        return as_choices(super().from_db_value(value, expression, connection))

    def to_python(self, value):
        return as_choices(value)

    def get_db_prep_value(self, value, connection, prepared=False):
        if isinstance(value, tuple | list):
            value = [{"words": list(choice.words), "leads_to": choice.leads_to} for choice in as_choices(value)]
        return super().get_db_prep_value(value, connection, prepared)

    def validate(self, value, model_instance):
        """Leave it to publishing: a draft may have any."""

    def value_to_string(self, obj):
        return choices_in_words(self.value_from_object(obj))


def as_choices(value: Any) -> tuple[Choice, ...]:
    if isinstance(value, str):
        return parse_choices(value)
    return tuple(
        each if isinstance(each, Choice) else Choice(tuple(each["words"]), each["leads_to"]) for each in value or ()
    )


def choices_in_words(choices: Iterable[Choice]) -> str:
    return "\n".join(map(str, choices))


def parse_choices(lines: str) -> tuple[Choice, ...]:
    """Return the choices that these lines say; raise ValidationError with a sentence for each that does not."""
    choices, problems = [], []
    for line in filter(str.strip, lines.splitlines()):
        try:
            choices.append(Choice.parse(line))
        except ValidationError as error:
            problems += error.messages
    if problems:
        raise ValidationError(problems)
    return tuple(choices)


def only_anything(words: tuple[str, ...]) -> tuple[str]:
    if len(words) > 1:
        raise ValidationError("“anything” stands on a line by itself: it takes what no other answer takes.")
    return (ANYTHING,)


def parse_name(words: str) -> str:
    """Return the name of a text as it is compared; raise ValidationError where it can be none."""
    name = " ".join(words.split()).lower()
    if not NAME.fullmatch(name):
        raise ValidationError(f"“{words.strip()}” cannot name a text; a name has letters, digits, spaces and hyphens.")
    if len(name) > NAME_MAX_LENGTH:
        raise ValidationError(f"A text's name has at most {NAME_MAX_LENGTH} characters; “{name}” is longer.")
    return name


def parse_label(words: str) -> str:
    """Return what a text is called; raise ValidationError where it cannot be called that."""
    name = parse_name(words)
    if name in MEANINGS:
        raise ValidationError(f"A text cannot be called “{name}”, which stands for {MEANINGS[name]}.")
    return name


def parse_keeps(words: str) -> str:
    """Return the name under which answers are kept; raise ValidationError where it can be none."""
    name = words.strip().lower()
    if not re.fullmatch(r"\w+", name) or len(name) > NAME_MAX_LENGTH:
        raise ValidationError(f"“{words.strip()}” cannot be used in a text; keep the answer under one word, as “name”.")
    return name


def parse_answer_time(words: str) -> timedelta:
    """Return how long an answer is waited for; raise ValidationError where these words are no length of time."""
    wait = parse_wait(words)
    if wait.at or not wait.delay:
        raise ValidationError(f"“{words.strip()}” is no length of time; write “after 2 days”, for example.")
    return wait.delay


def choice_named(choices: Iterable[Choice], word: str) -> Choice | None:
    """Return the choice that has this very word, case and accents aside."""
    wanted = normalize(word)
    return next((choice for choice in choices if wanted and wanted in map(normalize, choice.words)), None)
