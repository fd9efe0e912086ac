"""Reader for Excel workbooks (.xlsx), which reads the first sheet that is not empty."""

import datetime
import io
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pyarrow as pa

from sentiment.data.tables.content import Content
from sentiment.data.tables.parquet import seekable
from sentiment.data.tables.rows import Row, below_blank, check_header
from sentiment.errors import DataError

EXACT = 10**15  # Excel stores 15 significant digits
Merged = tuple[int, int, int]  # first and last row, and column, of cells merged into one; counted from 0
Sheet = tuple[str, list[list[Any]], list[Merged]]  # name, cells
MEMORY = 1 << 30  # bytes; the reader process may use this plus four times the size limit of the workbook
# A 2 kB workbook can address the last cell of a sheet, or repeat one long text in every cell. calamine allocates all of
# it, and aborts or exhausts the memory, so it runs in a separate process. Equal texts are returned as one object.
READER = """
import contextlib, io, pickle, resource, sys
import python_calamine as calamine
source, limit, memory = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
if limit:
    with contextlib.suppress(ValueError, OSError):  # a system without such a limit
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
try:
    book = calamine.load_workbook(source or io.BytesIO(sys.stdin.buffer.read()))
    texts, sheets, size = {}, [], 0
    for name in book.sheet_names:
        rows, sheet = [], book.get_sheet_by_name(name)
        for row in sheet.to_python():
            rows.append([texts.setdefault(cell, cell) if type(cell) is str else cell for cell in row])
            size += sum(len(cell) if type(cell) is str else 8 for cell in row)
            if limit and size > limit:
                sys.exit(4)
        top, left = sheet.start or (0, 0)
        merged = [(a - top, min(c - top, len(rows) - 1), b - left) for (a, b), (c, _) in sheet.merged_cell_ranges or ()]
        sheets.append((name, rows, merged))
except (calamine.CalamineError, OSError) as error:
    sys.exit(str(error))
pickle.dump(sheets, sys.stdout.buffer, protocol=5)
"""


