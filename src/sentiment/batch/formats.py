"""The files a batch job writes: CSV, TSV, JSON Lines and Parquet, plain or compressed."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from sentiment.errors import DataError
from sentiment.tables import STDIN, base_name

__all__ = ["DELIMITERS", "STDIN", "Format", "base_name"]

KINDS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
DELIMITERS = {"csv": ",", "tsv": "\t"}


@dataclass(frozen=True, slots=True)
class Format:
    kind: str  # csv, tsv, jsonl or parquet
    compression: str | None = None  # gzip or zstd

    @classmethod
    def of(cls, path: Path, key: str) -> "Format":
        """The format that a file's name tells; `key` is the setting that named the file."""
        suffix, compression = path.suffix.lower(), None
        if suffix in COMPRESSIONS:
            compression = COMPRESSIONS[suffix]
            suffix = Path(path.stem).suffix.lower()
        if suffix not in KINDS:
            raise DataError(f"{key}={path}: expected {', '.join(KINDS)}; all but the last also with .gz or .zst")
        if compression and KINDS[suffix] == "parquet":
            raise DataError(f"{key}={path}: Parquet compresses by itself; name it {path.stem}")
        return cls(KINDS[suffix], compression)

    def compress(self, text: str) -> bytes:
        """A text as bytes of a file; compressed, it is a member of its own, so that bytes may follow bytes."""
        if not self.compression:
            return text.encode("utf-8")
        buffer = pa.BufferOutputStream()
        with pa.CompressedOutputStream(buffer, self.compression) as stream:
            stream.write(text.encode("utf-8"))
        return bytes(buffer.getvalue().to_pybytes())
