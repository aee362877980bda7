"""What stands in the pages: their headings, links, pictures and commands, as a reader of Markdown finds them."""

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    {*ROOT.glob("*.md"), ROOT / "bench" / "README.md", *DOCS.rglob("*.md")} - {*(DOCS / "_build").rglob("*.md")}
)
PICTURE = re.compile(r'<img src="([^"]+)"')


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def tokens(page: Path) -> list[Token]:
    """Return the parts of a page, those inside of its paragraphs and cells after them."""
    found = MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))
    return [part for token in found for part in (token, *(token.children or ()))]


def links(page: Path) -> Iterator[str]:
    """Yield where the links and pictures of a page lead."""
    for token in tokens(page):
        if token.type in ("link_open", "image"):
            yield token.attrs["href" if token.type == "link_open" else "src"]
        elif token.type.startswith("html"):
            yield from PICTURE.findall(token.content)


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page, one for each heading, as hosts of code make them; those of pages within it, too."""
    parts, found, seen = tokens(page), set(), Counter()
    for heading, words in pairwise(parts):
        if heading.type == "heading_open":
            anchor = re.sub(r"[^\w -]", "", words.content.lower()).replace(" ", "-")
            found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
            seen[anchor] += 1
        elif heading.type == "fence" and heading.info.startswith("{include}"):
            found |= anchors((page.parent / heading.info.split()[1]).resolve())
    return found


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the commands of the page's blocks of `sh`, each as its words."""
    for token in tokens(page):
        if token.type == "fence" and token.info == "sh":
            yield from commands_of(token.content)


def commands_of(script: str) -> Iterator[list[str]]:
    """Yield the commands of a script, of which each may go on over several lines."""
    begun = ""
    for line in script.replace("\\\n", "").splitlines():
        begun += re.sub(r"(^|\s)#.*", "", line) + "\n"
        try:
            words = shlex.split(begun)
        except ValueError:  # A quote is open.
            continue
        yield from (list(command) for is_and, command in groupby(words, "&&".__eq__) if not is_and)
        begun = ""


def commands_in_sentences(page: Path) -> Iterator[list[str]]:
    """Yield what stands as code among words and begins as a command of ours does."""
    for token in tokens(page):
        if token.type == "code_inline" and re.match(
            r"([A-Z_]+=\S+ )*(make|python|\S+/python|manage\.py) ", token.content
        ):
            yield shlex.split(token.content)
