"""Which choice of a text a reader's answer is. Pure computation; forgiving, but never guessing between two."""

import re
from collections.abc import Callable, Sequence
from itertools import takewhile

from .keywords import normalize
from .turns import WORDS_MAX_LENGTH, Choice

# "a) the pier", "(B) please", "1: board": a sign sets the letter off from what is said besides.
SET_OFF = re.compile(r"(\w{1,2})\s*[).:,;–—-]")
# Who says one of these may mean the opposite of the word that follows.
NEGATIONS = frozenset(
    ["NOT", "NO", "NEVER", "NEITHER", "DONT", "CANT", "WONT", "NICHT", "KEIN", "NIE", "PAS", "JAMAIS"]
)
# So many words an answer has at most in which a choice is looked for.
SENTENCE_MAX = 8
# A shorter word is another one when a letter is.
SLIP_MIN = 5


def match(choices: Sequence[Choice], body: str) -> Choice | None:
    """Return the choice that this text takes; None where it fits none of them, or more than one.

    1. The very words of a choice, whatever the case, the accents and the signs around them.
    2. Its letter or number, set off by a sign: "a) please".
    3. A sentence that has the words of one choice only, and does not say no.
    4. One letter too many, too few or another one, in a word of five letters or more.
    5. Else the choice that takes anything, if something was said.
    """
    said = normalize(body)
    named = [choice for choice in choices if not choice.takes_anything]
    for fits in (is_said, is_set_off, is_within, is_a_slip):
        found = [choice for choice in named if fits_any(fits, choice, said)]
        if found:
            return found[0] if len(found) == 1 else None
    anything = next((choice for choice in choices if choice.takes_anything), None)
    return anything if kept_words(body) else None


def fits_any(fits: Callable[[str, str], bool], choice: Choice, said: str) -> bool:
    return any(fits(normalize(word), said) for word in choice.words)


def is_said(word: str, said: str) -> bool:
    return word == said


def is_set_off(word: str, said: str) -> bool:
    found = SET_OFF.match(said)
    return bool(found) and found[1] == word


def is_within(word: str, said: str) -> bool:
    tokens, wanted = tokens_of(said), tokens_of(word)
    # A single letter is a word of many languages.
    if len(word) < 2 or len(tokens) > SENTENCE_MAX or NEGATIONS & set(tokens) - set(wanted):
        return False
    return any(tokens[start : start + len(wanted)] == wanted for start in range(len(tokens)))


def tokens_of(said: str) -> list[str]:
    return re.findall(r"\w+", re.sub("['’]", "", said))


def is_a_slip(word: str, said: str) -> bool:
    """Tell whether the two differ by one letter, or by two neighbours that changed places."""
    if len(word) < SLIP_MIN or abs(len(word) - len(said)) > 1:
        return False
    start = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(word, said, strict=False)))
    rest, said_rest = word[start:], said[start:]
    swapped = rest[1:2] + rest[:1] + rest[2:]
    return said_rest in (swapped, rest[1:]) or said_rest[1:] in (rest, rest[1:])


def kept_words(body: str) -> str:
    """Return what of an answer is kept, on one line: of a long one its beginning."""
    words = " ".join("".join(character for character in body if character.isprintable() or character.isspace()).split())
    return words[:WORDS_MAX_LENGTH].rstrip()
