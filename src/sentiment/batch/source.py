"""The rows to predict, of one file, of many, or of standard input, read one by one."""

import csv
import glob
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sentiment.batch.formats import DELIMITERS, STDIN, Format, name, open_text
from sentiment.errors import DataError
from sentiment.text import TEXT_COLUMNS

Row = dict[str, Any]

csv.field_size_limit(sys.maxsize)


@dataclass(frozen=True, slots=True)
class Source:
    paths: tuple[Path, ...]
    kind: str  # csv, tsv, jsonl or parquet
    columns: list[str]
    text: str  # the column with the texts
    rows: int | None  # None: standard input, which can be read only once
    schema: pa.Schema | None  # Parquet's

    @classmethod
    def open(cls, pattern: str, *, text_column: str | None, stdin_format: str) -> "Source":
        """Read all of the input once, so that a fault in its last line is told before any work; DataError."""
        paths = find(pattern)
        if paths == (STDIN,):
            return cls(paths, stdin_format, [], text_column or TEXT_COLUMNS[0], None, None)
        kinds = {Format.of(path, "input").kind for path in paths}
        if len(kinds) > 1:
            raise DataError(f"input={pattern} names files of several formats ({', '.join(sorted(kinds))}); choose one")
        [kind] = kinds
        schema = one_schema(paths) if kind == "parquet" else None
        columns, count = schema.names if schema else None, 0
        for path in paths:
            found, rows = survey(path, kind)
            columns = merged(path, kind, columns, found)
            count += rows
        assert columns is not None
        return cls(paths, kind, columns, text_of(pattern, columns, text_column), count, schema)

    def __iter__(self) -> Iterator[Row]:
        for path in self.paths:
            yield from read(path, self.kind)

    def fingerprint(self) -> list[list[Any]]:
        """What tells whether the input is still the same: path, bytes and time of change of each file."""
        stats = [(path, path.stat()) for path in self.paths if path != STDIN]
        return [[str(path.absolute()), stat.st_size, stat.st_mtime_ns] for path, stat in stats]


def find(pattern: str) -> tuple[Path, ...]:
    """The files of a name or a glob, sorted."""
    if pattern == str(STDIN):
        return (STDIN,)
    if Path(pattern).is_file():
        return (Path(pattern),)
    paths = tuple(sorted(Path(found) for found in glob.glob(pattern, recursive=True) if Path(found).is_file()))
    if not paths:
        raise DataError(f"input={pattern}: no such file")
    return paths


def text_of(pattern: str, columns: list[str], wanted: str | None) -> str:
    text = wanted or next((name for name in TEXT_COLUMNS if name in columns), TEXT_COLUMNS[0])
    if text not in columns:
        raise DataError(f"{pattern} has no column {text!r}, only {', '.join(map(repr, columns))}; set text_column")
    return text


def merged(path: Path, kind: str, columns: list[str] | None, found: list[str]) -> list[str]:
    """Columns of all files so far: the same in each, but for JSON Lines, where a row has the keys it has."""
    if columns is None or columns == found:
        return found
    if kind == "jsonl":
        return list(dict.fromkeys([*columns, *found]))
    raise DataError(
        f"{path} has the columns {', '.join(found)}, the file before it {', '.join(columns)}; predict apart"
    )


def survey(path: Path, kind: str) -> tuple[list[str], int]:
    """The columns of a file, and how many rows it has."""
    if kind == "parquet":
        file = parquet(path)
        return file.schema_arrow.names, file.metadata.num_rows
    columns, count = dict.fromkeys(header(path, kind)), 0
    for row in read(path, kind):
        columns.update(dict.fromkeys(row))
        count += 1
    return list(columns), count


def read(path: Path, kind: str) -> Iterator[Row]:
    if kind == "parquet":
        for batch in parquet(path).iter_batches(batch_size=1024):
            yield from batch.to_pylist()
    else:
        yield from read_json_lines(path) if kind == "jsonl" else read_csv(path, DELIMITERS[kind])


def header(path: Path, kind: str) -> list[str]:
    if kind == "jsonl":
        return []
    with open_text(path) as file:
        columns = next(csv.reader(file, delimiter=DELIMITERS[kind]), [])
    if not columns:
        raise DataError(f"input={path} is empty; it needs a header line with the column names")
    if twice := {column for column in columns if columns.count(column) > 1}:
        raise DataError(f"{path} has the column {min(twice)!r} twice; rename one")
    return columns


def read_csv(path: Path, delimiter: str) -> Iterator[Row]:
    with open_text(path) as file:
        reader = csv.DictReader(file, delimiter=delimiter, strict=True)
        try:
            for row in reader:
                if None in row or None in row.values():
                    got = sum(value is not None for key, value in row.items() if key is not None)
                    got += len(row.get(None, ()))
                    wanted = len(reader.fieldnames or ())
                    raise DataError(
                        f"{name(path)}, line {reader.line_num}: {got} values under {wanted} columns; "
                        "put values that hold the separator in double quotes"
                    )
                yield row
        except csv.Error as error:
            raise DataError(f"{name(path)}, line {reader.line_num}: {error}") from error


def read_json_lines(path: Path) -> Iterator[Row]:
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise DataError(f"{name(path)}, line {number}: not valid JSON: {error}") from error
            if not isinstance(row, dict):
                raise DataError(f"{name(path)}, line {number}: expected one JSON object in a line")
            yield row


def parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: not readable as Parquet: {error}") from error


def one_schema(paths: tuple[Path, ...]) -> pa.Schema:
    first = parquet(paths[0]).schema_arrow
    for path in paths[1:]:
        if not parquet(path).schema_arrow.equals(first):
            raise DataError(f"{path} has another schema than {paths[0]}; predict them apart")
    return first
