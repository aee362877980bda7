"""What a reader's text means. Data in, data out: nothing here reads or writes anything, but for the settings.

The whole text counts, however it is typed: "Stop.", " STOP " and "s.t.o.p." are STOP, "please don't stop" is not.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from django.conf import settings

from stories.keywords import HELP_WORDS, RESERVED_WORDS, START_WORDS, STOP_WORDS, command_words, normalize, reserved

TOLL_FREE = re.compile(r"\+18(00|33|44|55|66|77|88)[0-9]{7}")
SHORT_CODE = re.compile(r"[0-9]{3,8}")
# From this many letters on, a word may be a keyword that was misspelt.
SPELLED_MIN = 4
# A keyword has 30 characters at most.
SPELLED_MAX = 31
# Those by which nobody means anything else: END is three letters, and many words are near it.
LONG_STOP_WORDS = frozenset(word for word in STOP_WORDS if len(word) >= SPELLED_MIN)

# So many words at most, of which the first is one of those, ask to stop.
ASKED_MAX = 4


class Meaning(Enum):
    """What a text asks for, as inbound.py acts on it."""

    STOP = "end everything"
    START = "take the stop back"
    HELP = "say who we are and what one can text"
    PAUSE = "wait until the reader says so"
    RESUME = "go on"
    AGAIN = "the last text once more"
    WHERE = "say how far the reader is, and when the next text comes"
    FORGET = "erase all about this number"
    ANSWER = "what the reader's story waits for"
    STORY = "begin the story of this keyword"
    ANY = "begin one of the stories that this reader has not had"
    REMARK = "nothing to do: the editors may read it"
    IGNORED = "nothing to do: we may not text this number"


COMMANDS = {command: Meaning[command] for command in settings.COMMAND_WORDS}


@dataclass(frozen=True, slots=True)
class Keyword:
    """The published story that a keyword starts, and whether the reader is in it."""

    story: int
    reading: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of who texted, and of the stories that the text could start.

    `number` is ours, which they texted. `opt_out_type` is the carrier's word for the text, if it has one. `keywords`
    hold at least the text itself, if it is a keyword of a story that starts at this number; with all of them, a
    misspelt one is known too. A story `awaits_answer` until it has looked at the text: then it says whether it did.
    """

    number: str = ""
    opt_out_type: str = ""
    opted_out: bool = False
    allowed: bool = True
    reading: bool = False
    awaits_answer: bool = False
    keywords: Mapping[str, Keyword] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a text means; `story` is the one to begin, or to say where the reader is in, where it names one.

    `answered` says that the carrier answers it, so that we do not.
    """

    meaning: Meaning
    story: int | None = None
    answered: bool = False


def decide(body: str, facts: Facts) -> Decision:
    """Return what this text means, the first of:

    1. the carrier's words to opt out, to opt in again (from who has opted out), and for help;
    2. nothing from who has opted out, except FORGET, and from where we do not text;
    3. the reader's commands;
    4. an answer that the reader's story waits for;
    5. a story's keyword, also one that is misspelt by a letter; in that story, where the reader is;
    6. a STOP that is misspelt, or with few words behind it: help, which says how to stop;
    7. anything else: in no story, one that this reader has not had, unless it speaks of stopping.
    """
    word = normalize(body)
    asked = carrier_meaning(word, facts)
    if asked is Meaning.STOP or (asked is Meaning.START and facts.opted_out):
        return Decision(asked, answered=is_answered(body, facts))
    command = COMMANDS.get(command_words().get(word, ""))
    if facts.opted_out or not facts.allowed:
        return Decision(Meaning.FORGET if command is Meaning.FORGET else Meaning.IGNORED)
    if asked is Meaning.HELP:
        return Decision(asked, answered=is_answered(body, facts))
    if command:
        return Decision(command)
    if facts.awaits_answer:
        return Decision(Meaning.ANSWER)
    if keyword := facts.keywords.get(word) or misspelt(word, facts.keywords):
        return Decision(Meaning.WHERE if keyword.reading else Meaning.STORY, keyword.story)
    words = re.split(r"\W+", word)
    if may_mean_stop(words) or (letters(word) >= SPELLED_MIN and is_near_any(word, LONG_STOP_WORDS)):
        return Decision(Meaning.HELP)
    speaks_of_stopping = not LONG_STOP_WORDS.isdisjoint(words)
    return Decision(Meaning.REMARK if facts.reading or speaks_of_stopping else Meaning.ANY)


def may_mean_stop(words: list[str]) -> bool:
    """Tell whether a text that is no STOP asks for one: "stop texting me". Longer ones talk of a story."""
    said = [word for word in words if word != "PLEASE"]
    return bool(said) and said[0] in LONG_STOP_WORDS and len(said) <= ASKED_MAX


def carrier_meaning(word: str, facts: Facts) -> Meaning | None:
    """Return what a word means to carriers; theirs counts, where they say so."""
    if facts.opt_out_type in ("STOP", "START", "HELP"):
        return Meaning[facts.opt_out_type]
    # The carrier takes no YES for an opt-in at a toll-free number.
    start_words = START_WORDS - {"YES"} if sender_kind(facts.number) == "toll-free" else START_WORDS
    words = {Meaning.STOP: STOP_WORDS, Meaning.START: start_words, Meaning.HELP: HELP_WORDS}
    return next((meaning for meaning, of_meaning in words.items() if reserved(word) in of_meaning), None)


def is_answered(body: str, facts: Facts) -> bool:
    """Tell whether the carrier answers this word of its own; it forgives less than we do: no "Stop." is its STOP."""
    if facts.opt_out_type:
        return "advanced-opt-out" in settings.CARRIER_ANSWERS
    return sender_kind(facts.number) in settings.CARRIER_ANSWERS and body.strip().upper() in RESERVED_WORDS


def sender_kind(number: str) -> str:
    """Return of which kind a number of ours is, as CARRIER_ANSWERS calls it."""
    if SHORT_CODE.fullmatch(number):
        return "short-code"
    return "toll-free" if TOLL_FREE.fullmatch(number) else "long-code"


def may_be_misspelt(word: str) -> bool:
    """Tell whether a word that is no keyword could be one that was misspelt.

    Never one that is as near to a word of the carrier's, or to a command: "STPO" must not start a story.
    """
    others = RESERVED_WORDS | command_words().keys()
    return len(word) <= SPELLED_MAX and letters(word) >= SPELLED_MIN and not is_near_any(word, others)


def misspelt(word: str, keywords: Mapping[str, Keyword]) -> Keyword | None:
    """Return the only one of these keywords that differs from the word by one letter."""
    near = [found for other, found in keywords.items() if letters(other) >= SPELLED_MIN and is_near(word, other)]
    return near[0] if len(near) == 1 and may_be_misspelt(word) else None


def is_near_any(word: str, others: Iterable[str]) -> bool:
    return any(is_near(word, other) for other in others)


def letters(word: str) -> int:
    return sum(character.isalpha() for character in word)


def is_near(word: str, other: str) -> bool:
    """Tell whether one letter too much, too few or another one, or two that changed places, make these two differ.

    That is a Damerau-Levenshtein distance of 1. Another digit is another number, and no slip.
    """
    longest = max(len(word), len(other))
    # Most words are told apart by their ends: one slip leaves one of them as it is, where there are three letters.
    ends_differ = word[:1] != other[:1] and word[-1:] != other[-1:]
    if word == other or abs(len(word) - len(other)) > 1 or (ends_differ and longest > 2):
        return False
    start = common(word, other)
    end = common(word[start:][::-1], other[start:][::-1])
    rest, other_rest = word[start : len(word) - end], other[start : len(other) - end]
    swapped = len(rest) == 2 and rest == other_rest[::-1]
    return (swapped or max(len(rest), len(other_rest)) == 1) and digits(word) == digits(other)


def common(word: str, other: str) -> int:
    """Return how many characters these two have in common at their beginning."""
    pairs = enumerate(zip(word, other, strict=False))
    return next((place for place, (one, another) in pairs if one != another), min(len(word), len(other)))


def digits(word: str) -> str:
    return "".join(character for character in word if character.isdigit())
