"""What a batch job has done so far, on disk: a part for each chunk of rows, joined at the end.

A part counts once its JSON is there, and that comes after its rows; so a job that was killed goes on after the last
whole part, and no row is lost, doubled or out of order.
"""

import csv
import fcntl
import io
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sentiment.batch.formats import DELIMITERS, Format
from sentiment.errors import DataError
from sentiment.files import read_json, read_json_if_any, replacing, write_json


@dataclass(frozen=True, slots=True)
class Part:
    rows: int
    rejects: list[tuple[int, str]] = field(default_factory=list)  # row, counted from 1, and the reason
    labels: dict[str, int] = field(default_factory=dict)  # rows of each label


@dataclass(frozen=True, slots=True)
class Parts:
    folder: Path
    format: Format
    columns: list[str]  # of the output
    schema: pa.Schema | None  # of a Parquet output; None: as the values are

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the folder for this process; DataError where another job writes the same output."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise DataError(f"another job writes {self.folder}; let it end, or choose another output") from error
            yield

    def reopen(self, job: dict[str, Any]) -> list[Part]:
        """The parts done before by the same `job`; those of another one are dropped."""
        described = self.folder / "job.json"
        if read_json_if_any(described) != job:
            for path in self.folder.glob("part-*"):
                path.unlink()
            write_json(described, job)
        done: list[Part] = []
        while (marker := self._path(len(done), ".json")).is_file():
            value = read_json(marker)
            done.append(Part(value["rows"], [(row, reason) for row, reason in value["rejects"]], value["labels"]))
        return done

    def write(self, number: int, rows: Sequence[dict[str, Any]], part: Part) -> None:
        data = self._path(number, ".rows")
        if self.format.kind != "jsonl" and (more := {key for row in rows for key in row}.difference(self.columns)):
            raise DataError(f"a row has the key {min(more)!r}, which the first rows lack; write the output as .jsonl")
        if self.format.kind == "parquet":
            pq.write_table(self._table(rows), data)
        else:
            data.write_bytes(self.format.compress(self._text(rows)))
        write_json(self._path(number, ".json"), asdict(part))

    def join(self, count: int, target: Path) -> None:
        """All parts as one file."""
        paths = [self._path(number, ".rows") for number in range(count)]
        with replacing(target) as temporary:
            if self.format.kind == "parquet":
                self._join_parquet(paths, temporary)
            else:
                with temporary.open("wb") as file:
                    if self.format.kind in DELIMITERS:
                        file.write(self.format.compress(self._line(self.columns)))
                    for path in paths:
                        with path.open("rb") as rows:
                            shutil.copyfileobj(rows, file, 1 << 20)

    def remove(self) -> None:
        shutil.rmtree(self.folder)

    def _path(self, number: int, suffix: str) -> Path:
        return self.folder / f"part-{number:07d}{suffix}"

    def _text(self, rows: Sequence[dict[str, Any]]) -> str:
        if self.format.kind == "jsonl":
            return "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
        return "".join(self._line([cell(row.get(column)) for column in self.columns]) for row in rows)

    def _line(self, values: Sequence[str]) -> str:
        buffer = io.StringIO()
        csv.writer(buffer, delimiter=DELIMITERS[self.format.kind], lineterminator="\n").writerow(values)
        return buffer.getvalue()

    def _table(self, rows: Sequence[dict[str, Any]]) -> pa.Table:
        if self.schema is not None:
            return pa.Table.from_pylist(list(rows), schema=self.schema)
        return pa.table({column: [row.get(column) for row in rows] for column in self.columns})

    def _join_parquet(self, paths: Sequence[Path], temporary: Path) -> None:
        schemas = [pq.read_schema(path) for path in paths]
        schema = self.schema or pa.unify_schemas(schemas, promote_options="permissive")
        with pq.ParquetWriter(temporary, schema) as writer:
            for path in paths:
                writer.write_table(pq.read_table(path).cast(schema))


def cell(value: Any) -> str:
    """A value of any format as text for CSV; lists and objects as JSON."""
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)
