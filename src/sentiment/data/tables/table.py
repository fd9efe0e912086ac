"""A table of any format, with its columns, a row iterator and the guesses made to read it."""

import codecs
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

from sentiment.config import extras
from sentiment.data.tables.content import Content
from sentiment.data.tables.delimited import Delimited
from sentiment.data.tables.dialect import dialect_of
from sentiment.data.tables.encodings import encoding_of
from sentiment.data.tables.formats import STDIN, Format, display_name, format_of, kind_suffix, not_a_file
from sentiment.data.tables.json_rows import JsonRows
from sentiment.data.tables.lines import line_table
from sentiment.data.tables.options import Limits, TableOptions
from sentiment.data.tables.rows import Broken, Row, limit_rows
from sentiment.errors import DataError
from sentiment.remote import as_path, info, is_remote

if TYPE_CHECKING:
    import pyarrow as pa

    from sentiment.data.tables.excel import ExcelRows
    from sentiment.data.tables.parquet import ParquetRows

log = logging.getLogger(__name__)

REMEDIES = {  # of a wrong guess, by kind
    "xlsx": "put the sheet that is meant first, its column names on top",
    "jsonl": "set encoding",
    "txt": "set encoding",
}
KEYED_ROWS = 1000  # first objects of a JSON file, whose keys are its columns until `survey`


@dataclass(frozen=True)
class Table:
    """An open table; the header is read, the rows are read on demand.

    Attributes:
        path: The file, or "-" for standard input.
        kind: csv, tsv, jsonl (also for .json), parquet, xlsx, or txt, which has the one column "text".
        columns: Column names; for JSON only the keys of the first rows (`survey` returns all).
        reader: Reader of the format.
        guesses: Properties of the file that were guessed, such as "separated by ';'".
        limits: Upper limits on what is read.
        schema: Column types, for Parquet and Excel only.
    """

    path: Path
    kind: str
    columns: list[str]
    reader: "Delimited | JsonRows | ParquetRows | ExcelRows"
    guesses: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    schema: "pa.Schema | None" = None

    @property
    def name(self) -> str:
        return display_name(self.path)

    @property
    def parquet(self) -> "ParquetRows | None":
        return cast("ParquetRows", self.reader) if self.kind == "parquet" else None

    @property
    def said(self) -> str | None:
        """The guesses as one line for the user; None if nothing was guessed."""
        return f"{self.name}: read as {', '.join(self.guesses)}" if self.guesses else None

    def rows(self, columns: Sequence[str] | None = None, *, broken: Broken = "refuse", start: int = 0) -> Iterator[Row]:
        """Return an iterator over the rows in file order; callable repeatedly, for standard input once.

        Args:
            columns: Columns to return; None returns all.
            broken: "refuse" raises DataError at the first malformed line, "keep" yields a BrokenRow for it. Only text
                formats have such lines.
            start: Rows to leave out at the beginning; of Parquet their row groups are not read.
        """
        rows: Iterator[Row]
        if isinstance(self.reader, (Delimited, JsonRows)):
            rows = islice(self.reader.rows(columns, broken=broken), start, None)
        elif self.parquet:
            rows = self.parquet.rows(columns, start=start)
        else:
            rows = islice(self.reader.rows(columns), start, None)
        return limit_rows(rows, self.name, self.limits.rows) if self.limits.rows is not None else rows

    def survey(self, *, broken: Broken = "refuse") -> tuple[list[str], int]:
        """Return all columns and the number of rows, reading every row unless the format stores the count.

        For JSON, the columns are the keys of all rows.
        """
        if self.parquet and self.limits.rows is None:
            return self.columns, self.parquet.file.metadata.num_rows
        if isinstance(self.reader, Delimited) and self.limits.rows is None:
            return self.columns, sum(1 for _ in self.reader.values(broken=broken))
        columns, count = dict.fromkeys(self.columns), 0
        for row in self.rows(broken=broken):
            count += 1
            if self.kind == "jsonl":
                columns.update(dict.fromkeys(row))
        return list(columns), count

    @cached_property
    def count(self) -> int:
        """Number of rows; counting reads every row unless the format stores the count."""
        return self.survey()[1]

    def class_names(self, column: str) -> list[str] | None:
        """Return the label names stored for a column of label indices in a Parquet file; None if there are none."""
        return self.parquet.class_names(column) if self.parquet else None


