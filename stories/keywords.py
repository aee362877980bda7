"""What makes two words that people type the same word, and which of them no story can be started by.

What a whole text means is said by subscribers/meaning.py.
"""

import unicodedata
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

# The carrier acts on these by itself (Twilio's default opt-out words), so no story can be started by one.
STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "END", "QUIT", "CANCEL", "REVOKE", "OPTOUT"})
START_WORDS = frozenset({"START", "UNSTOP", "YES"})
HELP_WORDS = frozenset({"HELP", "INFO"})
RESERVED_WORDS = STOP_WORDS | START_WORDS | HELP_WORDS


def reserved(word: str) -> str:
    """Return which of the RESERVED_WORDS this normalized word is, empty if none: "OPT-OUT" and "S T O P" are, too."""
    closed_up = "".join(filter(str.isalnum, word))
    return closed_up if closed_up in RESERVED_WORDS else ""


def command_words() -> dict[str, str]:
    """Return by which words readers steer their stories, each with the command that it is, such as PAUSE."""
    return commands_of(tuple(settings.COMMAND_WORDS.items()))


@lru_cache
def commands_of(words: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, str]:
    return {normalize(word): command for command, of_command in words for word in of_command}


def refusal(keyword: str | None) -> str:
    """Return why this word can start no story; empty if it can."""
    if keyword and reserved(keyword):
        return f"{keyword} has a meaning of its own for phone networks; choose another word."
    if command := command_words().get(keyword):
        what = "a command" if command == keyword else f"the command {command}"
        return f"{keyword} is {what} by which readers steer their stories; choose another word."
    return ""


def normalize(text: str) -> str:
    """Return `text` as a keyword: upper case, no accents, no punctuation around it, single spaces inside.

    Nothing that cannot be seen counts either, such as the zero-width spaces that are copied along from web pages.
    """
    decomposed = unicodedata.normalize("NFKD", text.upper())
    word = "".join(character for character in decomposed if not is_mark(character))
    while word and not word[0].isalnum():
        word = word[1:]
    while word and not word[-1].isalnum():
        word = word[:-1]
    return " ".join(word.split())


def is_mark(character: str) -> bool:
    """Tell whether this is an accent, or a character of Unicode's category Cf, which only steers how others look."""
    return bool(unicodedata.combining(character)) or unicodedata.category(character) == "Cf"


class KeywordField(models.CharField):
    """A keyword, normalized whenever it is written or looked up; null where there is none."""

    def clean(self, value, model_instance):
        """Refuse what has nothing in it that counts, rather than take it for no keyword at all."""
        if value and self.to_python(value) is None:
            raise ValidationError("A keyword has at least one letter or digit.")
        return super().clean(value, model_instance)

    def to_python(self, value):
        return normalize(super().to_python(value) or "") or None

    def pre_save(self, model_instance, add):
        value = self.to_python(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value

    def get_prep_value(self, value):
        return super().get_prep_value(self.to_python(value))
