"""What bytes a story's file may be made of, and which of the formats it has."""

import codecs
from pathlib import PurePath

from .drafts import Problem, ScriptError, StoryDraft
from .script import read_script
from .table import delimiter_of, read_table

# The longest story would be a tenth of that.
FILE_MAX_BYTES = 2_000_000
TABLE_SUFFIXES = (".csv", ".tsv")
DOCUMENTS = {
    b"PK\x03\x04": "This is a document of a word processor or a spreadsheet. Save it as plain text (.txt) or as CSV, "
    "or copy its text and paste it.",
    b"\xd0\xcf\x11\xe0": "This is a document of an older word processor or spreadsheet. Save it as plain text (.txt) "
    "or as CSV, or copy its text and paste it.",
    b"{\\rtf": "This is formatted text (RTF). Save it as plain text (.txt), or copy the text and paste it.",
    b"%PDF": "This is a PDF. Copy its text and paste it.",
}
NO_TEXT = "This file is no text. Save it as plain text (.txt) in UTF-8."


def source_of(content: bytes) -> str:
    """Return the text of a file: UTF-8, the UTF-16 of older editors, or the Windows-1252 of spreadsheets.

    Raises ScriptError where it is something else.
    """
    for beginning, sentence in DOCUMENTS.items():
        if content.startswith(beginning):
            raise ScriptError([Problem(1, sentence)])
    if len(content) > FILE_MAX_BYTES:
        raise ScriptError([Problem(1, "This file is too large for a story; 2 MB is the most.")])
    utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ["utf-16"] if utf_16 else ["utf-8-sig", "cp1252"]:
        try:
            source = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in source:
            return source
    raise ScriptError([Problem(1, NO_TEXT)])


def read_story(source: str, name: str = "") -> StoryDraft:
    """Return the story that a script or a table tells; a file's name may say that it is a table."""
    is_table = name.lower().endswith(TABLE_SUFFIXES) or delimiter_of(source)
    return read_table(source) if is_table else read_script(source)


def title_of(name: str) -> str:
    """Return the title of a story whose file says none: the file's name in words."""
    words = " ".join(PurePath(name).stem.replace("-", " ").replace("_", " ").split())
    return words[:1].upper() + words[1:]
