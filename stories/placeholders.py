"""Words in braces that stand for something in what is sent, such as {story}."""

import re
from collections.abc import Iterable, Mapping

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
