"""Access to a table's bytes and characters: decompression, size limit and decoding."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from sentiment.config import extras
from sentiment.data.tables.formats import STDIN, Format, display_name
from sentiment.data.tables.options import Limits
from sentiment.errors import DataError
from sentiment.remote import is_remote

SAMPLE = 1 << 20  # bytes read ahead to guess the format from
CHUNK = 1 << 20  # bytes, or characters of text, per read
MAGIC = {  # signatures of binary formats, with a description and the right suffix
    b"\x1f\x8b": ("compressed by gzip", ".gz"),
    b"\x28\xb5\x2f\xfd": ("compressed by zstd", ".zst"),
    b"BZh91AY&": ("compressed by bzip2", ".gz, compressed by gzip instead"),
    b"\xfd7zXZ\x00": ("compressed by xz", ".gz, compressed by gzip instead"),
    b"PK\x03\x04": ("a zip archive or an Excel file", ".xlsx"),
    b"PAR1": ("a Parquet file", ".parquet"),
    b"\xd0\xcf\x11\xe0": ("an old Excel file", ".xlsx, saved as such"),
}


class BoundedReader(io.RawIOBase):
    """Raw stream that raises DataError once more than `limit` bytes were read from it."""

    def __init__(self, raw: BinaryIO, name: str, limit: int | None, *, start: bytes = b"") -> None:
        self.raw, self.name, self.limit = raw, name, limit
        self.start = memoryview(start)  # bytes already consumed from `raw`, returned first
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        piece = self.start[: len(buffer)] or self.raw.read(len(buffer))
        self.start = self.start[len(piece) :]
        buffer[: len(piece)] = piece
        self.count += len(piece)
        if self.limit is not None and self.count > self.limit:
            raise DataError(f"{self.name} has more than {self.limit:,} bytes once decompressed; split it")
        return len(piece)


@dataclass(slots=True)
class Content:
    """Contents of a file, which can be read repeatedly, or of standard input, which can be read once."""

    path: Path
    format: Format
    limits: Limits = field(default_factory=Limits)
    head: bytes = b""  # the first SAMPLE bytes, decompressed
    whole: bool = False  # True if `head` is the whole content
    opened: bool = False  # True once standard input was opened, and with that used up
    plain: bool = False  # True if all bytes were scanned and none is NUL or a carriage return

    def __post_init__(self) -> None:
        if self.path == STDIN:
            self.head = sys.stdin.buffer.read(SAMPLE)
        else:
            with self.open() as file:
                self.head = file.read(SAMPLE)
        self.whole = len(self.head) < SAMPLE
        for magic, (what, suffix) in MAGIC.items():
            if self.format.kind in ("csv", "tsv", "jsonl", "txt") and self.head.startswith(magic):
                raise DataError(f"{self.name} is {what}; name it {suffix}")

    @property
    def name(self) -> str:
        return display_name(self.path)

    @property
    def repeatable(self) -> bool:
        return self.path != STDIN

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the decompressed byte stream.

        Raises:
            DataError: Decompression fails, the limit is exceeded, or standard input is opened a second time.
        """
        if self.path == STDIN:
            if self.opened:
                raise DataError("standard input can be read only once; put it into a file")
            self.opened = True
            yield self._buffered(sys.stdin.buffer, start=self.head)
            return
        try:
            with self._decompressed() as raw:
                yield self._buffered(raw)
        except OSError as error:
            if error.errno is not None:  # an error of the file system; Arrow's errors about the content have no errno
                raise
            raise DataError(f"{self.path}: not readable as {self.path.suffix[1:]}: {error}") from error

    def _decompressed(self) -> BinaryIO:
        if self.format.compression is None:
            return cast(BinaryIO, self.path.open("rb") if is_remote(self.path) else self.path.open("rb", buffering=0))
        extras.require(str(self.path), ["sentiment.data.tables.parquet"])
        import pyarrow as pa

        source = self.path.open("rb") if is_remote(self.path) else str(self.path)
        return cast(BinaryIO, pa.input_stream(source, compression=self.format.compression))

    def _buffered(self, raw: BinaryIO, *, start: bytes = b"") -> BinaryIO:
        return io.BufferedReader(BoundedReader(raw, self.name, self.limits.bytes, start=start), CHUNK)

    @contextmanager
    def text(self, encoding: str, newline: str = "\n") -> Iterator[io.TextIOWrapper]:
        """Open the decoded stream, with lines split only at `newline`; DataError if the bytes are not `encoding`."""
        with self.open() as binary:
            file = io.TextIOWrapper(binary, encoding=encoding, newline=newline)
            try:
                yield file
            except UnicodeError as error:
                raise self.not_decodable(encoding) from error
            finally:
                file.detach()

    def not_decodable(self, encoding: str) -> DataError:
        """Build the error for undecodable bytes; it names the first bad line if the content can be read again."""
        title = "UTF-8" if encoding in ("utf-8", "utf-8-sig") else encoding
        fix = "save the file as UTF-8, or set encoding" if title == "UTF-8" else "set another encoding"
        if self.repeatable and not title.lower().startswith(("utf-16", "utf-32", "utf_16", "utf_32")):
            with self.open() as file:
                for number, line in enumerate(file, 1):
                    try:
                        line.decode(encoding)
                    except UnicodeDecodeError as error:
                        where = f"byte 0x{line[error.start]:02x} at column {error.start + 1}"
                        return DataError(f"{self.path}, line {number}: not {title} ({where}); {fix}")
        return DataError(f"{self.name} is not {title}; {fix}")
