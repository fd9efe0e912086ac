"""Chunks of a job that a worker on any machine reads, scores and writes by itself: no row passes through the driver."""

import math
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Protocol, runtime_checkable

from sentiment.batch.part import Part
from sentiment.batch.parts import Parts
from sentiment.batch.scoring import Cells, Columns, scored
from sentiment.data.tables import Broken, Row, Table, TableOptions, open_table
from sentiment.inference.types import Classifier
from sentiment.remote import is_remote

MOST_CHUNKS = 64  # chunks of a block, at most
BLOCKS = 8  # blocks for each worker, at least, so that all end at about the same time


@dataclass(frozen=True, slots=True)
class Work:
    """A job without its rows, which workers can be sent.

    Args:
        files: Address and number of rows of each input file.
        options: Options for reading them.
        broken: Handling of malformed lines.
        cells: The columns to read.
        columns: The columns to add.
        parts: Where the parts are written; every machine sees the folder.
        chunk: Rows of a part.
    """

    files: tuple[tuple[str, int], ...]
    options: TableOptions
    broken: Broken
    cells: Cells
    columns: Columns
    parts: Parts
    chunk: int

    def anywhere(self) -> "Work":
        """Return the work with absolute paths, as workers have other working folders."""
        files = tuple((path if "://" in path else str(Path(path).absolute()), rows) for path, rows in self.files)
        parts = self.parts
        if not is_remote(parts.folder):
            parts = replace(parts, folder=parts.folder.absolute(), output=parts.output and parts.output.absolute())
        columns = None if self.options.columns is None else tuple(self.options.columns)
        return replace(self, files=files, parts=parts, options=replace(self.options, columns=columns))

    def blocks(self, done: Container[int], workers: int) -> list[tuple[int, int]]:
        """Cut the chunks into blocks (first, end) for the workers, without those that hold no missing chunk."""
        count = math.ceil(sum(rows for _, rows in self.files) / self.chunk)
        size = max(1, min(MOST_CHUNKS, count // (BLOCKS * workers)))
        blocks = [(first, min(first + size, count)) for first in range(0, count, size)]
        return [(first, end) for first, end in blocks if any(number not in done for number in range(first, end))]

    def write(self, engine: Classifier, first: int, end: int) -> Iterator[tuple[int, Part]]:
        """Score and commit the chunks from `first` to before `end`; parts that were committed before are kept."""
        done = self.parts.committed(range(first, end))
        yield from done.items()
        rows = islice(self.rows(first * self.chunk), (end - first) * self.chunk)
        for part in scored(rows, self.cells, engine, self.columns, chunk=self.chunk, done=done, start=first):
            yield part.number, self.parts.write(part.number, part.rows, part.part, part.rejects)

    def rows(self, start: int) -> Iterator[Row]:
        """Yield the rows from number `start`; the files before it are not read, nor the row groups of Parquet."""
        for path, count in self.files:
            if start < count:
                yield from opened(path, self.options, self.broken).rows(broken=self.broken, start=start)
            start = max(0, start - count)


@runtime_checkable
class Distributed(Protocol):
    """An engine whose workers read and write the files of a job by themselves."""

    def write_parts(self, work: Work, done: Container[int]) -> Iterator[tuple[int, Part]]:
        """Write the parts that are missing from `done` and yield each with its number, in any order."""
        ...


@cache
def opened(path: str, options: TableOptions, broken: Broken) -> Table:
    """Open a table once for each worker: what is guessed of it takes a look at the whole file."""
    return open_table(path, options, broken=broken)
