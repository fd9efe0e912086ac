"""Predicted rows as arrays, in chunks of bounded size, from any table that the batch job reads or writes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import Any

import numpy as np

from sentiment.batch.source import Source
from sentiment.data.tables import BrokenRow, Row
from sentiment.errors import DataError
from sentiment.inference.types import JOINT
from sentiment.monitoring.answers import answers_of, targets_of
from sentiment.monitoring.dates import text_of
from sentiment.monitoring.groups import group_of
from sentiment.monitoring.times import Clock, Times

CHUNK = 8192  # rows


@dataclass(frozen=True)
class Columns:
    """Names of the columns that the monitor reads.

    With `several`, a text may have several labels, whose probabilities do not add up to 1. `group` is a column with
    names of groups, as a history keeps them, in place of the columns `by`; `reason` says why a text cannot be read.
    """

    text: str
    labels: Sequence[str]
    prefix: str = ""
    time: str | None = None
    by: tuple[str, ...] = ()
    true: str | None = None
    several: bool = False
    group: str | None = None
    reason: str | None = None

    @property
    def prediction(self) -> str:
        return f"{self.prefix}prediction"

    @property
    def probabilities(self) -> list[str]:
        return [f"{self.prefix}p_{label}" for label in self.labels]

    @property
    def read(self) -> list[str]:
        predicted = [self.prediction, *self.probabilities] if self.labels else []
        others = (self.time, *self.by, self.group, self.true, self.reason)
        return list(dict.fromkeys(filter(None, (self.text, *others, *predicted))))


@dataclass(frozen=True)
class Chunk:
    """Rows that have a prediction and a time.

    Args:
        times: (n,) datetime64[s]; the epoch where there is no time column.
        groups: Value of the group column of each row.
        texts: The texts.
        probabilities: (n, k).
        answers: (n,) index of the answered label; of several labels whether each was given, (n, k).
        targets: (n,) index of the true label, UNKNOWN where it is not known; None without a column of them. Of several
            labels 0 or 1 for each, (n, k), or UNKNOWN in all.
        reasons: Why each text cannot be read, "" for one that can; None without a column of them.
    """

    times: Times
    groups: list[str]
    texts: list[str]
    probabilities: Any
    answers: Any
    targets: Any = None
    reasons: list[str] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def decided(self) -> "Chunk":
        """The rows that could be read: of those that could not, every label is as probable as any other."""
        spread = self._spread()
        return self if spread.all() else self.take(np.flatnonzero(spread))  # type: ignore[arg-type]

    @property
    def undecided(self) -> Counter[str]:
        """The number of the other rows by why they cannot be read, "" where that is not known."""
        rows = np.flatnonzero(self._spread() == 0)
        return Counter(self.reasons[i] if self.reasons else "" for i in rows)

    def _spread(self) -> Any:
        values = self.probabilities
        return np.ptp(values, axis=1) if self.answers.ndim == 1 else np.abs(values - 0.5).max(1)

    def text_and_probabilities(self, row: int) -> tuple[str, Any]:
        return self.texts[row], self.probabilities[row].copy()  # a view would keep the whole chunk alive

    def names(self, labels: Sequence[str]) -> list[str]:
        """Return each row's answer as `sentiment predict` writes it."""
        if self.answers.ndim == 1:
            return [labels[i] for i in self.answers]
        return [JOINT.join(label for label, own in zip(labels, row, strict=True) if own) for row in self.answers]

    def take(self, rows: Sequence[int]) -> "Chunk":
        groups, texts = [self.groups[i] for i in rows], [self.texts[i] for i in rows]
        targets = None if self.targets is None else self.targets[rows]
        reasons = self.reasons and [self.reasons[i] for i in rows]
        return Chunk(self.times[rows], groups, texts, self.probabilities[rows], self.answers[rows], targets, reasons)


@dataclass
class Skipped:
    """Rows that are not counted, by reason."""

    unpredicted: int = 0
    untimed: int = 0
    repeated: int = 0
    undecided: Counter[str] = field(default_factory=Counter)  # of the rows that the others leave
    no_time: str | None = None  # first value that is no time
    doubts: Counter[str] = field(default_factory=Counter)  # see `sentiment.monitoring.times.utc_of`

    @property
    def rows(self) -> int:
        return self.unpredicted + self.untimed + self.repeated


