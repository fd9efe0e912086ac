"""Rows of an input that a history does not hold yet."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sentiment.batch.scoring import OTHERS
from sentiment.batch.source import Source
from sentiment.data.tables import BrokenRow, Row
from sentiment.files import replacing
from sentiment.monitoring.groups import group_of
from sentiment.monitoring.history import History, key_of
from sentiment.monitoring.rows import Chunk, Columns, Skipped, batched, chunk_of
from sentiment.monitoring.times import Clock

ASPECT = "aspect"  # column of the new rows


def write_new(source: Source, clock: Clock, by: Sequence[str], store: History, target: Path) -> int:
    """Write key, time, group, text and any aspect of the rows that the history lacks, and return their number."""
    names = [("key", pa.int64()), ("time", store.time_type), ("group", pa.string()), ("text", pa.string())]
    schema = pa.schema([*names, (ASPECT, pa.string())] if source.aspect else names)
    count = 0
    with replacing(target) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for rows in batched(row for table in source.tables for row in table.rows(broken=source.broken)):
            times = clock.read([row.get(clock.column) for row in rows])
            kept = new_rows(rows, times, store, ())
            columns = [
                [key for _, key in kept], times[[i for i, _ in kept]].astype("datetime64[us]"),
                [group_of(rows[i], by) for i, _ in kept],
                [text if isinstance(text := rows[i].get(source.text), str) else None for i, _ in kept],
                *([[rows[i].get(source.aspect) for i, _ in kept]] if source.aspect else []),
            ]  # fmt: skip
            arrays = [pa.array(values, kind.type) for values, kind in zip(columns, schema, strict=True)]
            writer.write_table(pa.table(arrays, schema=schema))
            count += len(kept)
    return count


def new_rows(rows: Sequence[Row], times: Any, store: History, left_out: Sequence[str]) -> list[tuple[int, int]]:
    """Return position and key of the rows that have a time and are not in the history."""
    days = store.days(times)
    found = []
    for i, (row, day) in enumerate(zip(rows, days, strict=True)):
        if day == "NaT" or isinstance(row, BrokenRow):
            continue
        key = store.numbered(key_of(row, left_out))
        if store.is_new(str(day), key):
            found.append((i, key))
    return found


def added_columns(columns: Columns) -> list[str]:
    """Return the names of the columns that a prediction adds, which do not tell one row from another."""
    return [*columns.probabilities, *(f"{columns.prefix}{name}" for name in OTHERS)]


def append(source: Source, columns: Columns, clock: Clock, store: History, *, key_column: str | None) -> int:
    """Add the predicted rows that the history lacks, and return their number."""
    left_out = added_columns(columns)

    def fresh() -> Iterator[tuple[Chunk, Sequence[int]]]:
        for rows in batched(row for table in source.tables for row in table.rows(broken=source.broken)):
            times = clock.read([row.get(clock.column) for row in rows])
            if key_column:
                days = store.days(times)
                kept = [
                    (i, int(row[key_column]))
                    for i, row in enumerate(rows)
                    if store.is_new(str(days[i]), int(row[key_column]))
                ]
            else:
                kept = new_rows(rows, times, store, left_out)
            kept = [(i, key) for i, key in kept if rows[i].get(columns.probabilities[0]) not in (None, "")]
            if kept:
                yield chunk_of([rows[i] for i, _ in kept], columns, clock, Skipped()), [key for _, key in kept]

    return store.append(fresh())
