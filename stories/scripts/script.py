"""The format of a script: lines about the story, then its texts, parted by lines that carry the wait.

Reading forgives what word processors do to what is typed. Writing knows one form, and reading it gives the same
story. docs/story-format.md explains the format to the people who write it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError

from ..turns import Turn
from ..waits import Wait, parse_wait, wait_in_words
from .drafts import STORY_FIELDS, StoryDraft, TextDraft, clean_alt, clean_body, clean_lines
from .turns import TurnReader, is_turn, turn_in_lines

# Word processors make one longer dash of two hyphens or three.
DASHES = r"(?:[-‒–—―−]{2,}|[‒–—―−])"
FENCE = re.compile(rf"-{{3,}}|{DASHES}")
MARK = rf"(?:={{2,}}|{DASHES})"
# Three signs of a kind mean it, even where those at the line's end were forgotten. A dash may only open what somebody
# says, so that it needs another at the end.
SEPARATOR = re.compile(rf"(?:={{3,}}|-{{3,}})(?P<open>.*?){MARK}?|{MARK}(?:(?P<closed>.*?){MARK})?")
PICTURE = re.compile(r"!\[(?P<alt>(?:\\.|[^\]\\])*)\]\((?P<address>.*)\)")
PICTURE_WITHIN = re.compile(r"!\[(?:\\.|[^\]\\])*\]\([^)]*\)")
FIELD = re.compile(r"(?P<name>\w+)\s*[:：](?P<value>.*)")
QUOTED = re.compile(r"[\"“„”](?P<inner>[^\"“„”]*)[\"“”]")

KNOWN_FIELDS = ", ".join(STORY_FIELDS[:-1]) + f" and {STORY_FIELDS[-1]}"
EXAMPLE = "=== 2 hours ===, for example, or === right away ==="
TAKE_AS_TEXT = "If the line belongs to the text, put a backslash (\\) before it."


def read_script(source: str) -> StoryDraft:
    """Return the story that a script tells, with the problems of its lines."""
    draft, lines = StoryDraft(), clean_lines(source.removeprefix("\ufeff")).split("\n")
    start = Head(draft, lines).read()
    for section in sections(lines, start):
        read_section(section, draft)
    return draft


def write_script(draft: StoryDraft) -> str:
    head = [written_field(name, draft.fields[name]) for name in STORY_FIELDS if name in draft.fields]
    paragraphs = ["\n".join(["---", *head, "---"])]
    for place, text in enumerate(draft.texts):
        if place or text.wait != Wait():
            paragraphs.append(f"=== {wait_in_words(text.wait)} ===")
        paragraphs += [f"# {text.label}"] if text.label else []
        paragraphs += [written_picture(text)] if text.picture else []
        paragraphs += ["\n".join(map(escaped, text.body.split("\n")))] if text.body else []
        paragraphs += ["\n".join(lines)] if (lines := turn_in_lines(text.turn)) else []
    return "\n\n".join(paragraphs) + "\n"


def divide(source: str, wait: str) -> str:
    """Return a script with a line of this wait between its paragraphs, where none stands there yet.

    Paragraphs are parted by empty lines or, where there are none, each is a line. A picture stays with what is below.
    """
    lines = clean_lines(source.removeprefix("\ufeff")).split("\n")
    start = Head(StoryDraft(), lines).read()
    paragraphs = paragraphs_of("\n".join(lines[start:]))
    written = ["\n".join(lines[:start]).strip()] if start else []
    for before, paragraph in zip(["", *paragraphs], paragraphs, strict=False):
        if before and not (ends_open(before) or begins_with_wait(paragraph)):
            written.append(f"=== {wait} ===")
        written.append(paragraph)
    return "\n\n".join(written) + "\n"


def paragraphs_of(words: str) -> list[str]:
    parted = re.split(r"\n[ \t]*\n", words)
    pieces = parted if sum(bool(piece.strip()) for piece in parted) > 1 else words.split("\n")
    return [piece.strip("\n") for piece in pieces if piece.strip()]


def ends_open(paragraph: str) -> bool:
    """Tell whether what follows belongs to this paragraph's last line: a wait, or a picture that is all of it."""
    return is_wait(paragraph.splitlines()[-1]) or bool(PICTURE.fullmatch(paragraph.strip()))


