"""Reader for Parquet files."""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sentiment.data.tables.content import Content
from sentiment.data.tables.rows import Row
from sentiment.errors import DataError
from sentiment.remote import is_remote

BATCH = 1024  # rows
BOUNDED_BATCH = 64  # rows, if Limits.line is set, as each value may be that long
UNREADABLE = (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, UnicodeDecodeError)


@dataclass(frozen=True, slots=True)
class ParquetRows:
    """A Parquet file; values keep their types, but UTF-8 bytes become strings (Spark may write strings as bytes)."""

    content: Content
    file: pq.ParquetFile

    @classmethod
    def open(cls, content: Content) -> "ParquetRows":
        try:
            file = pq.ParquetFile(open_parquet(content))
            if content.limits.bytes is not None:
                check_size(file, content)
                file = pq.ParquetFile(open_parquet(content), read_dictionary=texts_of(file.schema_arrow))
        except UNREADABLE as error:
            raise unreadable(content, error) from error
        names = file.schema_arrow.names
        if twice := [name for name in names if names.count(name) > 1]:
            raise DataError(f"{content.name} has the column {twice[0]!r} twice; rename one")
        return cls(content, file)

    def rows(self, columns: Sequence[str] | None = None, *, start: int = 0) -> Iterator[Row]:
        """Yield the rows in file order from number `start`, with all columns or the given ones."""
        groups = list(range(self.file.num_row_groups))
        while groups and start >= (size := self.file.metadata.row_group(groups[0]).num_rows):
            start -= size
            groups.pop(0)
        yield from islice(self._rows(groups, columns), start, None)

    def _rows(self, groups: list[int], columns: Sequence[str] | None) -> Iterator[Row]:
        size = BATCH if self.content.limits.line is None else BOUNDED_BATCH
        try:
            names = None if columns is None else list(columns)
            for batch in self.file.iter_batches(batch_size=size, row_groups=groups, columns=names):
                check_lengths(batch, self.content)
                names = batch.schema.names
                values = [decode_columns(*pair) for pair in zip(batch.columns, batch.schema, strict=True)]
                yield from (dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))
                if not names:
                    yield from ({} for _ in range(batch.num_rows))
        except UNREADABLE as error:
            raise unreadable(self.content, error) from error

    def class_names(self, column: str) -> list[str] | None:
        """Return the label names of a ClassLabel column, if the datasets library wrote the file; else None."""
        metadata = (self.file.schema_arrow.metadata or {}).get(b"huggingface")
        try:
            feature = json.loads(metadata or b"{}")["info"]["features"][column]
        except (ValueError, KeyError, TypeError):
            return None
        if isinstance(feature, list) or "feature" in feature:  # several labels of a text
            feature = feature[0] if isinstance(feature, list) else feature["feature"]
        return feature.get("names") if feature.get("_type") == "ClassLabel" else None


def unreadable(content: Content, error: Exception) -> DataError:
    """Return the error of a damaged file, or of texts that are not UTF-8, in one line."""
    reason, *_ = str(error).split("\n")
    return DataError(f"{content.name}: not readable as Parquet: {reason}")


def open_parquet(content: Content) -> Any:
    """Return what Arrow reads row groups from; of a remote file it reads only what it needs."""
    streamed = content.format.compression is None and is_remote(content.path)
    return content.path.open("rb") if streamed else seekable(content)


def seekable(content: Content) -> str | io.BytesIO:
    """Return the path, or the decompressed bytes of a compressed or remote file: the readers seek from the end."""
    if content.format.compression is None and not is_remote(content.path):
        return str(content.path)
    with content.open() as file:
        return io.BytesIO(file.read())


def check_size(file: pq.ParquetFile, content: Content) -> None:
    """Raise DataError if the decompressed column chunks exceed Limits.bytes in total."""
    metadata, limit = file.metadata, content.limits.bytes
    size = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if limit is not None and size > limit:
        raise DataError(f"{content.name} has more than {limit:,} bytes once decompressed; split it")


def texts_of(schema: pa.Schema) -> list[str]:
    """List the string and binary columns; read as dictionaries, a long repeated value is stored once."""
    kinds = (pa.types.is_string, pa.types.is_binary, pa.types.is_large_string, pa.types.is_large_binary)
    return [field.name for field in schema if any(kind(field.type) for kind in kinds)]


def check_lengths(batch: pa.RecordBatch, content: Content) -> None:
    """Raise DataError if a dictionary value exceeds Limits.line bytes, before it is copied to every row that has it."""
    limit = content.limits.line
    if limit is None:
        return
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if isinstance(column, pa.DictionaryArray):
            longest = pc.max(pc.binary_length(column.dictionary)).as_py() or 0
            if longest > limit:
                raise DataError(f"{content.name}: a value of {name!r} has {longest:,} bytes, more than {limit:,}")


def decode_columns(column: pa.Array, field: pa.Field) -> list[Any]:
    values: list[Any] = column.to_pylist()
    if field.metadata and field.metadata.get(b"content") == b"json":  # as a batch job writes values of several types
        return [None if value is None else json.loads(value) for value in values]
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return [text_of_bytes(value) for value in values]
    return values


def text_of_bytes(value: Any) -> Any:
    """Decode bytes as UTF-8; return any other value, or invalid UTF-8, unchanged."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value
