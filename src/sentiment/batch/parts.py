"""Progress of a batch job on disk: one part per chunk of rows, joined at the end or kept as a partitioned output.

`part-N.json` commits `part-N.rows` and holds its checksum. After a kill, the job therefore resumes with the missing and
damaged parts, and no row is lost, duplicated or out of order.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sentiment.batch.cells import Changes
from sentiment.batch.encoders import Encoder
from sentiment.batch.parquet import ParquetEncoder, schema_hash
from sentiment.batch.part import MARKED, Part, Rejects
from sentiment.data.tables import MANIFEST, Row
from sentiment.errors import DamagedFileError, DataError, SentimentError
from sentiment.files import locked, put_in_place, read_json, read_json_if_any, replacing, write_bytes, write_json
from sentiment.remote import is_remote, list_files, listing, remove_files

JOB = "job.json"
LOCK = "lock"


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
    output: Path | None = None  # folder that keeps the rows of the parts, for a partitioned output
    suffix: str = ".rows"

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
        return bool(list_files(self.output or self.folder, "part-*"))

    def start(self) -> None:
        """Record the identity of the job and delete all parts, which count for nothing once they are another job's."""
        write_json(self.folder / JOB, self.identity)
        if self.output is not None:
            remove_files([self.output / MANIFEST])
            remove_files(list_files(self.output, f"part-*{self.suffix}"))
        self._drop_parts()

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
        schema = schema_hash(data) if self.output and isinstance(self.encoder, ParquetEncoder) else ""
        return self._commit(number, data, replace(part, changes=changes, schema=schema), rejects)

    def _commit(self, number: int, data: bytes, part: Part, rejects: Rejects) -> Part:
        """Write the rows of a part, then the marker that commits them; returns the part with their checksum."""
        part = replace(part, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
        write_bytes(self._rows(number), data)
        write_json(self._path(number, ".json"), part.marker(self.job_hash, rejects))
        return part

    def settle(self, done: dict[int, Part]) -> None:
        """Make the committed parts of a partitioned output one table: none is missing, and all have one schema.

        Args:
            done: All parts by number; updated in place.

        Raises:
            DamagedPartError: A part is missing or was cut short.
        """
        assert self.output is not None
        if not done:  # the columns of an input without rows
            done[0] = self.write(0, [], Part(0), [])
        there = listing(self.output)
        for number, part in done.items():
            if there.get(self._rows(number).name) != part.bytes:
                raise DamagedPartError(number)
        if isinstance(self.encoder, ParquetEncoder) and len({part.schema for part in done.values()}) > 1:
            for number, data, schema, changes in self.encoder.aligned(Contents(self, len(done))):
                part = replace(done[number], schema=schema, changes=done[number].changes + changes)
                done[number] = self._commit(number, data, part, self._marker(number)["rejects"])

    def files(self, done: Mapping[int, Part]) -> list[dict[str, Any]]:
        """Return what the manifest of a partitioned output says of each part."""
        return [
            {"file": self._rows(number).name, "rows": part.rows, "bytes": part.bytes, "sha256": part.sha256}
            for number, part in sorted(done.items())
        ]

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

    def rejects(self, done: Mapping[int, Part]) -> Iterator[tuple[int, str]]:
        """Yield all rejected rows in order."""
        for number in sorted(number for number, part in done.items() if part.rejected):
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
        marker = self._marker(number)
        self._read(number, marker)
        return Part.of_marker(marker)

    def _marker(self, number: int) -> dict[str, Any]:
        try:
            value = read_json(self._path(number, ".json"))
            known = MARKED.issubset(value)
            if not known or value.get("job") != self.job_hash:
                raise DamagedPartError(number)
        except (OSError, ValueError, TypeError, SentimentError) as error:
            raise DamagedPartError(number) from error
        return dict(value)

    def content(self, number: int) -> bytes:
        """Return the rows of a committed part. Raises DamagedPartError if they are not what its marker says."""
        return self._read(number, self._marker(number))

    def _read(self, number: int, marker: Mapping[str, Any]) -> bytes:
        try:
            data = self._rows(number).read_bytes()
        except FileNotFoundError as error:
            raise DamagedPartError(number) from error
        if len(data) != marker["bytes"] or hashlib.sha256(data).hexdigest() != marker["sha256"]:
            raise DamagedPartError(number)
        return data

    def _path(self, number: int, suffix: str) -> Path:
        return self.folder / f"part-{number:07d}{suffix}"

    def _rows(self, number: int) -> Path:
        return (self.output or self.folder) / f"part-{number:07d}{self.suffix}"


@dataclass(frozen=True, slots=True)
class Contents:
    """Re-iterable over the bytes of the first `count` parts; each is verified against its checksum."""

    parts: Parts
    count: int

    def __iter__(self) -> Iterator[bytes]:
        return map(self.parts.content, range(self.count))


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
