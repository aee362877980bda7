"""The format of a table, as spreadsheets save it (CSV): a row a text, and what is said of the story in any row.

A table has a header. Its columns may stand in any order, and be parted by commas, semicolons or tabs.
"""

import csv
from io import StringIO

from django.core.exceptions import ValidationError

from textengine.formulas import guarded, unguarded

from ..turns import Turn
from ..waits import Wait, parse_wait, wait_in_words
from .drafts import RARE_FIELDS, STORY_FIELDS, StoryDraft, TextDraft, clean_alt, clean_body, clean_lines
from .turns import TurnReader, is_turn, turn_in_lines

# What a text is called, and in the lines of a script what follows it: written where a story has any.
TURN_COLUMNS = ("name", "then")
TEXT_COLUMNS = ("text", "wait", "picture", "alt", *TURN_COLUMNS)
COLUMNS = TEXT_COLUMNS + STORY_FIELDS
DELIMITERS = ",;\t"


def delimiter_of(source: str) -> str | None:
    """Return what parts the columns of this table; None if it is none, since no line of headings is in it."""
    heading = source.removeprefix("\ufeff").lstrip().partition("\n")[0]
    names = {delimiter: [name_of(cell) for cell in heading.split(delimiter)] for delimiter in DELIMITERS}
    known = {delimiter: sum(name in COLUMNS for name in cells) for delimiter, cells in names.items()}
    best = max(known, key=known.get)
    return best if known[best] > 1 or names[best] == ["text"] else None


def name_of(cell: str) -> str:
    return cell.strip().strip('"“”').strip().lower()


def read_table(source: str) -> StoryDraft:
    """Return the story that a table tells, with the problems of its rows; the heading is row 1."""
    draft = StoryDraft(unit="Row")
    rows = csv.reader(StringIO(source.removeprefix("\ufeff"), newline=""), delimiter=delimiter_of(source) or ",")
    try:
        heading, *others = [[clean_lines(cell) for cell in row] for row in rows]
    except (ValueError, csv.Error):
        draft.complain(1, "This is no table that can be read; save it from the spreadsheet as “CSV UTF-8”.")
        return draft
    names = [name_of(cell) for cell in heading]
    check_heading(names, draft)
    for number, row in enumerate(others, start=2):
        read_row({name: unguarded(cell.strip()) for name, cell in zip(names, row, strict=False)}, number, draft)
    return draft


def check_heading(names: list[str], draft: StoryDraft) -> None:
    for name in dict.fromkeys(names):
        if name and name not in COLUMNS:
            known = f"{', '.join(COLUMNS[:-1])} and {COLUMNS[-1]}"
            draft.complain(1, f"A column is headed “{name}”; what a table can have are {known}.")
        elif name and names.count(name) > 1:
            draft.complain(1, f"More than one column is headed “{name}”.")
    if "text" not in names and "picture" not in names:
        draft.complain(1, "No column is headed “text”.")


def read_row(cells: dict[str, str], number: int, draft: StoryDraft) -> None:
    """Add what a row says: a text, and what is said of the story, which counts where it is said first."""
    for name in STORY_FIELDS:
        if cells.get(name) and name not in draft.fields:
            draft.set_field(name, cells[name], number)
    text = TextDraft(
        clean_body(cells.get("text", "")),
        read_wait(cells.get("wait", ""), number, draft),
        cells.get("picture", ""),
        clean_alt(cells.get("alt", "")),
        *read_turn(cells, number, draft),
        line=number,
        picture_line=number,
    )
    if text.body or text.picture:
        draft.texts.append(text)
    elif any(cells.get(name) for name in TEXT_COLUMNS):
        draft.complain(number, "There is neither a text nor a picture in this row.")


def read_wait(words: str, number: int, draft: StoryDraft) -> Wait:
    try:
        return parse_wait(words)
    except ValidationError as error:
        draft.complain(number, error.messages[0])
        return Wait()


def read_turn(cells: dict[str, str], number: int, draft: StoryDraft) -> tuple[str, Turn]:
    """Return what a row's text is called, and what follows it."""
    turn = TurnReader()
    for line in filter(
        str.strip, [f"# {cells['name']}" if cells.get("name") else "", *lines_of(cells.get("then", ""))]
    ):
        try:
            if not is_turn(line):
                raise ValidationError(f"“{line.strip()}” is not understood; write “-> name” or “* answer -> name”.")
            turn.read(line)
        except ValidationError as error:
            draft.complain(number, error.messages[0])
    return turn.label, turn.turn


def lines_of(cell: str) -> list[str]:
    return clean_lines(cell).split("\n")


def write_table(draft: StoryDraft) -> str:
    file = StringIO(newline="")
    rows = csv.writer(file)
    turns = any(text.label or text.turn != Turn() for text in draft.texts)
    said = [name for name in STORY_FIELDS if draft.fields.get(name) or name not in RARE_FIELDS]
    rows.writerow([*(name for name in TEXT_COLUMNS if turns or name not in TURN_COLUMNS), *said])
    fields = [draft.fields.get(name, "") for name in said]
    for text in draft.texts or [TextDraft()]:
        wait = wait_in_words(text.wait) if draft.texts else ""
        follows = [text.label, "\n".join(turn_in_lines(text.turn))] if turns else []
        rows.writerow(guarded(cell) for cell in [text.body, wait, text.picture, text.alt, *follows, *fields])
        fields = [""] * len(fields)
    # Without it, spreadsheets take the file for one in an older encoding.
    return "\ufeff" + file.getvalue()
