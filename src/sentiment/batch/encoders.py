"""Encoders for CSV, TSV and JSON Lines: rows to the bytes of one part, and all parts to the output."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from sentiment.batch.cells import Changes, cell, guard, json_text, writable
from sentiment.data.csv_output import csv_text
from sentiment.data.tables import Row

Rows = Sequence[Row]
BOM = "\ufeff"  # by which Excel knows that a file is UTF-8


class Encoder(Protocol):
    def encode(self, rows: Rows) -> tuple[bytes, Changes]:
        """Encode the rows of one part; returns the bytes and the changes made to values."""
        ...

    def join(self, parts: Iterable[bytes], target: Path) -> Changes:
        """Write all parts to one output and return the changes made to values.

        Args:
            parts: Bytes of each part, in order. `Parts.join` passes an iterable that can be iterated repeatedly.
            target: The file to write.
        """
        ...


@dataclass(frozen=True, slots=True)
class Compression:
    """Compressor that makes each text a separate gzip member or zstd frame, so that parts can be concatenated."""

    name: str | None  # gzip, zstd or None

    def __call__(self, text: str) -> bytes:
        data = text.encode("utf-8")
        if not self.name:
            return data
        buffer = pa.BufferOutputStream()
        with pa.CompressedOutputStream(buffer, self.name) as stream:
            stream.write(data)
        return bytes(buffer.getvalue().to_pybytes())


@dataclass(frozen=True, slots=True)
class DelimitedEncoder:
    """Encoder for CSV and TSV; with `spreadsheet_safe`, formula-like texts get a ' prefix, and the file gets a BOM.

    With `whole`, each part is a file with a header.
    """

    columns: Sequence[str]
    delimiter: str
    compress: Compression
    spreadsheet_safe: bool = False
    whole: bool = False

    def encode(self, rows: Rows) -> tuple[bytes, Changes]:
        changes: Changes = Counter()
        try:
            text = self._text(rows, changes)
            return self.compress(self._header() + text if self.whole else text), changes
        except ValueError:  # values that UTF-8 or JSON cannot represent are rare, so they are replaced only on failure
            changes.clear()
            text = self._text([writable(row, changes, numbers=True) for row in rows], changes)
            return self.compress(self._header() + text if self.whole else text), changes

    def join(self, parts: Iterable[bytes], target: Path) -> Changes:
        with target.open("wb") as file:
            file.write(self.compress(self._header()))
            file.writelines(parts)
        return Counter()

    def _header(self) -> str:
        if not self.spreadsheet_safe:
            return csv_text([self.columns], delimiter=self.delimiter)
        return BOM + csv_text([[guard(column) for column in self.columns]], delimiter=self.delimiter)

    def _text(self, rows: Rows, changes: Changes) -> str:
        columns = self.columns
        if not self.spreadsheet_safe:
            return csv_text(([cell(row.get(column)) for column in columns] for row in rows), delimiter=self.delimiter)
        safe = ([self._safe(row.get(column), column, changes) for column in columns] for row in rows)
        return csv_text(safe, delimiter=self.delimiter)

    def _safe(self, value: Any, column: str, changes: Changes) -> str:
        text = cell(value)
        guarded = guard(text) if isinstance(value, str) else text
        if guarded is not text and guarded != text:
            changes["formula", column] += 1
        return guarded


@dataclass(frozen=True, slots=True)
class JsonEncoder:
    """Encoder for JSON Lines."""

    compress: Compression

    def encode(self, rows: Rows) -> tuple[bytes, Changes]:
        changes: Changes = Counter()
        try:
            return self._bytes(rows), changes
        except ValueError:
            rows = [writable(row, changes, numbers=False) for row in rows]
            return self._bytes(rows), changes

    def join(self, parts: Iterable[bytes], target: Path) -> Changes:
        with target.open("wb") as file:
            file.writelines(parts)
        return Counter()

    def _bytes(self, rows: Rows) -> bytes:
        return self.compress("".join(f"{json_text(row)}\n" for row in rows))
