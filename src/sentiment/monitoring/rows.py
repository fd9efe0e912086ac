"""Predicted rows as arrays, in chunks of bounded size, from any table that the batch job reads or writes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from sentiment.batch.source import Source
from sentiment.data.tables import BrokenRow, Row, label_value
from sentiment.errors import DataError
from sentiment.monitoring.periods import Clock, Times

CHUNK = 8192  # rows
ALL = "all"
EMPTY = "(none)"
LONGEST = 80  # characters of a group's name
UNKNOWN = -1  # target of a row whose true label is not known
SEVERAL = (
    "the model gives several labels a text (task=multi), and the monitor estimates shares of labels that exclude each "
    "other; FILE.summary.json of sentiment predict has the share of the texts that got each label"
)


@dataclass(frozen=True)
class Columns:
    """Names of the columns that the monitor reads."""

    text: str
    labels: Sequence[str]
    prefix: str = ""
    time: str | None = None
    by: str | None = None
    true: str | None = None

    @property
    def probabilities(self) -> list[str]:
        return [f"{self.prefix}p_{label}" for label in self.labels]

    @property
    def read(self) -> list[str]:
        return list(dict.fromkeys(filter(None, (self.text, self.time, self.by, self.true, *self.probabilities))))


@dataclass(frozen=True)
class Chunk:
    """Rows that have a prediction and a time.

    Args:
        times: (n,) datetime64[s]; the epoch where there is no time column.
        groups: Value of the group column of each row.
        texts: The texts.
        probabilities: (n, k).
        targets: (n,) index of the true label, UNKNOWN where it is not known; None without a column of them.
    """

    times: Times
    groups: list[str]
    texts: list[str]
    probabilities: Any
    targets: Any = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def decided(self) -> "Chunk":
        """The rows for which a label is more probable than another; of a text that cannot be read all are equal."""
        return self.take(np.flatnonzero(np.ptp(self.probabilities, axis=1) > 0))  # type: ignore[arg-type]

    def take(self, rows: Sequence[int]) -> "Chunk":
        groups, texts = [self.groups[i] for i in rows], [self.texts[i] for i in rows]
        targets = None if self.targets is None else self.targets[rows]
        return Chunk(self.times[rows], groups, texts, self.probabilities[rows], targets)


@dataclass
class Skipped:
    """Rows that are not counted, by reason."""

    unpredicted: int = 0
    untimed: int = 0
    repeated: int = 0
    undecided: int = 0  # of the rows that the others leave

    @property
    def rows(self) -> int:
        return self.unpredicted + self.untimed + self.repeated


def labels_of(columns: Sequence[str], prefix: str) -> list[str] | None:
    """Return the labels of a table that is already predicted; None if it is not.

    Raises:
        DataError: It has the column of predicted labels, but no probabilities.
    """
    if f"{prefix}prediction" not in columns:
        return None
    start = f"{prefix}p_"
    labels = [name.removeprefix(start) for name in columns if name.startswith(start)]
    if len(labels) < 2:
        raise DataError(
            f"the input has the column {prefix + 'prediction'!r}, but no probabilities ({prefix}p_<label>), which the "
            "shares need; give an output of sentiment predict, or leave the column out to have the texts scored"
        )
    if f"{prefix}score" not in columns and f"{prefix}unreadable" in columns:
        raise DataError(SEVERAL)
    return labels


def chunks(source: Source, columns: Columns, clock: Clock | None, skipped: Skipped) -> Iterator[Chunk]:
    """Yield the rows in file order; rows without prediction or readable time are counted in `skipped`."""
    for rows in batched(table_rows(source, columns)):
        yield from non_empty(chunk_of(rows, columns, clock, skipped))


def table_rows(source: Source, columns: Columns) -> Iterator[Row]:
    for table in source.tables:
        yield from table.rows(columns.read if table.kind != "jsonl" else None, broken=source.broken)


def batched(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while some := list(islice(iterator, CHUNK)):
        yield some


def chunk_of(rows: Sequence[Row], columns: Columns, clock: Clock | None, skipped: Skipped) -> Chunk:
    first = columns.probabilities[0]
    scored = [row for row in rows if not isinstance(row, BrokenRow) and row.get(first) not in (None, "")]
    skipped.unpredicted += len(rows) - len(scored)
    try:
        values = [[float(row[name]) for name in columns.probabilities] for row in scored]
    except (TypeError, ValueError, KeyError) as error:
        raise DataError(f"a value of the columns {', '.join(columns.probabilities)} is no number: {error}") from error
    probabilities = np.array(values, dtype=float).reshape(len(scored), len(columns.labels))
    check_probabilities(probabilities)
    times = clock.read([row.get(clock.column) for row in scored]) if clock else epoch(len(scored))
    groups = [group_of(row.get(columns.by)) for row in scored] if columns.by else [ALL] * len(scored)
    texts = [str(row.get(columns.text) or "") for row in scored]
    chunk = Chunk(times, groups, texts, probabilities, targets_of(scored, columns) if columns.true else None)
    if (unread := np.isnat(times)).any():
        skipped.untimed += int(unread.sum())
        return chunk.take(np.flatnonzero(~unread))  # type: ignore[arg-type]
    return chunk


def targets_of(rows: Sequence[Row], columns: Columns) -> Any:
    """Return the index of each row's true label, (n,); UNKNOWN for an empty value.

    Raises:
        DataError: A value is no label of the model.
    """
    column, index = columns.true or "", {label: i for i, label in enumerate(columns.labels)} | {"": UNKNOWN}
    names = [label_value(row.get(column), column) or "" for row in rows]
    if unknown := next((name for name in names if name not in index), None):
        known = ", ".join(columns.labels)
        raise DataError(f"true_column={columns.true}: {unknown!r} is no label of the model, which knows {known}")
    return np.array([index[name] for name in names], dtype=int)


def check_probabilities(values: Any) -> None:
    sums = values.sum(axis=1)
    if not np.isfinite(sums).all() or (values < -1e-6).any() or (np.abs(sums - 1) > 0.01).any():
        raise DataError("the probabilities of a row do not add up to 1; give an output of sentiment predict, unchanged")


def epoch(count: int) -> Times:
    return np.zeros(count, dtype="datetime64[s]")


def group_of(value: Any) -> str:
    text = EMPTY if value is None else " ".join(str(value).split())
    return text[:LONGEST] or EMPTY


def non_empty(chunk: Chunk) -> Iterator[Chunk]:
    if len(chunk):
        yield chunk
