"""Progress of a batch job on disk: one part per chunk of rows, joined at the end.

`part-N.json` commits `part-N.rows` and holds its checksum. After a kill, the job therefore resumes with the missing and
damaged parts, and no row is lost, duplicated or out of order.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sentiment.batch.cells import Changes, from_json, to_json
from sentiment.batch.encoders import Encoder
from sentiment.data.tables import Row
from sentiment.errors import DamagedFileError, DataError, SentimentError
from sentiment.files import locked, put_in_place, read_json, read_json_if_any, replacing, write_bytes, write_json
from sentiment.remote import is_remote, list_files, remove_files

JOB = "job.json"
LOCK = "lock"
LEFT = ("unreadable", "abstained")  # counts of rows without a prediction
Rejects = Sequence[tuple[int, str]]  # row number from 1, and the reason


@dataclass(frozen=True, slots=True)
class Part:
    rows: int
    rejected: int = 0
    labels: dict[str, int] = field(default_factory=dict)  # rows by predicted label
    unreadable: int = 0  # rows whose text the model cannot read
    abstained: int = 0  # rows left to a person, unreadable ones included
    layers: dict[str, int] = field(default_factory=dict)  # rows by how many layers computed them, with early exits
    changes: Changes = field(default_factory=Counter)  # values that were changed to fit the format


class DamagedPartError(Exception):
    """A part on disk is missing or does not match its checksum."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(frozen=True, slots=True)
class Parts:
    folder: Path
    encoder: Encoder
    columns: frozenset[str] | None = None  # output columns; None allows any keys in a row
    identity: Mapping[str, Any] = field(default_factory=dict)  # of the job; all that decides what the parts hold

    @property
    def job_hash(self) -> str:
        return hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()[:16]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold an exclusive lock on the folder; DataError if another job writes the same output."""
        if is_remote(self.folder):  # no locks there: each part names its job instead
            yield
            return
        while True:
            busy = DataError(f"another job writes {self.folder}; let it end, or choose another output")
            with locked(self.folder / LOCK, busy=busy) as lock:
                if not _same_file(lock, self.folder / LOCK):
                    continue  # the previous job ended in between and removed the folder
                yield
                return

    def job(self) -> dict[str, Any] | None:
        """Read the identity of the job that wrote the parts; None if it is missing or damaged."""
        try:
            found = read_json_if_any(self.folder / JOB)
        except DamagedFileError:
            return None
        return found if isinstance(found, dict) else None

    def any(self) -> bool:
        return bool(list_files(self.folder, "part-*"))

    def start(self) -> None:
        """Delete all parts and record the identity of the job."""
        self._drop_parts()
        write_json(self.folder / JOB, self.identity)

    def check_owned(self) -> None:
        """Raise DataError if another job has begun to write the same remote output; a local folder is locked."""
        if is_remote(self.folder) and self.job() != self.identity:
            raise DataError(
                f"another job has begun to write {self.folder}, or it was removed; let it end, or choose another output"
            )

    def done(self) -> tuple[dict[int, Part], list[int]]:
        """Verify all committed parts; returns the intact ones by number, and the numbers of the damaged ones."""
        done: dict[int, Part] = {}
        damaged: list[int] = []
        for marker in list_files(self.folder, "part-*.json"):
            number = int(marker.stem.removeprefix("part-"))
            try:
                done[number] = self._part(number)
            except DamagedPartError:
                damaged.append(number)
        return done, damaged

    def committed(self, numbers: Iterable[int]) -> dict[int, Part]:
        """Return the intact ones of these parts, which this job committed before."""
        done = {}
        for number in numbers:
            with suppress(DamagedPartError):
                done[number] = self._part(number)
        return done

    def write(self, number: int, rows: Sequence[Row], part: Part, rejects: Rejects) -> Part:
        """Write and commit part `number`, counted from 0.

        Returns:
            `part` with the changes that the encoder made.

        Raises:
            DataError: A row has a key that is not an output column.
        """
        if self.columns is not None and (more := {key for row in rows for key in row}.difference(self.columns)):
            raise DataError(f"a row has the key {min(more)!r}, which the first rows lack; write the output as .jsonl")
        data, changes = self.encoder.encode(rows)
        path = self._path(number, ".rows")
        write_bytes(path, data)
        marker = {
            "job": self.job_hash,
            "rows": part.rows,
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "rejects": rejects,
            "labels": part.labels,
            **{name: getattr(part, name) for name in LEFT},
            "layers": part.layers,
            "changes": to_json(changes),
        }
        write_json(self._path(number, ".json"), marker)
        return replace(part, changes=changes)

    def join(self, count: int, target: Path) -> Changes:
        """Join the parts 0 to `count` - 1 and move the result to `target`, which is unchanged on failure.

        Returns:
            The changes made to values while joining.

        Raises:
            DamagedPartError: A part is missing or does not match its checksum.
        """
        if is_remote(target):
            with replacing(target) as joined:
                return self.encoder.join(Contents(self, count), joined)
        joined = self.folder / "joined"  # inside the folder, so that a killed job leaves nothing beside the output
        changes = self.encoder.join(Contents(self, count), joined)
        put_in_place(joined, target)
        return changes

    def rejects(self, count: int) -> Iterator[tuple[int, str]]:
        """Yield all rejected rows in order."""
        for number in range(count):
            yield from (tuple(reject) for reject in self._marker(number)["rejects"])

    def remove(self) -> None:
        self._drop_parts()
        remove_files([self.folder / JOB])
        if is_remote(self.folder):
            return
        remove_files([self.folder / LOCK])
        try:
            self.folder.rmdir()
        except OSError:  # the folder holds a foreign file
            return

    def _drop_parts(self) -> None:
        for pattern in ("part-*", "joined*", ".*.tmp"):  # a killed job may leave the last two
            remove_files(list_files(self.folder, pattern))

    def _part(self, number: int) -> Part:
        value = self._marker(number)
        self._content(number)
        own = {name: value.get(name, 0) for name in LEFT} | {"layers": value.get("layers", {})}
        return Part(value["rows"], len(value["rejects"]), value["labels"], **own, changes=from_json(value["changes"]))

    def _marker(self, number: int) -> dict[str, Any]:
        try:
            value = read_json(self._path(number, ".json"))
            known = {"rows", "bytes", "sha256", "rejects", "labels", "changes"}.issubset(value)
            if not known or value.get("job") != self.job_hash:
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
    """Re-iterable over the bytes of the first `count` parts; each is verified against its checksum."""

    parts: Parts
    count: int

    def __iter__(self) -> Iterator[bytes]:
        return map(self.parts._content, range(self.count))


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
