"""Reader for CSV and TSV files; a line without as many values as the header is rejected."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter

from sentiment.data.tables.content import Content
from sentiment.data.tables.dialect import Dialect
from sentiment.data.tables.options import Limits
from sentiment.data.tables.rows import Broken, BrokenRow, Row, check_header
from sentiment.errors import DataError

LONGEST = 1 << 24  # characters per value; a longer value indicates an unclosed quotation mark

csv.field_size_limit(LONGEST)


class Lines:
    """Iterable of a file's lines for csv.reader, which treats a bare carriage return as the end of a row.

    Carriage returns inside a line are replaced by NUL, which valid text never contains; `restored` reverses this.
    """

    def __init__(self, file: Iterable[str], source: str, newline: str, limits: Limits) -> None:
        self.file, self.source, self.newline, self.limits = file, source, newline, limits
        self.replaced = False

    def checked(self, content: Content) -> Iterable[str]:
        """Return the lines to read: the file itself if neither checks nor replacements are needed, else this object."""
        return self.file if content.plain and self.limits.line is None else self

    def __iter__(self) -> Iterator[str]:
        longest = self.limits.line
        for number, line in enumerate(self.file, 1):
            if "\0" in line:
                raise DataError(f"{self.source}, line {number}: a NUL byte; this is no text file")
            if longest is not None and len(line) > longest:
                raise DataError(f"{self.source}, line {number}: more than {longest:,} characters in a line; shorten it")
            if "\r" in line:
                if line.endswith("\r\r\n"):  # a CRLF that was converted to CRLF again
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
    columns: list[str]  # named columns
    width: int  # values per row; exceeds len(columns) if the header ends with separators
    header: bool

    @classmethod
    def open(
        cls, content: Content, encoding: str, dialect: Dialect, columns: Sequence[str] | None, sample: str
    ) -> "Delimited":
        """Read the header from `sample`, the first characters of the file, unless `columns` names the columns."""
        if columns is not None:
            return cls(content, encoding, dialect, list(columns), len(columns), header=False)
        lines = Lines(io.StringIO(sample, newline=dialect.newline), content.name, dialect.newline, content.limits)
        try:
            names = next((row for row in records(lines, dialect) if row), [])
        except csv.Error as error:
            raise DataError(f"{content.name}, line 1: {explain(error, dialect)}") from error
        return cls(
            content, encoding, dialect, check_header(lines.restored(names), content.name), len(names), header=True
        )

    def rows(self, columns: Sequence[str] | None = None, *, broken: Broken = "refuse") -> Iterator[Row]:
        """Yield the rows in file order; see `Table.rows`."""
        wanted = self.columns if columns is None else list(columns)
        at = [self.columns.index(name) for name in wanted]
        every = at == list(range(self.width))
        pick = itemgetter(*at) if len(at) > 1 else lambda values: [values[i] for i in at]
        for values in self.values(broken=broken):
            if isinstance(values, str):
                yield BrokenRow(wanted, values)
            else:
                yield dict(zip(wanted, values if every else pick(values), strict=True))

    def values(self, *, broken: Broken) -> Iterator[list[str] | str]:
        """Yield the values of each row, or, with broken="keep", the reason as a string for a malformed line."""
        width, blanks, named = self.width, 0, len(self.columns)
        with self.content.text(self.encoding, self.dialect.newline) as file:
            lines = Lines(file, self.content.name, self.dialect.newline, self.content.limits)
            reader = csv.reader(
                skip_lines(lines.checked(self.content), self.dialect.preamble), **self.dialect.reader_options()
            )
            header, line = self.header, self.dialect.preamble
            while True:
                start, reason = line + 1, None
                try:
                    values = next(reader)
                except StopIteration:
                    return  # trailing blank lines are not rows
                except csv.Error as error:
                    values, reason = [], explain(error, self.dialect)
                line = reader.line_num + self.dialect.preamble
                if header and values:
                    header = False
                    continue
                if not values and reason is None:
                    blanks += width == 1 and not header  # in a single-column file a blank line is an empty value
                    continue
                if blanks:
                    yield from ([""] for _ in range(blanks))
                    blanks = 0
                if reason is None and (line > start or len(values) != width or named != width):
                    reason = self.fault(values, line - start + 1)
                if reason is None and self.header and self.repeats_header(values):
                    reason = "the column names again, as where files were joined; leave this line out"
                if reason is None:
                    yield lines.restored(values) if lines.replaced else values
                    continue
                where = f"line {start}" if line <= start else f"lines {start} to {line}"
                if broken == "refuse":
                    raise DataError(f"{self.content.name}, {where}: {reason}")
                yield f"{where}: {reason.partition(';')[0]}"

    def repeats_header(self, values: Sequence[str]) -> bool:
        """Return True for a row of several values that are the column names; the first may have a byte order mark."""
        if len(self.columns) < 2 or values[1].strip() != self.columns[1]:
            return False
        return [value.strip("\ufeff ") for value in values[: len(self.columns)]] == self.columns

    def fault(self, values: Sequence[str], span: int) -> str | None:
        """Return the reason why the values parsed from `span` lines are not a valid row; None if they are."""
        separator = self.dialect.separator
        if len(values) != self.width:
            return (
                f"{len(values)} values under {self.width} columns; "
                "put values that hold the separator in double quotes, or set separator or quoting"
            )
        if extra := [value for value in values[len(self.columns) :] if value]:
            return f"the value {extra[0][:40]!r} stands under no column name; name the column"
        if span > 1 and self.dialect.checked and has_swallowed_rows(values, separator, self.dialect):
            return (
                "a quotation mark opens in one row and closes in another, with whole rows between; "
                "double the marks that belong to the text, or set quoting=none (quoting=double to keep such texts)"
            )
        return None


def records(lines: Lines, dialect: Dialect) -> Iterator[list[str]]:
    return csv.reader(skip_lines(lines, dialect.preamble), **dialect.reader_options())


def skip_lines(lines: Iterable[str], count: int) -> Iterator[str]:
    return islice(iter(lines), count, None) if count else iter(lines)


def has_swallowed_rows(values: Sequence[str], separator: str, dialect: Dialect) -> bool:
    """Detect a multi-line value that contains whole rows because of a stray quotation mark.

    Each line of the value is compared with the columns it would fill if every line of the file were a row. In a text
    with genuine line breaks, hardly any line has the right number of separators and plausible values for the columns.
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


def explain(error: csv.Error, dialect: Dialect) -> str:
    """Translate an error of csv.reader to a message that names the fix."""
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
