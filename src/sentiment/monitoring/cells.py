"""Predictions summed up by group and period, in memory that does not grow with the rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sentiment.errors import DataError
from sentiment.evaluation.quantification import Predictions
from sentiment.monitoring.periods import Every
from sentiment.monitoring.rows import Chunk

MOST_GROUPS = 200
MOST_CELLS = 20_000
STEPS = {2: 256, 3: 32, 4: 16, 5: 12}  # grid cells along each probability, by the number of labels
FEW_STEPS = 8  # with more labels


class Cells:
    """Sums over the predictions of each group and period.

    Expectation maximisation needs each text's probabilities. They are binned on a grid, and each bin keeps their exact
    mean, so that a cell holds at most as many rows as the grid has bins.
    """

    def __init__(self, labels: Sequence[str], every: Every) -> None:
        self.labels, self.every = list(labels), every
        self.steps = STEPS.get(len(labels), FEW_STEPS)
        self.groups: dict[str, int] = {}
        self.cells: dict[tuple[int, int], int] = {}  # (group, start of the period in seconds) to number
        self.bins: dict[tuple[int, int], int] = {}  # (cell, grid code) to row of `sums`
        self.sums = np.zeros((1024, len(labels) + 1))  # per bin: summed probabilities, and texts
        self.counts = np.zeros((256, len(labels)))  # per cell: texts by predicted label

    def add(self, chunk: Chunk) -> Any:
        """Add rows, and return the cell of each, (n,).

        Raises:
            DataError: There are more groups or cells than a page can show.
        """
        starts = self.every.starts(chunk.times).astype(np.int64)
        groups = np.array([self.group(name) for name in chunk.groups])
        pairs, where = np.unique(np.stack([groups, starts], axis=1), axis=0, return_inverse=True)
        numbers = np.array([self.cell(int(group), int(start)) for group, start in pairs])[where.ravel()]
        np.add.at(self.counts, (numbers, chunk.probabilities.argmax(axis=1)), 1)
        self.add_bins(numbers, chunk.probabilities)
        return numbers

    def add_bins(self, numbers: Any, probabilities: Any) -> None:
        codes = np.zeros(len(numbers), dtype=np.int64)
        for column in probabilities.T[:-1]:
            codes = codes * (self.steps + 1) + np.rint(column * self.steps).astype(np.int64)
        keys, where = np.unique(np.stack([numbers, codes], axis=1), axis=0, return_inverse=True)
        rows = [self.bins.setdefault((int(cell), int(code)), len(self.bins)) for cell, code in keys]
        self.sums = grown(self.sums, len(self.bins))
        added = np.zeros((len(keys), probabilities.shape[1] + 1))
        np.add.at(added, where.ravel(), np.column_stack([probabilities, np.ones(len(numbers))]))
        self.sums[rows] += added

    def group(self, name: str) -> int:
        number = self.groups.setdefault(name, len(self.groups))
        if number >= MOST_GROUPS:
            raise DataError(f"by= names a column with more than {MOST_GROUPS} values; choose one with fewer")
        return number

    def cell(self, group: int, start: int) -> int:
        number = self.cells.setdefault((group, start), len(self.cells))
        if number >= MOST_CELLS:
            raise DataError(f"more than {MOST_CELLS:,} periods of all groups; set a longer every=, or fewer groups")
        self.counts = grown(self.counts, len(self.cells))
        return number

    def predictions(self) -> dict[tuple[str, int], Predictions]:
        """Return the predictions by group and start of the period, in the order of both."""
        names = list(self.groups)
        rows: dict[int, list[int]] = {}
        for (cell, _), row in self.bins.items():
            rows.setdefault(cell, []).append(row)
        found = {(names[group], start): number for (group, start), number in self.cells.items()}
        return {key: self.of(found[key], rows[found[key]]) for key in sorted(found)}

    def of(self, number: int, rows: Sequence[int]) -> Predictions:
        sums = self.sums[rows]
        weights = sums[:, -1]
        return Predictions(self.counts[number], sums[:, :-1].sum(axis=0), sums[:, :-1] / weights[:, None], weights)


def pooled(parts: Sequence[Predictions]) -> Predictions:
    """Return the predictions of several sets of texts as those of one."""
    return Predictions(
        np.sum([part.counts for part in parts], axis=0),
        np.sum([part.total for part in parts], axis=0),
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.weights for part in parts]),
    )


def grown(array: Any, length: int) -> Any:
    """Return the array with at least `length` rows, twice as many as before where it grows."""
    while len(array) < length:
        array = np.concatenate([array, np.zeros_like(array)])
    return array