def begins_with_wait(paragraph: str) -> bool:
    return is_wait(paragraph.splitlines()[0])


def is_wait(line: str) -> bool:
    return bool(SEPARATOR.fullmatch(line.strip()))


class Head:
    """The lines about the story, at the beginning of a script.

    They stand between two lines of hyphens. Where a word processor has drawn rules in their place, they go on as long
    as they look like fields.
    """

    def __init__(self, draft: StoryDraft, lines: list[str]):
        self.draft, self.lines = draft, lines

    def read(self) -> int:
        """Read the fields; return the index of the first line below them."""
        first = next((index for index, line in enumerate(self.lines) if line.strip()), len(self.lines))
        if first == len(self.lines):
            return first
        if not FENCE.fullmatch(self.lines[first].strip()):
            return self.read_fields(first, self.end_of_fields(first))
        end = self.closing_fence(first + 1)
        if end is None:
            self.draft.complain(first + 1, "The lines about the story begin here; put a line of --- below them, too.")
            end = self.end_of_fields(first + 1)
        return self.read_fields(first + 1, end)

    def closing_fence(self, start: int) -> int | None:
        for index, line in enumerate(self.lines[start:], start):
            if FENCE.fullmatch(line.rstrip()):
                return index
            if SEPARATOR.fullmatch(line.rstrip()):
                return None
        return None

    def end_of_fields(self, start: int) -> int:
        """Return where lines end that look like fields; behind a blank one, only names that are known do."""
        known, after_blank = False, True
        for index, line in enumerate(self.lines[start:], start):
            said = FIELD.match(line)
            is_field = said and (said["name"].lower() in STORY_FIELDS or not after_blank)
            if line.strip() and not is_field and not (known and not after_blank and line[:1].isspace()):
                return index
            known, after_blank = known or bool(is_field), not line.strip()
        return len(self.lines)

    def read_fields(self, start: int, end: int) -> int:
        """Read the fields between; return the index of the first line below them and what closes them."""
        found: list[tuple[int, str, list[str]]] = []
        for number, line in enumerate(self.lines[start:end], start + 1):
            said = FIELD.fullmatch(line.rstrip())
            if said:
                found.append((number, said["name"].lower(), [said["value"]]))
            elif found and (not line.strip() or line[:1].isspace()):
                found[-1][2].append(re.sub(r"^(?:\t| {1,2})", "", line))
            elif line.strip():
                self.draft.complain(number, "This line is not understood; write it as “title: …” or “keyword: …”.")
        for number, name, value in found:
            self.take(number, name, "\n".join(value))
        return end + (end < len(self.lines) and bool(FENCE.fullmatch(self.lines[end].strip())))

    def take(self, number: int, name: str, value: str) -> None:
        if name not in STORY_FIELDS:
            self.draft.complain(number, f"“{name}” is not one of {KNOWN_FIELDS}.")
        elif name in self.draft.fields:
            self.draft.complain(number, f"The {name} stands already in line {self.draft.lines[name]}.")
        else:
            self.draft.set_field(name, unquoted(value.strip()), number)


@dataclass(slots=True)
class Section:
    """What lies below a line that carries a wait; the first section may have no such line above it."""

    line: int
    wait: str | None = None
    lines: list[tuple[int, str]] = field(default_factory=list)


def sections(lines: list[str], start: int) -> Iterator[Section]:
    section = Section(start + 1)
    for number, line in enumerate(lines[start:], start + 1):
        said = SEPARATOR.fullmatch(line.strip())
        if said:
            yield section
            section = Section(number, (said["open"] or said["closed"] or "").strip())
        else:
            section.lines.append((number, line))
    yield section


