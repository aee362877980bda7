"""What a file says of a story, before anything of it is saved."""

from dataclasses import dataclass, field

from ..models import Story, StoryText
from ..turns import Turn
from ..waits import Wait

# What a file can say of a story as a whole, in the order in which it is written.
STORY_FIELDS = ("title", "keyword", "slug", "status", "weight", "number", "language", "quiet", "summary", "closing")
# Those that are written only where the story has them, since most have none.
RARE_FIELDS = ("number", "language", "quiet", "closing")
# Those that are taken away where a file says them with nothing behind.
EMPTY_FIELDS = ("keyword", "summary", *RARE_FIELDS)
# Those that have lines.
LINED_FIELDS = ("summary", "closing")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that stands in the way of importing a file: where, and a sentence for the person who wrote it."""

    line: int
    sentence: str
    unit: str = "Line"

    def __str__(self):
        return f"{self.unit} {self.line}: {self.sentence}"


class ScriptError(Exception):
    """This file cannot be imported; `problems` are all that stands in the way, from its beginning to its end."""

    def __init__(self, problems: list[Problem]):
        self.problems = sorted(set(problems))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(slots=True)
class TextDraft:
    """One text as a file says it; its picture is an address, or the name of a file."""

    body: str = ""
    wait: Wait = field(default_factory=Wait)
    picture: str = ""
    alt: str = ""
    label: str = ""
    turn: Turn = field(default_factory=Turn)
    line: int = field(default=1, compare=False)
    picture_line: int = field(default=1, compare=False)


@dataclass(slots=True)
class StoryDraft:
    """A story as a file says it: `fields` holds what the file says of the whole, and `lines` where it does.

    What could not be understood is in `problems`; the rest of the file was read all the same, to tell them together.
    """

    fields: dict[str, str] = field(default_factory=dict)
    texts: list[TextDraft] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict, compare=False)
    problems: list[Problem] = field(default_factory=list, compare=False)
    unit: str = field(default="Line", compare=False)

    def complain(self, line: int, sentence: str) -> None:
        self.problems.append(Problem(line, sentence, self.unit))

    def set_field(self, name: str, value: str, line: int) -> None:
        self.fields[name], self.lines[name] = clean_value(name, value), line


def draft_of(story: Story) -> StoryDraft:
    """Return what a file of this story says."""
    fields = {name: value for name, value in fields_of(story).items() if value or name not in RARE_FIELDS}
    return StoryDraft(fields, [draft_of_text(text) for text in story.texts.order_by("position")])


def fields_of(story: Story) -> dict[str, str]:
    values = {name: getattr(story, name) for name in STORY_FIELDS}
    return {name: "" if value is None else clean_value(name, str(value)) for name, value in values.items()}


def draft_of_text(text: StoryText) -> TextDraft:
    return TextDraft(
        clean_body(text.body),
        text.wait,
        text.media.name or text.media_url,
        clean_alt(text.alt),
        text.label,
        text.turn.cleaned(),
    )


def clean_lines(words: str) -> str:
    """Return words with the line ends that phones know."""
    return words.replace("\r\n", "\n").replace("\r", "\n")


def clean_body(body: str) -> str:
    """Return a body as the editing page would save it."""
    return clean_lines(body).strip()


def clean_alt(alt: str) -> str:
    return " ".join(alt.split())


def clean_value(name: str, value: str) -> str:
    """Return what is said of this field, on one line; what has lines keeps them, but not the spaces at their ends."""
    lines = [line.rstrip() for line in clean_lines(value).split("\n")]
    return ("\n" if name in LINED_FIELDS else " ").join(lines).strip()
