"""Encoder for Parquet: each column has one type, or is JSON text if its values have no common type."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sentiment.batch.cells import Changes, json_text, writable
from sentiment.batch.encoders import Rows

GROUP = 1 << 16  # minimum rows per row group
JSON = {b"content": b"json"}  # field metadata that marks a JSON text column
FAILURES = (pa.ArrowException, OverflowError, TypeError, ValueError)  # raised for values without a common type


class NoCommonTypeError(Exception):
    """The values of a column have no common type across all parts."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


@dataclass(frozen=True, slots=True)
class ParquetEncoder:
    """Encoder for Parquet, whose parts are complete Parquet files."""

    columns: Sequence[str]
    fields: Mapping[str, pa.Field] = field(default_factory=dict)  # columns with a known type
    metadata: dict[bytes, bytes] | None = None  # metadata of the input's schema

    def encode(self, rows: Rows) -> tuple[bytes, Changes]:
        changes: Changes = Counter()
        columns = [self._column(name, [row.get(name) for row in rows], changes) for name in self.columns]
        sink = pa.BufferOutputStream()
        pq.write_table(table(columns).replace_schema_metadata(self.metadata), sink)
        return bytes(sink.getvalue().to_pybytes()), changes

    def join(self, parts: Iterable[bytes], target: Path) -> Changes:
        """Merge the parts to one Parquet file: one pass over `parts` for the common types, then one to write."""
        return self._fit(parts, target)[1]

    def aligned(self, parts: Iterable[bytes]) -> Iterator[tuple[int, bytes, str, Changes]]:
        """Yield the number, the new bytes and schema of each part that lacks the schema of `join`, and its changes."""
        fields, _ = self._fit(parts, Path(os.devnull))
        schema = pa.schema(fields, metadata=self.metadata)
        for number, part in enumerate(parts):
            if not schema_of(part).equals(schema, check_metadata=True):
                changes, sink = Counter[tuple[str, str]](), pa.BufferOutputStream()
                write([part], schema, sink, changes)
                yield number, (data := bytes(sink.getvalue().to_pybytes())), schema_hash(data), changes

    def _fit(self, parts: Iterable[bytes], target: Path) -> tuple[list[pa.Field], Changes]:
        """Write the parts with the common types of their columns; returns these fields, and the changes."""
        fields = common_fields(map(schema_of, parts)) or [self.fields.get(name, text(name)) for name in self.columns]
        while True:
            changes: Changes = Counter()
            try:
                write(parts, pa.schema(fields, metadata=self.metadata), target, changes)
                return fields, changes
            except NoCommonTypeError as error:  # seen only in the values: a double cannot represent some integer
                fields = [text(field.name, JSON) if field.name == error.column else field for field in fields]

    def _column(self, name: str, values: list[Any], changes: Changes) -> tuple[pa.Field, pa.Array]:
        known = self.fields.get(name)
        try:
            array = pa.array(values, type=known.type if known else None)
            if storable(array.type):
                return known or pa.field(name, array.type), array
        except UnicodeEncodeError:
            return self._column(name, [writable({name: v}, changes, numbers=True)[name] for v in values], changes)
        except FAILURES:
            pass
        return text(name, JSON), json_array(name, values, changes)


def text(name: str, metadata: dict[bytes, bytes] | None = None) -> pa.Field:
    return pa.field(name, pa.string(), metadata=metadata)


def is_json(field: pa.Field) -> bool:
    return bool(field.metadata) and field.metadata.get(b"content") == b"json"


def storable(type: pa.DataType) -> bool:
    """Return True if Parquet can store the type; it cannot store a struct without fields."""
    inner = [type.field(i) for i in range(type.num_fields)]
    return not (pa.types.is_struct(type) and not inner) and all(storable(field.type) for field in inner)


def json_array(name: str, values: Iterable[Any], changes: Changes) -> pa.Array:
    """Convert values to an array of JSON texts, with None as null."""
    texts = [None if value is None else _json(name, value, changes) for value in values]
    changes["json", name] += sum(text is not None for text in texts)
    return pa.array(texts, pa.string())


def _json(name: str, value: Any, changes: Changes) -> str:
    try:
        found = json_text(value)
        found.encode("utf-8")
    except ValueError:  # NaN, or half of a surrogate pair
        return json_text(writable({name: value}, changes, numbers=False)[name])
    return found


def table(columns: Sequence[tuple[pa.Field, pa.Array]]) -> pa.Table:
    return pa.table([array for _, array in columns], schema=pa.schema([field for field, _ in columns]))


def schema_hash(part: bytes) -> str:
    return hashlib.sha256(schema_of(part).serialize().to_pybytes()).hexdigest()[:16]


def schema_of(part: bytes) -> pa.Schema:
    return pq.read_schema(pa.BufferReader(part))


def common_fields(schemas: Iterable[pa.Schema]) -> list[pa.Field]:
    """Find the common type of each column over all parts; empty if there are no parts."""
    common: list[pa.Field] = []
    for schema in schemas:
        common = [common_field(*pair) for pair in zip(common, schema, strict=True)] if common else list(schema)
    return common


def common_field(first: pa.Field, second: pa.Field) -> pa.Field:
    if first.equals(second) or is_json(first):
        return first
    if is_json(second):
        return second
    try:
        return pa.unify_schemas([pa.schema([first]), pa.schema([second])], promote_options="permissive").field(0)
    except pa.ArrowException:
        return text(first.name, JSON)


def write(parts: Iterable[bytes], schema: pa.Schema, target: Path | pa.NativeFile, changes: Changes) -> None:
    waiting: list[pa.Table] = []
    with pq.ParquetWriter(target, schema) as writer:
        for part in parts:
            read = pq.read_table(pa.BufferReader(part))
            columns = [(field, converted(read.field(field.name), read[field.name], field, changes)) for field in schema]
            waiting.append(table(columns))
            if sum(map(len, waiting)) >= GROUP:
                writer.write_table(pa.concat_tables(waiting).replace_schema_metadata(schema.metadata))
                waiting.clear()
        if waiting:
            writer.write_table(pa.concat_tables(waiting).replace_schema_metadata(schema.metadata))


def converted(own: pa.Field, values: pa.ChunkedArray, field: pa.Field, changes: Changes) -> pa.ChunkedArray:
    if own.type.equals(field.type) and is_json(own) == is_json(field):
        return values
    if is_json(field):
        return pa.chunked_array([json_array(field.name, values.to_pylist(), changes)])
    try:
        return values.cast(field.type)
    except pa.ArrowException as error:
        raise NoCommonTypeError(field.name) from error
