"""Rows that were read once, kept in a temporary file for the second reading."""

import pickle
import tempfile
from collections.abc import Iterator

from sentiment.monitoring.rows import Chunk

MOST = 1 << 30  # bytes; a larger table is read again


class Spool:
    """Chunks in a temporary file, as a context; reading them back takes a tenth of parsing the table again."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._file = tempfile.TemporaryFile()  # noqa: SIM115, closed by __exit__
        self.complete = True

    def add(self, chunk: Chunk) -> None:
        """Keep a chunk, unless too much is kept: then none is, and `complete` is False."""
        if not self.complete:
            return
        try:
            pickle.dump(chunk, self._file, pickle.HIGHEST_PROTOCOL)
            self.complete = self._file.tell() <= self._most
        except OSError:  # the temporary folder is full
            self.complete = False
        if not self.complete:
            self._file.close()

    def chunks(self) -> Iterator[Chunk]:
        end = self._file.tell()
        self._file.seek(0)
        while self._file.tell() < end:
            yield pickle.load(self._file)

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
