"""Encoder for Excel workbooks, written row by row: the sheet of rows, and the sheet "summary" that counts labels.

Texts are written as string cells, so that ids keep their leading zeros and no text is a formula.
"""

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sentiment.batch.cells import REPLACEMENT, Changes, cell, is_formula, writable
from sentiment.batch.encoders import Rows
from sentiment.errors import DataError
from sentiment.files import SURROGATE
from sentiment.inference.types import JOINT

MOST_ROWS = 1_048_576  # rows per sheet, including the header
MOST_COLUMNS = 16_384
MOST_UNITS = 32_767  # UTF-16 code units per cell
MOST_DIGITS = 10**15  # Excel keeps 15 significant digits and rounds larger integers
SHORT_DIGITS = 10**11  # Excel shows larger integers as 1.8E+11 unless their cell has a number format
WIDEST = 60  # characters of a column
MEASURED = 100  # rows whose values set the widths of the columns
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
class Counted:
    """The column whose values the summary sheet counts."""

    column: str
    labels: Sequence[str]  # in the order of the sheet; other values are rows without a label


@dataclass(frozen=True, slots=True)
class ExcelEncoder:
    """Encoder for Excel, whose parts hold one JSON array per row.

    With `spreadsheet_safe`, formula-like texts get the quote prefix, so that they stay texts after the cell is edited.
    """

    columns: Sequence[str]
    spreadsheet_safe: bool = False
    counted: Counted | None = None
    sheet: str = "predictions"

    def encode(self, rows: Rows) -> tuple[bytes, Changes]:
        changes: Changes = Counter()
        cells = ([excel_value(row.get(column), column, changes) for column in self.columns] for row in rows)
        return "".join(json.dumps(own, ensure_ascii=False) + "\n" for own in cells).encode("utf-8"), changes

    def join(self, parts: Iterable[bytes], target: Path) -> Changes:
        from openpyxl import Workbook
        from openpyxl.worksheet._writer import ALL_TEMP_FILES, WorksheetWriter
        from openpyxl.writer.excel import ExcelWriter

        book = Workbook(write_only=True)
        book.properties.created = book.properties.modified = EPOCH

        def add(title: str, rows: Iterable[Sequence[Any]], make: Callable[[Any, Any], Any]) -> None:
            sheet = book.create_sheet(title)
            sheet.freeze_panes = "A2"
            first, rows = measured(rows)
            for letter, width in first.items():
                sheet.column_dimensions[letter].width = width
            # the temporary file is beside the target, so that a killed job leaves nothing in /tmp
            sheet._writer = WorksheetWriter(sheet, f"{target}.{title}.xml")
            ALL_TEMP_FILES.append(sheet._writer.out)
            sheet._writer.write_top()
            try:
                for row in rows:
                    sheet.append([make(sheet, value) for value in row])
            finally:
                sheet.close()

        header = [excel_text(column, column, Counter()) for column in self.columns]
        counts = Counter[Any]()
        at = self.columns.index(self.counted.column) if self.counted else None
        add(self.sheet, chain([header], counting(rows_of(parts), at, counts)), self._cell)
        if self.counted:
            add("summary", summary_rows(self.counted.labels, counts), summary_cell)
        with SteadyZip(target, "w", ZIP_DEFLATED, allowZip64=True) as archive:
            ExcelWriter(book, archive).save()
        return Counter()

    def _cell(self, sheet: Any, value: Any) -> Any:
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.styles import Alignment

        if isinstance(value, list):
            return dt.datetime.fromisoformat(value[0])
        if isinstance(value, int) and abs(value) >= SHORT_DIGITS:
            made = WriteOnlyCell(sheet, value)
            made.number_format = "0"
            return made
        if not isinstance(value, str):
            return value
        made = WriteOnlyCell(sheet, value)
        made.data_type = "s"  # openpyxl would type "=1" as a formula and "#N/A" as an error
        if self.spreadsheet_safe and is_formula(value):
            made.quotePrefix = True
        if "\n" in value:
            made.alignment = Alignment(wrap_text=True, vertical="top")
        return made


def measured(rows: Iterable[Sequence[Any]]) -> tuple[dict[str, int], Iterable[Sequence[Any]]]:
    """Return the width of each column by its letter, from the first rows, and an iterator over all rows."""
    from openpyxl.utils import get_column_letter

    listed = iter(rows)
    first = list(islice(listed, MEASURED))
    widths = {}
    for i, column in enumerate(zip(*first, strict=True), 1):
        longest = max(len(line) for value in column for line in str("" if value is None else value).split("\n"))
        widths[get_column_letter(i)] = min(WIDEST, max(8, longest + 2))
    return widths, chain(first, listed)


def counting(rows: Iterable[list[Any]], at: int | None, counts: Counter[Any]) -> Iterator[list[Any]]:
    """Yield the rows, and count the values of one column."""
    for row in rows:
        if at is not None:
            counts[row[at]] += 1
        yield row


def summary_rows(labels: Sequence[str], counts: Counter[Any]) -> Iterator[list[Any]]:
    """Yield the summary sheet: each label with its rows and its share of the labelled ones, and the others."""
    names = [excel_text(label, label, Counter()) for label in labels]
    each, labelled = Counter[str](), 0
    for value, rows in counts.items():
        own = [value] if value in names else [name for name in str(value or "").split(JOINT) if name in names]
        each.update(dict.fromkeys(own, rows))
        labelled += rows if own else 0
    yield ["label", "rows", "share"]
    for name in names:
        yield [name, each[name], each[name] / max(1, labelled)]
    yield ["all labels", labelled, 1.0 if labelled else 0.0]
    yield ["without a label", counts.total() - labelled, None]


def summary_cell(sheet: Any, value: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell

    made = WriteOnlyCell(sheet, value)
    if isinstance(value, float):
        made.number_format = "0.0%"
    if isinstance(value, str):
        made.data_type = "s"
    return made


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
