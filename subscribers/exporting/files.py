"""How an export is written, as CSV or as XLSX: row by row, so that it needs no more memory the longer it is."""

import csv
from collections.abc import Iterable, Iterator

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from textengine.formulas import guarded

from .rows import NUMBER, Row

# A sheet has so many rows, a cell so many characters.
SHEET_ROWS, CELL_MAX = 1_048_576, 32_767


class Line:
    """What a CSV writer writes to: it hands each line back."""

    def write(self, line: str) -> str:
        return line


def harmless(cell: str | float | None) -> str | float | None:
    """Return a cell of a CSV file so that no program takes any part of it for a formula."""
    return guarded(cell) if isinstance(cell, str) else cell


def csv_lines(columns: list[str], rows: Iterable[Row]) -> Iterator[str]:
    """Return the lines of a CSV file, with the mark by which Excel knows UTF-8."""
    writer = csv.writer(Line())
    numbers = [place for place, name in enumerate(columns) if name == NUMBER]
    yield "\ufeff" + writer.writerow(columns)
    for row in rows:
        cells = [harmless(cell) for cell in row]
        for place in numbers:
            cells[place] = row[place] if is_number(row[place]) else cells[place]
        yield writer.writerow(cells)


def is_number(cell: str) -> bool:
    """Tell whether this is a phone number, whole or masked, and not the name of a sender, which anybody may choose."""
    return cell.startswith("+") and all(character in "0123456789… " for character in cell[1:])


def write_csv(path: str, columns: list[str], rows: Iterable[Row]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.writelines(csv_lines(columns, rows))


def write_xlsx(path: str, columns: list[str], rows: Iterable[Row]) -> None:
    """Write a workbook whose texts are texts, whatever they begin with; what one sheet cannot hold goes on the next."""
    with Workbook(path, {"constant_memory": True}) as book:
        sheet, place = new_sheet(book, columns), 1
        for row in rows:
            if place == SHEET_ROWS:
                sheet, place = new_sheet(book, columns), 1
            write_row(sheet, place, row)
            place += 1


def new_sheet(book: Workbook, columns: list[str]) -> Worksheet:
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(columns) - 1, 18)
    write_row(sheet, 0, columns)
    return sheet


def write_row(sheet: Worksheet, place: int, row: Row) -> None:
    for column, cell in enumerate(row):
        if isinstance(cell, str):
            sheet.write_string(place, column, cell[:CELL_MAX])
        elif cell is not None:
            sheet.write_number(place, column, cell)


WRITERS = {"csv": write_csv, "xlsx": write_xlsx}
TYPES = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
