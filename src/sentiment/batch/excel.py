"""Encoder for Excel sheets, written row by row.

Texts are written as string cells, so that ids keep their leading zeros and no text is a formula.
"""

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sentiment.batch.cells import REPLACEMENT, Changes, cell, is_formula, writable
from sentiment.batch.encoders import Rows
from sentiment.data.tables import Row
from sentiment.errors import DataError
from sentiment.files import SURROGATE

MOST_ROWS = 1_048_576  # rows per sheet, including the header
MOST_COLUMNS = 16_384
MOST_UNITS = 32_767  # UTF-16 code units per cell
MOST_DIGITS = 10**15  # Excel keeps 15 significant digits and rounds larger integers
FIRST_DAY = dt.datetime(1900, 3, 1)  # earlier dates are ambiguous: Excel has a 29 February 1900
EPOCH = dt.datetime(1980, 1, 1)  # fixed time stamp, so that the same rows give the same bytes
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # characters that XML 1.0 forbids
ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")  # _x000D_ in a cell means a carriage return


def check_size(rows: int, columns: int) -> None:
    """Raise DataError if the table exceeds the rows or columns of an Excel sheet."""
    if rows >= MOST_ROWS:
        raise DataError(
            f"{rows:,} rows: a sheet of Excel holds {MOST_ROWS - 1:,} below its header; "
            "write .csv or .parquet, or split the input"
        )
    if columns > MOST_COLUMNS:
        raise DataError(f"{columns:,} columns: a sheet of Excel holds {MOST_COLUMNS:,}; write .csv or .parquet")


@dataclass(frozen=True, slots=True)
class ExcelEncoder:
    """Encoder for Excel, whose parts hold one JSON array per row.

    With `spreadsheet_safe`, formula-like texts get the quote prefix, so that they stay texts after the cell is edited.
    """

    columns: Sequence[str]
    spreadsheet_safe: bool = False

    def encode(self, rows: Rows) -> tuple[bytes, Changes]:
        changes: Changes = Counter()
        lines = (json.dumps(self._cells(row, changes), ensure_ascii=False) + "\n" for row in rows)
        return "".join(lines).encode("utf-8"), changes

    def join(self, parts: Iterable[bytes], target: Path) -> Changes:
        from openpyxl import Workbook
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.worksheet._writer import ALL_TEMP_FILES, WorksheetWriter
        from openpyxl.writer.excel import ExcelWriter

        book = Workbook(write_only=True)
        book.properties.created = book.properties.modified = EPOCH
        sheet = book.create_sheet("predictions")
        sheet.freeze_panes = "A2"
        # the temporary file is beside the target, so that a killed job leaves nothing in /tmp
        sheet._writer = WorksheetWriter(sheet, f"{target}.xml")
        ALL_TEMP_FILES.append(sheet._writer.out)
        sheet._writer.write_top()
        make = self._maker(lambda value: WriteOnlyCell(sheet, value))
        try:
            sheet.append([make(excel_text(column, column, Counter())) for column in self.columns])
            for row in rows_of(parts):
                sheet.append([make(value) for value in row])
        finally:
            sheet.close()
        with SteadyZip(target, "w", ZIP_DEFLATED, allowZip64=True) as archive:
            ExcelWriter(book, archive).save()
        return Counter()

    def _maker(self, new: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def make(value: Any) -> Any:
            if isinstance(value, list):
                return dt.datetime.fromisoformat(value[0])
            if not isinstance(value, str):
                return value
            made = new(value)
            made.data_type = "s"  # openpyxl would type "=1" as a formula and "#N/A" as an error
            if self.spreadsheet_safe and is_formula(value):
                made.quotePrefix = True
            return made

        return make

    def _cells(self, row: Row, changes: Changes) -> list[Any]:
        return [excel_value(row.get(column), column, changes) for column in self.columns]


def excel_value(value: Any, column: str, changes: Changes) -> Any:
    """Convert a value to what a part stores: a string, number, boolean or None, or [ISO time] for a date."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < MOST_DIGITS else as_text(value, column, changes)
    if isinstance(value, float):
        return value if abs(value) < float("inf") else as_text(value, column, changes)
    if isinstance(value, dt.date):
        moment = value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())
        if moment.tzinfo is None and moment >= FIRST_DAY:
            return [moment.isoformat()]
    if isinstance(value, dict | list | tuple):
        value = writable({column: value}, changes, numbers=False)[column]
    return excel_text(cell(value), column, changes)


def as_text(number: float, column: str, changes: Changes) -> str:
    changes["text", column] += 1
    return str(number)


def excel_text(text: str, column: str, changes: Changes) -> str:
    """Convert a text to a valid cell string of at most 32,767 UTF-16 code units, and count the changes."""
    if "\r" in text:
        changes["carriage_return", column] += 1
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    for kind, pattern in (("surrogate", SURROGATE), ("control", CONTROL)):
        if pattern.search(text):
            changes[kind, column] += 1
            text = pattern.sub(REPLACEMENT, text)
    if len(text) > MOST_UNITS // 2 and len(text.encode("utf-16-le")) > 2 * MOST_UNITS:
        changes["cut", column] += 1
        text = text.encode("utf-16-le")[: 2 * MOST_UNITS].decode("utf-16-le", "ignore")
    return ESCAPE.sub("_x005F_", text)


def rows_of(parts: Iterable[bytes]) -> Iterator[list[Any]]:
    for part in parts:
        yield from map(json.loads, part.split(b"\n")[:-1])


class SteadyZip(ZipFile):
    """Zip file whose members all have the same time stamp, so that the same content gives the same bytes."""

    def writestr(self, zinfo_or_arcname: Any, data: Any, *_: Any, **__: Any) -> None:
        info = ZipInfo(str(zinfo_or_arcname), EPOCH.timetuple()[:6])
        info.compress_type, info.external_attr = ZIP_DEFLATED, 0o644 << 16
        super().writestr(info, data)

    def write(self, filename: Any, arcname: Any = None, *_: Any, **__: Any) -> None:
        info = ZipInfo(str(arcname or filename), EPOCH.timetuple()[:6])
        info.compress_type, info.external_attr = ZIP_DEFLATED, 0o644 << 16
        with open(filename, "rb") as source, self.open(info, "w", force_zip64=True) as member:
            while piece := source.read(1 << 20):
                member.write(piece)
