"""Rows to predict, streamed from one file, several files or standard input."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pyarrow as pa

from sentiment import remote
from sentiment.data.tables import (
    STDIN,
    Broken,
    Limits,
    Row,
    Table,
    TableOptions,
    announce,
    expanded,
    find_named,
    is_partitioned,
    not_a_file,
    open_table,
)
from sentiment.data.tables import text_column as find_text
from sentiment.errors import DataError
from sentiment.remote import as_path, is_remote

__all__ = ["Row", "Source"]


@dataclass(frozen=True, slots=True)
class Source:
    """Concatenation of tables of one format with compatible columns.

    Attributes:
        tables: The tables in reading order.
        kind: csv, tsv, jsonl, parquet, xlsx or txt.
        columns: Names of all columns; for JSON from standard input only the keys of the lines read ahead, if any.
        text: Name of the text column.
        aspect: Name of the aspect column, if one is read.
        rows: Number of rows; None for standard input, which can be read only once.
        schema: Column types of the first table, for Parquet and Excel.
        broken: Handling of malformed lines.
    """

    tables: tuple[Table, ...]
    columns: list[str]
    text: str
    rows: int | None
    broken: Broken = "refuse"
    aspect: str | None = None
    counts: tuple[int, ...] = ()  # rows of each table

    @classmethod
    def open(
        cls,
        pattern: str,
        *,
        text_column: str | None,
        aspect_column: str | None = None,
        stdin_format: str = "csv",
        options: TableOptions | None = None,
        limits: Limits | None = None,
        broken: Broken = "refuse",
        optional: str | None = None,
    ) -> "Source":
        """Open the input and read it once in full, so that an error in its last line is found before any work starts.

        Standard input is not read in full. `optional` is a column that not every file has to have.

        Raises:
            DataError: No file matches, a file is invalid, or the files differ in format, columns or schema.
        """
        paths = find(pattern)
        kind = stdin_format if paths == (STDIN,) else None
        tables = tuple(open_table(path, options, kind=kind, limits=limits, broken=broken) for path in paths)
        announce(tables)
        if paths == (STDIN,):
            columns = tables[0].columns
            text = find_text(columns, text_column, "standard input") if columns else text_column or "text"
            aspect = checked_aspect(columns or None, aspect_column, text, "standard input")
            return cls(tables, columns, text, None, broken, aspect)
        if len(kinds := {table.kind for table in tables}) > 1:
            raise DataError(f"input={pattern} names files of several formats ({', '.join(sorted(kinds))}); choose one")
        check_schemas(tables, optional)
        columns, counts = list[str](), list[int]()
        for i, table in enumerate(tables):
            own, rows = table.survey(broken=broken)
            columns = merged(table, columns, own, optional) if i else own
            counts.append(rows)
        text = find_text(columns, text_column, pattern)
        aspect = checked_aspect(columns, aspect_column, text, pattern)
        return cls(tables, columns, text, sum(counts), broken, aspect, tuple(counts))

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(table.path for table in self.tables)

    @property
    def kind(self) -> str:
        return self.tables[0].kind

    @property
    def schema(self) -> pa.Schema | None:
        return self.tables[0].schema

    def fields(self) -> dict[str, pa.Field]:
        """Return the known Parquet types by column: the schema, or strings for CSV and TSV.

        The types of JSON columns are inferred from their values later.
        """
        if self.schema is not None:
            return {field.name: field for field in self.schema}
        return {name: pa.field(name, pa.string()) for name in self.columns} if self.kind != "jsonl" else {}

    def peeked(self) -> tuple[Iterator[Row], list[str]]:
        """Return an iterator over all rows of standard input, and the columns of the first row.

        Raises:
            DataError: There are no rows, or the first row lacks a column that is read.
        """
        rows = iter(self)
        first = next(rows, None)
        if first is None:
            raise DataError("standard input is empty")
        for key, name in {"text_column": self.text, "aspect_column": self.aspect}.items():
            if name is not None and name not in first:
                raise DataError(f"standard input has no column {name!r}, only {list(first)}; set {key}")
        return chain([first], rows), list(first)

    def __iter__(self) -> Iterator[Row]:
        for table in self.tables:
            yield from table.rows(broken=self.broken)


def checked_aspect(columns: Sequence[str] | None, wanted: str | None, text: str, source: str) -> str | None:
    """Return the aspect column. Raises DataError if it is missing, or is the text column."""
    if wanted is None:
        return None
    if wanted == text:
        raise DataError(f"{source}: text_column and aspect_column are both {text!r}; name two columns")
    return wanted if columns is None else find_named(columns, wanted, source, key="aspect_column")


def find(pattern: str) -> tuple[Path, ...]:
    """Return the file of this very name, the parts of such a folder, or the files that match the glob, sorted."""
    if pattern == str(STDIN):
        return (STDIN,)
    path = as_path(pattern)
    if is_remote(path):
        paths = remote.find(pattern)
        paths = expanded(paths[0]) if len(paths) == 1 else paths
    elif path.is_file() or is_partitioned(path):
        return expanded(path)
    else:
        found = (Path(one) for one in glob.glob(str(path), recursive=True))
        paths = tuple(sorted(path for path in found if path.is_file()))
    if not paths:
        raise DataError(f"input={pattern}: {not_a_file(Path(pattern))}")
    return paths


def merged(table: Table, columns: list[str], own: list[str], optional: str | None = None) -> list[str]:
    """Merge a table's columns into those of the files before it: the union for JSON, else they must be equal."""
    if columns == own:
        return columns
    if table.kind == "jsonl" or [name for name in columns if name != optional] == [
        name for name in own if name != optional
    ]:
        return list(dict.fromkeys([*columns, *own]))
    raise DataError(
        f"{table.path} has the columns {', '.join(own)}, the file before it {', '.join(columns)}; predict apart"
    )


def check_schemas(tables: tuple[Table, ...], optional: str | None = None) -> None:
    """Raise DataError if a Parquet file has another schema than the first one, but for one column."""
    for table in tables[1:]:
        first, own = (one and without(one, optional) for one in (tables[0].schema, table.schema))
        if table.kind == "parquet" and own is not None and not own.equals(first):
            raise DataError(f"{table.path} has another schema than {tables[0].path}; predict them apart")


def without(schema: pa.Schema, column: str | None) -> pa.Schema:
    at = -1 if column is None else schema.get_field_index(column)
    return schema if at < 0 else schema.remove(at)