def labels_of(columns: Sequence[str], prefix: str) -> list[str] | None:
    """Return the labels of a predicted table; None for another. Raises DataError for one without probabilities.

    A column of the input itself, such as p_value, is none where those of the prediction stand as `predict` writes them.
    """
    if f"{prefix}prediction" not in columns:
        return None
    start, at = f"{prefix}p_", columns.index(f"{prefix}prediction") + 1
    at += f"{prefix}score" in columns[at : at + 1]
    names = [*takewhile(lambda name: name.startswith(start), columns[at:])]
    if not names or f"{prefix}unreadable" not in columns[at + len(names) :][:1]:  # not in the order that predict writes
        names = [name for name in columns if name.startswith(start)]
    labels = [name.removeprefix(start) for name in names]
    if len(labels) < (1 if has_several(columns, prefix) else 2):
        raise DataError(
            f"the input has the column {prefix + 'prediction'!r}, but no probabilities ({prefix}p_<label>), which the "
            "shares need; give an output of sentiment predict, or leave the column out to have the texts scored"
        )
    return labels


def has_several(columns: Sequence[str], prefix: str) -> bool:
    """Return True for a table predicted by a model that gives several labels, which has no single score of a text."""
    return f"{prefix}score" not in columns and f"{prefix}unreadable" in columns


def chunks(source: Source, columns: Columns, clock: Clock | None, skipped: Skipped) -> Iterator[Chunk]:
    """Yield the rows in file order; rows without prediction or readable time are counted in `skipped`."""
    for rows in batched(table_rows(source, columns)):
        if len(chunk := chunk_of(rows, columns, clock, skipped)):
            yield chunk


def table_rows(source: Source, columns: Columns) -> Iterator[Row]:
    for table in source.tables:
        lacking = {columns.reason} - {*table.columns}  # of a part of a history by an earlier version
        names = [name for name in columns.read if name not in lacking]
        yield from table.rows(names if table.kind != "jsonl" else None, broken=source.broken)


def batched(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while some := list(islice(iterator, CHUNK)):
        yield some


def chunk_of(rows: Sequence[Row], columns: Columns, clock: Clock | None, skipped: Skipped) -> Chunk:
    names = columns.probabilities
    scored = [row for row in rows if not isinstance(row, BrokenRow) and row.get(names[0]) not in (None, "")]
    skipped.unpredicted += len(rows) - len(scored)
    try:
        values = [[float(row[name]) for name in names] for row in scored]
    except (TypeError, ValueError, KeyError) as error:
        raise DataError(
            f"a value of the columns {', '.join(names)} is no number: {error}; give an output of "
            "sentiment predict, unchanged"
        ) from error
    probabilities = np.array(values, dtype=float).reshape(len(scored), len(columns.labels))
    check_probabilities(probabilities, several=columns.several)
    given = [row.get(clock.column) for row in scored] if clock else []
    times = clock.read(given, skipped.doubts) if clock else epoch(len(scored))
    groups = [str(row[columns.group]) if columns.group else group_of(row, columns.by) for row in scored]
    texts = [str(row.get(columns.text) or "") for row in scored]
    named = [row.get(columns.prediction) for row in scored]
    answers = answers_of(named, columns.prediction, columns.labels, probabilities, several=columns.several)
    targets = None
    if columns.true:
        cells = [row.get(columns.true) for row in scored]
        targets = targets_of(cells, columns.true, columns.labels, several=columns.several)
    reasons = [str(row.get(columns.reason) or "") for row in scored] if columns.reason else None
    chunk = Chunk(times, groups, texts, probabilities, answers, targets, reasons)
    if (unread := np.isnat(times)).any():
        skipped.untimed += int(unread.sum())
        found = (text_of(given[i]) for i in np.flatnonzero(unread))
        skipped.no_time = skipped.no_time or next((text for text in found if text), None)
        return chunk.take(np.flatnonzero(~unread))  # type: ignore[arg-type]
    return chunk


def check_probabilities(values: Any, *, several: bool) -> None:
    if several:
        if not ((values >= 0) & (values <= 1)).all():  # not true of NaN either
            raise DataError("a probability is not between 0 and 1; give an output of sentiment predict, unchanged")
        return
    sums = values.sum(axis=1)
    if not np.isfinite(sums).all() or (values < -1e-6).any() or (np.abs(sums - 1) > 0.01).any():
        raise DataError("the probabilities of a row do not add up to 1; give an output of sentiment predict, unchanged")


def epoch(count: int) -> Times:
    return np.zeros(count, dtype="datetime64[s]")
