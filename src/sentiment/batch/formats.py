"""The files a batch job reads and writes: CSV, TSV, JSON Lines and Parquet, plain or compressed."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from sentiment.errors import DataError

STDIN = Path("-")
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


def base_name(path: Path) -> str:
    """out for out.csv, out.csv.gz and out.parquet."""
    name = path.stem if path.suffix.lower() in COMPRESSIONS else path.name
    return Path(name).stem


@contextmanager
def open_binary(path: Path) -> Iterator[BinaryIO]:
    """A file's bytes, decompressed; DataError where they cannot be."""
    if path == STDIN:
        yield sys.stdin.buffer
        return
    try:
        with pa.input_stream(str(path), compression="detect") as raw, io.BufferedReader(raw) as file:
            yield file
    except OSError as error:
        if error.errno is not None:  # the disk's own; Arrow's complaints about the content carry no number
            raise
        raise DataError(f"{path}: not readable as {path.suffix[1:]}: {error}") from error


@contextmanager
def open_text(path: Path) -> Iterator[io.TextIOWrapper]:
    """A file's text, line ends as they are; DataError with the line that is not UTF-8."""
    with open_binary(path) as binary:
        text = io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")
        try:
            yield text
        except UnicodeDecodeError as error:
            raise not_utf8(path) from error
        finally:
            text.detach()


def not_utf8(path: Path) -> DataError:
    if path != STDIN:
        with open_binary(path) as file:
            for number, line in enumerate(file, 1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as error:
                    where = f"byte 0x{line[error.start]:02x} at column {error.start + 1}"
                    return DataError(f"{path}, line {number}: not UTF-8 ({where}); save the file as UTF-8")
    return DataError(f"{name(path)} is not UTF-8; convert it to UTF-8")


def name(path: Path) -> str:
    return "standard input" if path == STDIN else str(path)
