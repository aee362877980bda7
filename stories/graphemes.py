"""Where a character ends, for a person and for Twilio's calculator, and what it is called. Pure functions."""

import json
import re
import unicodedata
from bisect import bisect_right
from pathlib import Path

# One letter a class, for the grammar below; "o" is any other character.
LETTERS = {
    "control": "c",
    "prepend": "p",
    "extend": "e",
    "spacing": "s",
    "joiner": "j",
    "flag": "f",
    "base": "b",
    "glued_base": "B",
    "glued": "g",
    "tone": "t",
    "leading": "L",
    "vowel": "V",
    "trailing": "T",
}
# Unicode 10's rules as Twilio's calculator applies them, with its ways of its own: a flag takes one mark and no
# more, and one mark at most may stand between a person and the tone of the skin.
CLUSTER = re.compile(
    r"""
    c                                                             # nothing joins a control character
    | (?: ff | pf ) [ejs]?                                        # two flag letters are a flag
    | (?=.) p* (?: [^cpe]
                   (?: [js] | (?<=j)[gB] | (?<=[bB])t             # emoji: joined, or with a tone
                       | (?<=L)[LVSY] | (?<=[SV])[VT] | (?<=[YT])T )* )?  # Hangul: a syllable's parts
      (?: e (?: [ejs] | (?<=j)[gB] | (?<=[bB]e)t )* )?            # marks, and what may follow one
    """,
    re.VERBOSE,
)
LONE = frozenset("oc")  # classes of which no two belong together
HANGUL = range(0xAC00, 0xD7A4)
# They show nothing, and a person does not count them among what a character is made of.
SILENT = frozenset("\u200d\ufe0e\ufe0f")
CONTROL_NAMES = {"\t": "tab", "\v": "vertical tab", "\x7f": "delete", "\x85": "next line"}


def read_ranges() -> tuple[list[int], list[tuple[int, str]]]:
    """Return where each range of code points starts, in order, and each one's end and letter."""
    classes = json.loads(Path(__file__).with_name("graphemes.json").read_text())
    ranges = []
    for name, spans in classes.items():
        for span in spans.split():
            first, _, last = span.partition("-")
            ranges.append((int(first, 16), int(last or first, 16), LETTERS[name]))
    ranges.sort()
    return [first for first, _, _ in ranges], [(last, letter) for _, last, letter in ranges]


class Letters(dict):
    """The letter of each code point's class, looked up once for each that occurs; for str.translate."""

    starts, ends = read_ranges()

    def __missing__(self, code: int) -> str:
        self[code] = letter = self.look_up(code)
        return letter

    def look_up(self, code: int) -> str:
        if code in HANGUL:
            return "Y" if (code - HANGUL.start) % 28 else "S"
        last, letter = self.ends[bisect_right(self.starts, code) - 1]
        return letter if code <= last else "o"


letters = Letters()


def clusters(body: str) -> list[str]:
    """Cut `body` into what a person takes for one character each, the way Twilio's calculator does.

    It knows the characters of Unicode 10 (2017) and a few rules of its own, so it cuts some younger emoji in two
    (🧑‍🦰 is 🧑‍ and 🦰) where a current library keeps them whole. Since what it says decides where a segment ends,
    this follows it and no library. Two halves of a surrogate pair must be one character in `body` (see `whole`).
    """
    kinds = body.translate(letters)
    if LONE.issuperset(kinds):
        return list(body)
    return [body[match.start() : match.end()] for match in CLUSTER.finditer(kinds)]


def has_joined(body: str) -> bool:
    """Return whether two characters of `body` may belong together; False is certain."""
    return not LONE.issuperset(body.translate(letters))


def whole(body: str) -> str:
    """Return `body` with both halves of each surrogate pair made one character; a lone half stays."""
    return body.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def in_words(cluster: str) -> str:
    """Return what a character is called: "left double quotation mark", "woman, woman, girl", "flag DE"."""
    if all(letters[ord(char)] == "f" for char in cluster):
        return "flag " + "".join(unicodedata.name(char)[-1] for char in cluster)
    return ", ".join(code_in_words(char) for char in cluster if char not in SILENT or cluster == char)


def code_in_words(char: str) -> str:
    """Return one code point's Unicode name in small letters, or its number where it has none."""
    unnamed = f"character U+{ord(char):04X}"
    name = CONTROL_NAMES.get(char) or unicodedata.name(char, "").lower().removeprefix("latin ")
    return name or unnamed
