"""Predictions summed up by group and period, in memory that does not grow with the rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sentiment.errors import DataError
from sentiment.evaluation.quantification import AnyPredictions, Predictions, SeveralPredictions, problems
from sentiment.monitoring.periods import Every
from sentiment.monitoring.rows import Chunk

MOST_GROUPS = 200
MOST_CELLS = 20_000
STEPS = {2: 256, 3: 32, 4: 16, 5: 12}  # grid cells along each probability, by the number of labels
FEW_STEPS = 8  # with more labels


class Cells:
    """Sums over the predictions of each group and period.

    Args:
        labels: The labels.
        every: Length of the periods.
        several: A text may have several labels, each a problem of two classes.
    """

    def __init__(self, labels: Sequence[str], every: Every, *, several: bool = False) -> None:
        self.every, self.several = every, several
        self.sums = [Sums(2) for _ in labels] if several else [Sums(len(labels))]
        self.groups: dict[str, int] = {}
        self.cells: dict[tuple[int, int], int] = {}  # (group, start of the period in seconds) to number

    def add(self, chunk: Chunk) -> Any:
        """Add rows and return the cell of each (n,). Raises DataError for more groups or cells than a page can show."""
        starts = self.every.starts(chunk.times).astype(np.int64)
        known = {name: self.group(name) for name in dict.fromkeys(chunk.groups)}
        pairs, where = distinct_pairs(np.array([known[name] for name in chunk.groups]), starts)
        numbers = np.array([self.cell(group, start) for group, start in pairs])[where]
        for sums, (probabilities, answers) in zip(self.sums, problems(chunk.probabilities, chunk.answers), strict=True):
            sums.add(numbers, probabilities, answers)
        return numbers

    def group(self, name: str) -> int:
        number = self.groups.setdefault(name, len(self.groups))
        if number >= MOST_GROUPS:
            raise DataError(
                f"by= makes more than {MOST_GROUPS} groups; name a column with fewer values, or fewer columns"
            )
        return number

    def cell(self, group: int, start: int) -> int:
        number = self.cells.setdefault((group, start), len(self.cells))
        if number >= MOST_CELLS:
            raise DataError(f"more than {MOST_CELLS:,} periods of all groups; set a longer every=, or fewer groups")
        return number

    def predictions(self) -> dict[tuple[str, int], AnyPredictions]:
        """Return the predictions by group and start of the period, in the order of both."""
        names = list(self.groups)
        found = {(names[group], start): number for (group, start), number in self.cells.items()}
        parts = [sums.predictions() for sums in self.sums]
        return {
            key: SeveralPredictions([own[found[key]] for own in parts]) if self.several else parts[0][found[key]]
            for key in sorted(found)
        }


class Sums:
    """Sums over predictions of classes that exclude each other, by the number of a cell.

    Expectation maximisation needs each text's probabilities. They are binned on a grid, and each bin keeps their exact
    mean, so that a cell holds at most as many rows as the grid has bins.
    """

    def __init__(self, classes: int) -> None:
        self.steps = STEPS.get(classes, FEW_STEPS)
        self.bins: dict[tuple[int, int], int] = {}  # (cell, grid code) to row of `sums`
        self.sums = np.zeros((1024, classes + 1))  # per bin: summed probabilities, and texts
        self.counts = np.zeros((256, classes))  # per cell: texts by answered label

    def add(self, numbers: Any, probabilities: Any, answers: Any) -> None:
        """Add rows with the cell (n,), the probabilities (n, k) and the answered label (n,) of each."""
        self.counts = grown(self.counts, int(numbers.max()) + 1)
        np.add.at(self.counts, (numbers, answers), 1)
        codes = np.zeros(len(numbers), dtype=np.int64)
        for column in probabilities.T[:-1]:
            codes = codes * (self.steps + 1) + np.rint(column * self.steps).astype(np.int64)
        keys, where = distinct_pairs(numbers, codes)
        rows = [self.bins.setdefault(key, len(self.bins)) for key in keys]
        self.sums = grown(self.sums, len(self.bins))
        added = np.zeros((len(keys), probabilities.shape[1] + 1))
        np.add.at(added, where, np.column_stack([probabilities, np.ones(len(numbers))]))
        self.sums[rows] += added

    def predictions(self) -> dict[int, Predictions]:
        """Return the predictions by number of the cell."""
        rows: dict[int, list[int]] = {}
        for (cell, _), row in self.bins.items():
            rows.setdefault(cell, []).append(row)
        return {number: self.of(number, own) for number, own in rows.items()}

    def of(self, number: int, rows: Sequence[int]) -> Predictions:
        sums = self.sums[rows]
        weights = sums[:, -1]
        return Predictions(self.counts[number], sums[:, :-1].sum(axis=0), sums[:, :-1] / weights[:, None], weights)


def pooled(parts: Sequence[AnyPredictions]) -> AnyPredictions:
    """Return the predictions of several sets of texts as those of one."""
    return type(parts[0]).pooled(parts)


def distinct_pairs(one: Any, two: Any) -> tuple[list[tuple[int, int]], Any]:
    """Return the distinct pairs of two columns of integers (n,), and the place of each row's among them (n,)."""
    (first, own), (second, other) = (np.unique(column, return_inverse=True) for column in (one, two))
    codes, where = np.unique(own * len(second) + other, return_inverse=True)
    places = np.divmod(codes, len(second))
    return [*zip(first[places[0]].tolist(), second[places[1]].tolist(), strict=True)], where


def grown(array: Any, length: int) -> Any:
    """Return the array with at least `length` rows, twice as many as before where it grows."""
    while len(array) < length:
        array = np.concatenate([array, np.zeros_like(array)])
    return array