def open_table(
    path: Path | str,
    options: TableOptions | None = None,
    *,
    kind: str | None = None,
    limits: Limits | None = None,
    broken: Broken = "refuse",
) -> Table:
    """Open a table, and guess the encoding and dialect that the options leave open.

    Args:
        path: A file, or "-" for standard input, whose first megabyte is read ahead. Globs are not expanded.
        options: Separator, encoding, quoting, and the columns of a file without a header.
        kind: Format; None derives it from the file name. Required for standard input.
        limits: Upper limits on what is read.
        broken: "keep" skips malformed lines when the first rows of a JSON file are scanned for keys.

    Raises:
        DataError: The file is missing, has no header, is not of its format, or an option does not apply to it.
    """
    path, options, limits = as_path(path), options or TableOptions(), limits or Limits()
    if is_remote(path):
        if info(path)["type"] == "directory":
            raise DataError(f"{path}: {not_a_file(path)}")
    elif path != STDIN and not path.is_file():
        raise DataError(f"{path}: {not_a_file(path)}")
    format = Format(kind) if kind else format_of(path)
    options.check_for(format.kind, display_name(path))
    if format.kind in ("parquet", "xlsx"):
        return binary_table(path, format, options, limits)
    content = Content(path, format, limits)
    encoding, guess = encoding_of(content, options.encoding)
    if format.kind == "jsonl":
        return json_table(content, encoding, guess, broken)
    sample = codecs.getincrementaldecoder(encoding)("replace").decode(content.head, final=content.whole)
    if format.kind == "txt":
        reader = line_table(content, encoding, sample)
    else:
        dialect = dialect_of(sample, format.kind, options, whole=content.whole)
        reader = Delimited.open(content, encoding, dialect, options.columns, sample)
    return Table(path, format.kind, reader.columns, reader, join_guesses(guess, reader.dialect.guesses), limits)


def json_table(content: Content, encoding: str, guess: str | None, broken: Broken) -> Table:
    reader = JsonRows.open(content, encoding)
    told = reader.array if kind_suffix(content.path) == ".json" else not reader.array
    form = [] if told or not content.repeatable else ["an array of objects" if reader.array else "JSON Lines"]
    columns = dict[str, None]()
    for row in islice(reader.rows(broken=broken) if content.repeatable else reader.first_rows(), KEYED_ROWS):
        columns.update(dict.fromkeys(row))
    return Table(content.path, "jsonl", list(columns), reader, join_guesses(guess, form), content.limits)


def join_guesses(encoding: str | None, others: Sequence[str]) -> tuple[str, ...]:
    """Combine the guesses, encoding first; empty if nothing was guessed."""
    return (encoding or "UTF-8", *others) if encoding or others else ()


def binary_table(path: Path, format: Format, options: TableOptions, limits: Limits) -> Table:
    """Open a Parquet file or a workbook. Raises MissingPackageError without the extra that reads them."""
    extras.require(str(path), ["sentiment.data.tables.parquet"])
    from sentiment.data.tables.excel import ExcelRows
    from sentiment.data.tables.parquet import ParquetRows

    content = Content(path, format, limits)
    if format.kind == "xlsx":
        sheet = ExcelRows.open(content, options.columns)
        return Table(path, "xlsx", sheet.columns, sheet, tuple(sheet.guesses), limits, schema=sheet.schema)
    reader = ParquetRows.open(content)
    schema = reader.file.schema_arrow
    return Table(path, "parquet", schema.names, reader, (), limits, schema=schema)


def announce(tables: Sequence[Table]) -> None:
    """Log the guesses of each table, without repeating equal lines."""
    for line, kind in dict.fromkeys((table.said, table.kind) for table in tables if table.said):
        log.info("%s (where that is wrong, %s)", line, REMEDIES.get(kind, "set encoding, separator or quoting"))
