"""Rows of CSV and TSV files. Every row has as many values as the header, or the line is refused."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sentiment.data.tables.content import Content
from sentiment.data.tables.dialect import Dialect
from sentiment.data.tables.options import Limits
from sentiment.data.tables.rows import Broken, BrokenRow, Row, check_header
from sentiment.errors import DataError

LONGEST = 1 << 24  # characters of a value; a longer one is a quotation mark that nothing closes

csv.field_size_limit(LONGEST)


class Lines:
    """The lines of a file for csv.reader, which takes a bare carriage return for the end of a row.

    Those inside a line stand as NUL, which no text has, until `restored` puts them back.
    """

    def __init__(self, file: Iterable[str], source: str, newline: str, limits: Limits) -> None:
        self.file, self.source, self.newline, self.limits = file, source, newline, limits
        self.replaced = False

    def checked(self, content: Content) -> Iterable[str]:
        """Return the lines; of a file that needs neither checks nor replacements, as they are."""
        return self.file if content.plain and self.limits.line is None else self

    def __iter__(self) -> Iterator[str]:
        longest = self.limits.line
        for number, line in enumerate(self.file, 1):
            if "\0" in line:
                raise DataError(f"{self.source}, line {number}: a NUL byte; this is no text file")
            if longest is not None and len(line) > longest:
                raise DataError(f"{self.source}, line {number}: more than {longest:,} characters in a line")
            if "\r" in line:
                if line.endswith("\r\r\n"):  # a line end that was translated twice
                    line = f"{line[:-3]}\r\n"
                body = line.removesuffix(self.newline).removesuffix("\r")
                if "\r" in body:
                    self.replaced = True
                    line = body.replace("\r", "\0") + line[len(body) :]
            yield line

    def restored(self, values: list[str]) -> list[str]:
        return [value.replace("\0", "\r") for value in values] if self.replaced else values


@dataclass(frozen=True, slots=True)
class Delimited:
    """A CSV or TSV file with its encoding, dialect and columns."""

    content: Content
    encoding: str
    dialect: Dialect
    columns: list[str]  # that have a name
    width: int  # of the rows; more than the columns where the header ends with separators
    header: bool

    @classmethod
    def open(
        cls, content: Content, encoding: str, dialect: Dialect, columns: Sequence[str] | None, sample: str
    ) -> "Delimited":
        """Read the header, which the first characters of the file hold."""
        if columns is not None:
            return cls(content, encoding, dialect, list(columns), len(columns), header=False)
        lines = Lines(io.StringIO(sample, newline=dialect.newline), content.name, dialect.newline, content.limits)
        try:
            names = next((row for row in records(lines, dialect) if row), [])
        except csv.Error as error:
            raise DataError(f"{content.name}, line 1: {explained(error, dialect)}") from error
        return cls(
            content, encoding, dialect, check_header(lines.restored(names), content.name), len(names), header=True
        )

    def rows(self, columns: Sequence[str] | None = None, *, broken: Broken = "refuse") -> Iterator[Row]:
        """Yield the rows in their order, with all columns or some; DataError with the first line that is no row."""
        wanted = self.columns if columns is None else list(columns)
        at = [self.columns.index(name) for name in wanted]
        every = at == list(range(self.width))
        for values in self.values(broken=broken):
            if isinstance(values, str):
                yield BrokenRow(wanted, values)
            else:
                yield dict(zip(wanted, values if every else [values[i] for i in at], strict=True))

    def values(self, *, broken: Broken) -> Iterator[list[str] | str]:
        """Yield the values of each row; of a line that is none the reason, where such lines are kept."""
        width, blanks, named = self.width, 0, len(self.columns)
        with self.content.text(self.encoding, self.dialect.newline) as file:
            lines = Lines(file, self.content.name, self.dialect.newline, self.content.limits)
            reader = csv.reader(
                skipped(lines.checked(self.content), self.dialect.preamble), **self.dialect.reader_options()
            )
            header, line = self.header, self.dialect.preamble
            while True:
                start, reason = line + 1, None
                try:
                    values = next(reader)
                except StopIteration:
                    return  # blank lines at the end are no rows
                except csv.Error as error:
                    values, reason = [], explained(error, self.dialect)
                line = reader.line_num + self.dialect.preamble
                if header and values:
                    header = False
                    continue
                if not values and reason is None:
                    blanks += width == 1 and not header  # in a file of one column an empty value
                    continue
                yield from ([""] for _ in range(blanks))
                blanks = 0
                if reason is None and (line > start or len(values) != width or named != width):
                    reason = self.fault(values, line - start + 1)
                if reason is None:
                    yield lines.restored(values) if lines.replaced else values
                    continue
                where = f"line {start}" if line <= start else f"lines {start} to {line}"
                if broken == "refuse":
                    raise DataError(f"{self.content.name}, {where}: {reason}")
                yield f"{where}: {reason.partition(';')[0]}"

    def fault(self, values: Sequence[str], span: int) -> str | None:
        """Say why the values of `span` lines are no row of this table, if they are none."""
        separator = self.dialect.separator
        if len(values) != self.width:
            return (
                f"{len(values)} values under {self.width} columns; "
                "put values that hold the separator in double quotes, or set separator or quoting"
            )
        if extra := [value for value in values[len(self.columns) :] if value]:
            return f"the value {extra[0][:40]!r} stands under no column name; name the column"
        if span > 1 and self.dialect.checked and swallowed(values, separator, self.dialect):
            return (
                "a quotation mark opens in one row and closes in another, with whole rows between; "
                "double the marks that belong to the text, or set quoting=none (quoting=double to keep such texts)"
            )
        return None


def records(lines: Lines, dialect: Dialect) -> Iterator[list[str]]:
    return csv.reader(skipped(lines, dialect.preamble), **dialect.reader_options())


def skipped(lines: Iterable[str], count: int) -> Iterator[str]:
    return islice(iter(lines), count, None) if count else iter(lines)


def swallowed(values: Sequence[str], separator: str, dialect: Dialect) -> bool:
    """Tell whether a value of several lines holds whole rows, which a stray quotation mark has swallowed.

    Each of its lines is held against the columns it would fill, if the lines of the file were rows by themselves. Of
    a text with real line breaks next to no line has the right number of separators with values that their columns have.
    """
    width = len(values)
    for column, value in enumerate(values):
        lines = value.split("\n")
        if width == 1 or len(lines) == 1:
            continue
        judged = matched = 0
        for i, line in enumerate(lines):
            begin = 0 if i else column
            end = width if i < len(lines) - 1 else column + 1
            implied = [other for other in range(begin, end) if other != column]
            fields = line.removesuffix("\r").split(separator)
            judged += bool(implied)
            if implied and len(fields) == end - begin:
                matched += all(dialect.profile.plausible(other, fields[other - begin]) for other in implied)
        if matched and matched * 2 >= judged:
            return True
    return False


def explained(error: csv.Error, dialect: Dialect) -> str:
    """Say what csv.reader's complaint means."""
    text = str(error)
    if "unexpected end of data" in text or "field larger than" in text:
        return (
            "a quotation mark opens here that nothing closes; double the marks that belong to the text, "
            "or set quoting=none"
        )
    if "expected after" in text:
        return (
            f"text after a closing quotation mark ({text}); double the marks that belong to the text, "
            "or set quoting=none or backslash"
        )
    return text
