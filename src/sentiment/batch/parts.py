"""What a batch job has done so far, on disk: a part for each chunk of rows, joined at the end.

`part-N.json` commits `part-N.rows` and holds its checksum; so a job that was killed goes on with the parts that are
missing, a damaged one is done again, and no row is lost, doubled or out of order.
"""

import fcntl
import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sentiment.batch.cells import Changes, from_json, to_json
from sentiment.batch.encoders import Encoder
from sentiment.data.tables import Row
from sentiment.errors import DataError, SentimentError
from sentiment.files import put_in_place, read_json, sync, write_json

JOB = "job.json"
LOCK = "lock"
Rejects = Sequence[tuple[int, str]]  # a row, counted from 1, and the reason


@dataclass(frozen=True, slots=True)
class Part:
    rows: int
    rejected: int = 0
    labels: dict[str, int] = field(default_factory=dict)  # rows of each label
    changes: Changes = field(default_factory=Counter)  # values that the format could not hold as they were


class DamagedPartError(Exception):
    """The rows of a part are not what was written."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(frozen=True, slots=True)
class Parts:
    folder: Path
    encoder: Encoder
    columns: frozenset[str] | None = None  # of the output; None: a row may have any keys

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the folder for this process; DataError where another job writes the same output."""
        while True:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / LOCK).open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError as error:
                    raise DataError(
                        f"another job writes {self.folder}; let it end, or choose another output"
                    ) from error
                if not _same_file(lock.fileno(), self.folder / LOCK):
                    continue  # the job before ended in between, and took the folder with it
                yield
                return

    def job(self) -> dict[str, Any] | None:
        """What job the parts are of; None where there are none, or where that cannot be read."""
        try:
            found = read_json(self.folder / JOB)
        except (OSError, ValueError, SentimentError):
            return None
        return found if isinstance(found, dict) else None

    def any(self) -> bool:
        return any(self.folder.glob("part-*"))

    def start(self, job: dict[str, Any]) -> None:
        """Drop the parts there are, and say what job the next ones are of."""
        self._drop_parts()
        write_json(self.folder / JOB, job)

    def done(self) -> tuple[dict[int, Part], list[int]]:
        """The parts that are whole, by number, and the numbers of those that are damaged."""
        done: dict[int, Part] = {}
        damaged: list[int] = []
        for marker in sorted(self.folder.glob("part-*.json")):
            number = int(marker.stem.removeprefix("part-"))
            try:
                value = self._marker(number)
                self._content(number)
                done[number] = Part(value["rows"], len(value["rejects"]), value["labels"], from_json(value["changes"]))
            except DamagedPartError:
                damaged.append(number)
        return done, damaged

    def write(self, number: int, rows: Sequence[Row], part: Part, rejects: Rejects) -> Part:
        """Put the rows of a chunk on the disk."""
        if self.columns is not None and (more := {key for row in rows for key in row}.difference(self.columns)):
            raise DataError(f"a row has the key {min(more)!r}, which the first rows lack; write the output as .jsonl")
        data, changes = self.encoder.encode(rows)
        path = self._path(number, ".rows")
        path.write_bytes(data)
        sync(path)
        marker = {
            "rows": part.rows,
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "rejects": rejects,
            "labels": part.labels,
            "changes": to_json(changes),
        }
        write_json(self._path(number, ".json"), marker)
        return Part(part.rows, part.rejected, part.labels, changes)

    def join(self, count: int, target: Path) -> Changes:
        """Write all parts as one file. Raises DamagedPartError, and leaves `target` as it was, where one is."""
        joined = self.folder / "joined"  # here, so that a kill leaves nothing beside the output
        changes = self.encoder.join(Contents(self, count), joined)
        put_in_place(joined, target)
        return changes

    def rejects(self, count: int) -> Iterator[tuple[int, str]]:
        """All rejected rows, in order."""
        for number in range(count):
            yield from (tuple(reject) for reject in self._marker(number)["rejects"])

    def remove(self) -> None:
        self._drop_parts()
        for name in (JOB, LOCK):
            (self.folder / name).unlink(missing_ok=True)
        try:
            self.folder.rmdir()
        except OSError:  # somebody keeps a file here
            return

    def _drop_parts(self) -> None:
        for pattern in ("part-*", "joined*", ".*.tmp"):  # a kill may leave the last two
            for path in self.folder.glob(pattern):
                path.unlink()

    def _marker(self, number: int) -> dict[str, Any]:
        try:
            value = read_json(self._path(number, ".json"))
            if not {"rows", "bytes", "sha256", "rejects", "labels", "changes"}.issubset(value):
                raise DamagedPartError(number)
        except (OSError, ValueError, TypeError, SentimentError) as error:
            raise DamagedPartError(number) from error
        return dict(value)

    def _content(self, number: int) -> bytes:
        marker = self._marker(number)
        try:
            data = self._path(number, ".rows").read_bytes()
        except FileNotFoundError as error:
            raise DamagedPartError(number) from error
        if len(data) != marker["bytes"] or hashlib.sha256(data).hexdigest() != marker["sha256"]:
            raise DamagedPartError(number)
        return data

    def _path(self, number: int, suffix: str) -> Path:
        return self.folder / f"part-{number:07d}{suffix}"


@dataclass(frozen=True, slots=True)
class Contents:
    """The bytes of the first `count` parts, each held to its checksum; can be iterated again."""

    parts: Parts
    count: int

    def __iter__(self) -> Iterator[bytes]:
        return map(self.parts._content, range(self.count))


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