def read_section(section: Section, draft: StoryDraft) -> None:
    """Add the text that a section holds."""
    first = next((number for number, line in section.lines if line.strip()), section.line)
    text, turn = TextDraft(wait=read_wait(section, draft), line=first), TurnReader()
    body: list[str] = []
    below = None
    for number, line in section.lines:
        if is_escaped(line):
            body.append(unescaped(line))
        elif PICTURE_WITHIN.search(line) or is_turn(line):
            below = len(body)
            read_line(line.strip(), number, text, turn, draft)
        elif line.strip() or len(body) != below:
            body.append(line)
    text.body, text.label, text.turn = clean_body("\n".join(body)), turn.label, turn.turn
    if text.body or text.picture:
        draft.texts.append(text)
    elif text.label or text.turn != Turn():
        draft.complain(first, "There is no text here to which this could belong.")
    elif section.wait is not None and not any(line.strip() for _, line in section.lines):
        draft.complain(section.line, "There is no text below this line.")


def read_line(line: str, number: int, text: TextDraft, turn: TurnReader, draft: StoryDraft) -> None:
    """Read a line that is none of the text's words: its picture, its name, or what follows it."""
    if not is_turn(line):
        read_picture(line, number, text, draft)
        return
    try:
        turn.read(line)
    except ValidationError as error:
        draft.complain(number, f"{error.messages[0]} {TAKE_AS_TEXT}")


def read_wait(section: Section, draft: StoryDraft) -> Wait:
    if section.wait is None:
        return Wait()
    if not section.wait:
        draft.complain(section.line, f"Write in this line how long the next text waits: {EXAMPLE}. {TAKE_AS_TEXT}")
        return Wait()
    try:
        return parse_wait(section.wait)
    except ValidationError as error:
        draft.complain(section.line, f"{error.messages[0]} {TAKE_AS_TEXT}")
        return Wait()


def read_picture(line: str, number: int, text: TextDraft, draft: StoryDraft) -> None:
    said = PICTURE.fullmatch(line)
    if not said or "](" in said["address"]:
        draft.complain(number, f"A picture stands on a line of its own. {TAKE_AS_TEXT}")
    elif not said["address"].strip():
        draft.complain(number, "Write the picture’s address, or the name of its file, between the round brackets.")
    elif text.picture:
        draft.complain(number, "A text can have one picture, and this is the second; begin a new text before it.")
    else:
        alt = re.sub(r"\\([\\\[\]])", r"\1", said["alt"])
        text.picture, text.alt, text.picture_line = said["address"].strip(), clean_alt(alt), number


def written_field(name: str, value: str) -> str:
    value = f"\\{value}" if QUOTED.fullmatch(value.lstrip("\\")) else value
    first, *others = value.split("\n")
    return "\n".join([f"{name}: {first}".rstrip(), *(f"  {line}".rstrip() for line in others)])


def unquoted(value: str) -> str:
    """Return a value without the quotes around all of it; those behind a backslash are its own."""
    if value.startswith("\\") and QUOTED.fullmatch(value.lstrip("\\")):
        return value[1:]
    said = QUOTED.fullmatch(value)
    return said["inner"] if said else value


def written_picture(text: TextDraft) -> str:
    alt = re.sub(r"([\\\[\]])", r"\\\1", text.alt)
    return f"![{alt}]({text.picture})"


def escaped(line: str) -> str:
    """Return a line of a body as it is written: what would mean something to the reader has a backslash before it."""
    return f"\\{line}" if means_something(line) else line


def unescaped(line: str) -> str:
    return line.replace("\\", "", 1) if is_escaped(line) else line


def is_escaped(line: str) -> bool:
    return line.lstrip().startswith("\\") and means_something(line)


def means_something(line: str) -> bool:
    bare = re.sub(r"^[\s\\]+", "", line).rstrip()
    return bool(SEPARATOR.fullmatch(bare) or PICTURE_WITHIN.search(bare) or is_turn(bare))
