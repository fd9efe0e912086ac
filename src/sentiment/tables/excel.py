"""Rows of Excel workbooks (.xlsx): the first sheet that has any."""

import datetime
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import python_calamine as calamine

from sentiment.errors import DataError
from sentiment.tables.content import Content
from sentiment.tables.parquet import seekable
from sentiment.tables.rows import Row, check_header

EXACT = 10**15  # Excel keeps 15 digits


@dataclass(frozen=True, slots=True)
class ExcelRows:
    """A sheet in memory. Whole numbers are integers; a column with texts and numbers is a column of texts."""

    content: Content
    columns: list[str]
    values: list[list[Any]]  # by column
    guesses: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, content: Content, columns: Sequence[str] | None) -> "ExcelRows":
        name, rows, guesses = sheet_of(content)
        if columns is None:
            names = check_header([str(plain(value)) for value in rows[0]], content.name)
            rows = rows[1:]
        else:
            names = list(columns)
        width = max([len(names), *map(len, rows)])
        cells = [[row[i] if i < len(row) else "" for row in rows] for i in range(width)]
        for i in range(len(names), width):
            if number := next((n for n, value in enumerate(cells[i], 1) if value != ""), None):
                row = number + (columns is None)
                raise DataError(f"{content.name}, sheet {name!r}, row {row}: a value beyond the last column's name")
        values = [typed(column) for column in cells[: len(names)]]
        for column, own in zip(names, values, strict=True):
            if any(isinstance(value, int) and abs(value) >= EXACT for value in own):
                guesses.append(f"column {column!r} with numbers of 16 digits, whose last ones Excel has rounded")
        return cls(content, names, values, guesses)

    @property
    def schema(self) -> pa.Schema:
        """The types of the columns; one of several types is a column of texts when written as Parquet."""
        return pa.schema([(name, arrow_type(column)) for name, column in zip(self.columns, self.values, strict=True)])

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the rows in their order, with all columns or some."""
        wanted = self.columns if columns is None else list(columns)
        values = [self.values[self.columns.index(name)] for name in wanted]
        yield from (dict(zip(wanted, row, strict=True)) for row in zip(*values, strict=True))


def sheet_of(content: Content) -> tuple[str, list[list[Any]], list[str]]:
    """Return the name and the cells of the first sheet with any, and what to say where there are others."""
    source = seekable(content)
    try:
        check_size(content, source)
        book = calamine.load_workbook(source)
        sheets = [(name, book.get_sheet_by_name(name).to_python()) for name in book.sheet_names]
    except (calamine.CalamineError, zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{content.name}: not readable as an Excel workbook: {error}") from error
    full = [(name, rows) for name, rows in sheets if any(any(cell != "" for cell in row) for row in rows)]
    if not full:
        raise DataError(f"{content.name} is empty; it needs a row with the column names")
    name, rows = full[0]
    while not any(cell != "" for cell in rows[-1]):
        rows.pop()
    others = ", ".join(repr(other) for other, _ in full[1:])
    return name, rows, [f"sheet {name!r} alone, without {others}"] if others else []


def check_size(content: Content, source: str | io.BytesIO) -> None:
    """Raise DataError where the workbook, which is a zip archive, has too much in it."""
    limit = content.limits.bytes
    if limit is not None:
        with zipfile.ZipFile(source) as archive:
            if sum(member.file_size for member in archive.infolist()) > limit:
                raise DataError(f"{content.name} has more than {limit:,} bytes once decompressed; split it")


def typed(column: Sequence[Any]) -> list[Any]:
    """Return the values of a column: as texts where one of them is a text, else as they are."""
    values = [plain(value) for value in column]
    if any(isinstance(value, str) and value for value in values):
        return [shown(value) for value in values]
    return [None if value == "" else value for value in values] if any(value != "" for value in values) else values


def arrow_type(values: Sequence[Any]) -> pa.DataType:
    try:
        found = pa.infer_type(values)
    except pa.ArrowInvalid:
        return pa.string()
    return pa.string() if pa.types.is_null(found) else found


def plain(value: Any) -> Any:
    """Return a cell's value: a whole number without its decimal point, a day without midnight."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date()
    return value


def shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
