"""Words in braces that stand for something in what is sent: {story} for what the system knows, {name|friend} for what
a reader said.
"""

import re
from collections.abc import Iterable, Mapping

from .turns import WORDS_MAX_LENGTH

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def fill(body: str, values: Mapping[str, str]) -> str:
    """Return `body` with what its placeholders stand for; one that has nothing stays as it is."""
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), body)


def refusal(body: str, known: Iterable[str]) -> str:
    """Return what is wrong with the placeholders of `body`, a sentence; empty if all of them are known."""
    known = list(known)
    unknown = next((name for name in PLACEHOLDER.findall(body) if name not in known), None)
    names = ", ".join(f"{{{name}}}" for name in known)
    return "" if unknown is None else f"{{{unknown}}} stands for nothing here; there are {names}."


# {name|friend}: what was kept as “name”, or “friend” where nothing was.
KEPT = re.compile(r"\{\s*(\w+)\s*\|([^{}|]*)\}")
# The same without what stands for it.
BARE_KEPT = re.compile(r"\{\s*(\w+)\s*\|?\s*\}")


def filled(body: str, kept: dict[str, str]) -> str:
    """Return a text with what was kept, by its name, in the place of each placeholder; else what stands for it."""
    return KEPT.sub(lambda found: kept.get(found[1].lower()) or found[2].strip(), body)


def names_used(body: str) -> Iterable[str]:
    """Return the names of what a text wants to have been kept."""
    return dict.fromkeys(found[1].lower() for found in KEPT.finditer(body))


def names_without_words(body: str) -> Iterable[str]:
    """Return the names in braces behind which no words stand for what was not said."""
    blank = [found[1] for found in KEPT.finditer(body) if not found[2].strip()]
    return dict.fromkeys(name.lower() for name in blank + BARE_KEPT.findall(body))


def longest(body: str) -> str:
    """Return a text as long as it can become."""
    return KEPT.sub("x" * WORDS_MAX_LENGTH, body)