@dataclass(frozen=True, slots=True)
class ExcelRows:
    """A sheet in memory; whole numbers are integers, and a column that mixes texts and numbers is all texts."""

    content: Content
    columns: list[str]
    values: list[list[Any]]  # one list per column
    guesses: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, content: Content, columns: Sequence[str] | None) -> "ExcelRows":
        name, rows, merged, guesses = sheet_of(content)
        above = header_of(rows) if columns is None else 0
        start = above + (columns is None)  # of the rows of data
        if columns is None:
            names = check_header([str(plain(value)) for value in rows[above]], content.name)
            rows = rows[start:]
        else:
            names = list(columns)
        if filled := fill_merged(content, rows, [(a - start, b - start, column) for a, b, column in merged]):
            guesses.append(f"merged cells with their value in each row ({filled:,} cells filled)")
        if above:
            guesses.append(f"column names in row {above + 1}, without the {above} rows above them")
        width = max([len(names), *map(len, rows)])
        cells = [[row[i] if i < len(row) else "" for row in rows] for i in range(width)]
        for i in range(len(names), width):
            if number := next((n for n, value in enumerate(cells[i], 1) if value != ""), None):
                row = number + start
                raise DataError(
                    f"{content.name}, sheet {name!r}, row {row}: a value beyond the last column's name; name its "
                    "column, or delete the rows above the column names"
                )
        values = [convert_column(column) for column in cells[: len(names)]]
        for column, own in zip(names, values, strict=True):
            if any(isinstance(value, int) and abs(value) >= EXACT for value in own):
                guesses.append(f"column {column!r} with numbers of 16 digits, whose last ones Excel has rounded")
        return cls(content, names, values, guesses)

    @property
    def schema(self) -> pa.Schema:
        """Column types for Parquet; a column without a common type is a string column."""
        return pa.schema([(name, arrow_type(column)) for name, column in zip(self.columns, self.values, strict=True)])

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the rows in sheet order, with all columns or the given ones."""
        wanted = self.columns if columns is None else list(columns)
        values = [self.values[self.columns.index(name)] for name in wanted]
        yield from (dict(zip(wanted, row, strict=True)) for row in zip(*values, strict=True))


def header_of(rows: Sequence[Sequence[Any]]) -> int:
    """Return the index of the row of column names, which tools for reports write below an empty row.

    The rows above it name the report and its period; the column names reach further, and no row reaches beyond them.
    """
    ends = [max((i for i, cell in enumerate(row, 1) if cell != ""), default=0) for row in rows]
    empty, named = below_blank([not end for end in ends])
    return named if named and max(ends[:empty]) < ends[named] == max(ends) else 0


def fill_merged(content: Content, rows: Sequence[list[Any]], merged: Sequence[Merged]) -> int:
    """Write the value of cells merged downwards into each of their rows, as Excel shows it; return the cells filled.

    Raises:
        DataError: The merged cells overlap, which no spreadsheet allows.
    """
    own = [(first, min(last, len(rows) - 1), column) for first, last, column in merged if first >= 0 and column >= 0]
    if sum(max(0, last - first) for first, last, _ in own) > sum(map(len, rows)):
        raise DataError(f"{content.name}: its merged cells overlap; unmerge them, or save the rows as CSV")
    empty = [
        (rows[i], column, rows[first][column])
        for first, last, column in own
        for i in range(first + 1, last + 1)
        if column < min(len(rows[first]), len(rows[i])) and rows[i][column] == "" != rows[first][column]
    ]
    for row, column, value in empty:
        row[column] = value
    return len(empty)


def sheet_of(content: Content) -> tuple[str, list[list[Any]], list[Merged], list[str]]:
    """Return name, cells and merged cells of the first sheet that is not empty, and a note if there are others."""
    source = seekable(content)
    try:
        check_size(content, source)
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{content.name}: not readable as an Excel workbook: {error}") from error
    sheets = read_sheets(content, source)
    full = [sheet for sheet in sheets if any(any(cell != "" for cell in row) for row in sheet[1])]
    if not full:
        raise DataError(f"{content.name} is empty; it needs a row with the column names")
    name, rows, merged = full[0]
    while not any(cell != "" for cell in rows[-1]):
        rows.pop()
    others = ", ".join(repr(other) for other, *_ in full[1:])
    return name, rows, merged, [f"sheet {name!r} alone, without {others}"] if others else []


def read_sheets(content: Content, source: str | io.BytesIO) -> list[Sheet]:
    """Read name, cells and merged cells of all sheets in a separate process, where a crash or memory limit stays.

    Raises:
        DataError: The file is not a workbook, exceeds the limit, or crashed the reader.
    """
    path, data = (source, b"") if isinstance(source, str) else ("", source.getvalue())
    limit = content.limits.bytes or 0
    command = [sys.executable, "-I", "-c", READER, path, str(limit), str(MEMORY + 4 * limit)]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    if done.returncode == 0:
        return cast("list[Sheet]", pickle.loads(done.stdout))  # trusted: written by READER
    if done.returncode == 1 and b"MemoryError" not in done.stderr:
        reason = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise DataError(f"{content.name}: not readable as an Excel workbook: {reason}")
    if done.returncode == 4:
        raise DataError(f"{content.name} has more than {limit:,} characters in its cells; split it")
    raise DataError(
        f"{content.name}: its cells take more memory than there is for them; save the rows that hold data as CSV"
    )


def check_size(content: Content, source: str | io.BytesIO) -> None:
    """Raise DataError if the members of the workbook's zip archive exceed Limits.bytes in total."""
    limit = content.limits.bytes
    if limit is not None:
        with zipfile.ZipFile(source) as archive:
            if sum(member.file_size for member in archive.infolist()) > limit:
                raise DataError(f"{content.name} has more than {limit:,} bytes once decompressed; split it")


def convert_column(column: Sequence[Any]) -> list[Any]:
    """Convert a column to one kind: all texts if any value is a text, else unchanged with empty cells as None.

    Midnights are dates if the column has no other times, else datetimes as the others are.
    """
    values = [plain(value) for value in column]
    if any(isinstance(value, datetime.datetime) for value in values):
        midnight = datetime.time()
        values = [
            datetime.datetime.combine(value, midnight) if type(value) is datetime.date else value for value in values
        ]
    if any(isinstance(value, str) and value for value in values):
        return [text_of_value(value) for value in values]
    return [None if value == "" else value for value in values] if any(value != "" for value in values) else values


def arrow_type(values: Sequence[Any]) -> pa.DataType:
    try:
        found = pa.infer_type(values)
    except pa.ArrowInvalid:
        return pa.string()
    return pa.string() if pa.types.is_null(found) else found


def plain(value: Any) -> Any:
    """Convert whole floats to int and datetimes at midnight to dates; return any other value unchanged."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date()
    return value


def text_of_value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
