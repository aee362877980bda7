"""Write docs/settings.md from `.env.example`, which explains each setting: `python -m docs.settings_page`.

A block of that file is a comment, whose sentence "Default: …" may stand at its end, and the settings that it explains.
A default in backticks is the value itself; several are those of the block's settings, one each.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE, PAGE = ROOT / ".env.example", ROOT / "docs" / "settings.md"
SETTING = re.compile(r"^(#?)([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)
# The name of a setting among words, where it is not code already.
NAMED = re.compile(r"(?<![`\w])([A-Z]{2,}(?:_[A-Z]+)+|DEBUG|PORT)(?![`\w])")
INTRODUCTION = """\
<!-- Written by `python -m docs.settings_page` from .env.example: change that file, and write this one anew. -->

# Settings

Settings come from the environment, or from a file `.env` beside `manage.py`; the environment comes first. The file
`.env.example` has all of them, each with an example. Set to nothing, a setting has its default, except for
`CARRIER_ANSWERS` and the words by which readers steer, of which nothing means none. A value that cannot be used stops
every process at its start, with a sentence that says what to set.
"""


@dataclass(frozen=True)
class Block:
    """Settings that are explained together; `default` has the value of each in backticks, or words, or nothing."""

    names: list[str]
    meaning: str
    default: str
    required: bool

    @property
    def defaults(self) -> dict[str, str]:
        """Return the defaults that are values, by name."""
        values = re.findall(r"`([^`]*)`", self.default)
        return dict(zip(self.names, values, strict=True)) if values else {}


def blocks(section: str) -> Iterator[Block]:
    for paragraph in section.strip().split("\n\n"):
        settings = SETTING.findall(paragraph)
        if settings:
            yield block(settings, paragraph)


def block(settings: list[tuple[str, str, str]], paragraph: str) -> Block:
    words = " ".join(line.lstrip("# ") for line in paragraph.splitlines() if not SETTING.match(line))
    meaning, _, default = words.partition(" Default: ")
    required = any(not mark for mark, *_ in settings)
    return Block([name for _, name, _ in settings], meaning, default.rstrip("."), required)


def sections() -> dict[str, list[Block]]:
    """Return the settings by the headings of `.env.example`."""
    parts = re.split(r"^# == (.+) ==$", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {title: list(blocks(text)) for title, text in zip(parts[1::2], parts[2::2], strict=True)}


def page() -> str:
    return "\n".join([INTRODUCTION, *(table(title, found) for title, found in sections().items())])


def table(title: str, found: list[Block]) -> str:
    rows = "".join(row(block) for block in found)
    return f"## {title}\n\n| name | default | meaning |\n| --- | --- | --- |\n{rows}"


def row(block: Block) -> str:
    names = ", ".join(f"`{name}`" for name in block.names)
    return f"| {names} | {marked(block.default) or 'none: has to be set'} | {marked(block.meaning)} |\n"


def marked(words: str) -> str:
    """Return these words as Markdown in a cell: settings as code, pages as links."""
    pages_linked = re.sub(r"\bdocs/([a-z-]+\.md)", r"[\1](\1)", words)
    return NAMED.sub(r"`\1`", pages_linked).replace("|", r"\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
