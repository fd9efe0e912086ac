"""History of a monitor that runs every day: a Parquet folder partitioned by day, to which new rows are added."""

import glob
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sentiment.data.tables import Row
from sentiment.errors import DamagedFileError, DataError
from sentiment.files import locked, read_json_if_any, replacing, write_json
from sentiment.inference.exclusive import Single
from sentiment.inference.multilabel import Multi
from sentiment.inference.wording import REASON
from sentiment.monitoring.rows import Chunk
from sentiment.monitoring.times import Times, local_of
from sentiment.remote import access, find, is_remote, list_files
from sentiment.shell import written

FLUSHED = 100_000  # rows in memory before they are written
KEY = "key"
ABOUT = "monitor_history.json"


@dataclass
class History:
    """Folder of predicted rows with the columns key, time, group, text, p_<label> and why a text cannot be read.

    Parts of an earlier version lack the last.
    """

    folder: Path
    labels: Sequence[str]
    zone: str = "UTC"  # of the days
    keys: dict[str, set[int]] = field(default_factory=dict)
    given: Counter[int] = field(default_factory=Counter)  # equal rows of the input so far
    writer: str = field(default_factory=lambda: uuid4().hex)  # this monitor, in a store, which has no locks

    def check(self, about: Mapping[str, Any]) -> None:
        """Record what the rows are made with, or check that it is the same as before.

        A folder of an earlier version does not say all of it; what it lacks is recorded now.

        Raises:
            DataError: The folder holds rows of another model or other columns, or other files.
        """
        path, about = self.folder / ABOUT, dict(json.loads(json.dumps(about)))
        before = read_json_if_any(path)
        if before is None:
            if self.folder.is_dir() and any(self.folder.iterdir()):
                raise DataError(f"history={self.folder} is a folder with other files (no {ABOUT}); name another one")
            write_json(path, about | self.writing)
            return
        if not isinstance(before, dict):
            raise DamagedFileError(f"{path} is damaged: it holds no object; restore it, or name another history")
        before.setdefault("task", Single.kind)
        before.setdefault("times_stored_in", before.get("time_zone", "UTC"))
        changed = next((key for key in about if key in before and before[key] != about[key]), None)
        if changed is not None:
            raise DataError(
                f"history={self.folder} was made with {difference(changed, before[changed], about[changed])}; "
                "name another folder, or go on with the same"
            )
        if self.writing or not about.keys() <= before.keys():
            write_json(path, before | about | self.writing)

    @property
    def writing(self) -> dict[str, str]:
        """The monitor that began last to add to a history in a store, as its record names it; empty on a local disk."""
        return {"writer": self.writer} if is_remote(self.folder) else {}

    def check_owned(self) -> None:
        """Raise DataError if another monitor has begun to add to a remote folder, which would double rows."""
        if self.writing and (read_json_if_any(self.folder / ABOUT) or {}).get("writer") != self.writer:
            raise DataError(
                f"another monitor has begun to add to history={self.folder}; let it end, and give the command again"
            )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other monitors from adding to a folder of this machine; in a store `check_owned` ends the one before."""
        if is_remote(self.folder):
            yield
            return
        with locked(self.folder.with_name(f".{self.folder.name}.lock")):
            yield

    @property
    def several(self) -> bool:
        """True if the rows may have several labels."""
        return (read_json_if_any(self.folder / ABOUT) or {}).get("task") == Multi.kind

    @property
    def pattern(self) -> str:
        return f"{glob.escape(str(self.folder)).rstrip('/')}/day=*/*.parquet"

    def is_empty(self) -> bool:
        return not (find(self.pattern) if is_remote(self.folder) else glob.glob(self.pattern))

    def known(self, day: str) -> set[int]:
        """Return the keys of a day's rows."""
        if day not in self.keys:
            parts = list_files(self.folder / f"day={day}", "*.parquet")
            self.keys[day] = {key for part in parts for key in keys_of(part)}
        return self.keys[day]

    def numbered(self, key: int) -> int:
        """Return the key of a row of the input: its own, or for each equal row after the first another one.

        So a day that is sent again adds nothing, and two equal rows of one day are two.
        """
        self.given[key] += 1
        return key if self.given[key] == 1 else hashed(f"{key} {self.given[key]}")

    def is_new(self, day: str, key: int) -> bool:
        """Return True for a key that neither the history nor this input had before, and remember it."""
        if key in self.known(day):
            return False
        self.keys[day].add(key)
        return True

    def append(self, rows: Iterable[tuple[Chunk, Sequence[int]]]) -> int:
        """Add rows with their keys and return their number; a part is whole or absent."""
        count, waiting = 0, list[tuple[Chunk, Sequence[int]]]()
        for chunk, keys in rows:
            waiting.append((chunk, keys))
            count += len(chunk)
            if sum(len(one) for one, _ in waiting) >= FLUSHED:
                self.write(waiting)
                waiting = []
        self.write(waiting)
        return count

    def write(self, rows: Sequence[tuple[Chunk, Sequence[int]]]) -> None:
        days: dict[str, list[tuple[Chunk, Any]]] = {}
        for chunk, keys in rows:
            names = self.days(chunk.times)
            for day in np.unique(names):
                at = np.flatnonzero(names == day)
                days.setdefault(str(day), []).append((chunk.take(at), np.asarray(keys)[at]))  # type: ignore[arg-type]
        for day, parts in days.items():
            self.check_owned()
            table = pa.concat_tables([self.table_of(chunk, keys) for chunk, keys in parts])
            name = hashlib.sha256(np.concatenate([keys for _, keys in parts]).tobytes()).hexdigest()[:16]
            with replacing(self.folder / f"day={day}" / f"{name}.parquet") as temporary:
                pq.write_table(table, temporary, compression="zstd")

    def table_of(self, chunk: Chunk, keys: Any) -> pa.Table:
        columns = {
            KEY: pa.array(keys, pa.int64()),
            "time": pa.array(chunk.times.astype("datetime64[us]"), self.time_type),
            "group": pa.array(chunk.groups, pa.string()),
            "text": pa.array(chunk.texts, pa.string()),
            "prediction": pa.array(chunk.names(self.labels), pa.string()),
        }
        for label, column in zip(self.labels, chunk.probabilities.T, strict=True):
            columns[f"p_{label}"] = pa.array(column, pa.float64())
        columns[REASON] = pa.array([why or None for why in chunk.reasons or [""] * len(chunk)], pa.string())
        return pa.table(columns)

    @property
    def time_type(self) -> pa.DataType:
        """Type of the times; with a zone other than UTC they say that they are in UTC."""
        return pa.timestamp("us", None if self.zone == "UTC" else "UTC")

    def days(self, times: Times) -> Any:
        """Return the day of each time in the zone, as text; NaT where there is none."""
        return np.datetime_as_string(local_of(times, self.zone).astype("datetime64[D]"))


def keys_of(part: Path) -> Any:
    with access(part), part.open("rb") as file:
        try:
            return pq.read_table(file, columns=[KEY])[KEY].to_pylist()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, KeyError, OSError) as error:
            reason = str(error).partition("\n")[0]
            raise DamagedFileError(
                f"{part} is no part of a history: {reason}; remove its folder, and give the rows of that day again"
            ) from error


def key_of(row: Row, left_out: Iterable[str]) -> int:
    """Hash the values of a row, without those of the columns that a prediction adds, to 63 bits."""
    values = {name: str(value) for name, value in row.items() if name not in left_out and value not in (None, "")}
    return hashed(json.dumps(values, sort_keys=True, ensure_ascii=True))


def hashed(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def difference(key: str, before: Any, now: Any) -> str:
    """Describe how two values of a record differ; of a model by its first key that does."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        part = next(one for one in {**now, **before} if before.get(one) != now.get(one))
        return difference(f"{key}.{part}", before.get(part), now.get(part))
    shown = ["one that scored the texts" if isinstance(one, Mapping) else written(one) for one in (before, now)]
    return f"{key}={shown[0]}, now it is {shown[1]}"
