"""Many resamples of a split scored at once: drawn rows are kept as counts.

A confusion matrix is then one matrix product and an AUROC one cumulative sum.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CELLS = 2_000_000  # counts held at a time: 16 MB


class Answers:
    """Probabilities (N, L) and label numbers (N,) of a split, prepared for resampling."""

    def __init__(self, probabilities: Floats, targets: Integers) -> None:
        self.probabilities, self.targets = probabilities, targets
        self.classes = probabilities.shape[1]
        rows = np.arange(len(targets))
        self.losses = -np.log(np.maximum(probabilities[rows, targets].astype(float), 1e-12))
        self.cells = np.zeros((len(targets), self.classes**2))  # one-hot place in the confusion matrix
        self.cells[rows, targets * self.classes + probabilities.argmax(axis=1)] = 1

    @cached_property
    def curves(self) -> "list[AurocCounts]":
        """The ranking of each class against the others; with two classes both have the same AUROC, and one is kept."""
        classes = range(self.classes) if self.classes > 2 else [1]
        return [AurocCounts(self.probabilities[:, c], self.targets == c) for c in classes]


@dataclass(frozen=True)
class Resamples:
    """B resamples of `answers`: how often each holds each row, (B, N)."""

    answers: Answers
    counts: Floats

    @cached_property
    def rows(self) -> Floats:
        """The rows of each resample, (B,)."""
        return np.asarray(self.counts.sum(axis=1))

    @cached_property
    def confusion(self) -> Floats:
        """The confusion matrices, (B, true label, predicted label)."""
        return (self.counts @ self.answers.cells).reshape(-1, self.answers.classes, self.answers.classes)

    @property
    def hits(self) -> Floats:
        """The correct answers for each label, (B, L)."""
        return np.asarray(np.einsum("bii->bi", self.confusion))

    @property
    def support(self) -> Floats:
        """The rows of each true label, (B, L)."""
        return np.asarray(self.confusion.sum(axis=2))

    @property
    def predicted(self) -> Floats:
        """The rows that got each label, (B, L)."""
        return np.asarray(self.confusion.sum(axis=1))

    def accuracy(self) -> Floats:
        return np.asarray(self.hits.sum(axis=1) / self.rows)

    def loss(self) -> Floats:
        return np.asarray(self.counts @ self.answers.losses / self.rows)

    def macro_f1(self) -> Floats:
        return nanmean(divide(2 * self.hits, self.support + self.predicted, empty=np.nan))

    def macro_recall(self) -> Floats:
        return nanmean(divide(self.hits, self.support, empty=np.nan))

    def precision(self) -> Floats:
        return divide(self.hits, self.predicted, empty=0.0)

    def recall(self) -> Floats:
        return divide(self.hits, self.support, empty=0.0)

    def auroc(self) -> Floats:
        """The mean over labels that have rows of both kinds; nan where there is none."""
        return nanmean(np.stack([curve.auroc(self.counts) for curve in self.answers.curves], axis=1))


class AurocCounts:
    """The AUROC of one class's scores (N,) as a function of how often each row counts."""

    def __init__(self, scores: Floats, positive: NDArray[np.bool_]) -> None:
        self.order = np.argsort(scores, kind="stable")
        self.positive = positive[self.order]
        ranked = scores[self.order]
        self.below = np.searchsorted(ranked, ranked, side="left")  # rows with a lower score
        self.upto = np.searchsorted(ranked, ranked, side="right")  # and with the same

    def auroc(self, counts: Floats) -> Floats:
        """The share of pairs in order, ties half, (B,); nan where a resample has no pair."""
        sorted_counts = counts[:, self.order]
        negatives = np.cumsum(np.where(self.positive, 0.0, sorted_counts), axis=1)
        negatives = np.pad(negatives, ((0, 0), (1, 0)))  # (B, N + 1): of the first n rows
        own = self.positive.nonzero()[0]
        weights = sorted_counts[:, own]
        won = (weights * (negatives[:, self.below[own]] + negatives[:, self.upto[own]]) / 2).sum(axis=1)
        return divide(won, weights.sum(axis=1) * negatives[:, -1], empty=np.nan)


def draws(rows: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Draw rows with replacement; yields how often each was drawn, (some resamples, rows) at a time."""
    rng = np.random.default_rng(seed)
    some = max(1, CELLS // rows)
    for start in range(0, resamples, some):
        count = min(some, resamples - start)
        drawn = rng.integers(rows, size=(count, rows)) + rows * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * rows).reshape(count, rows).astype(float)


def divide(above: Floats, below: Floats, *, empty: float) -> Floats:
    out: Floats = np.full(np.shape(above), empty)
    np.divide(above, below, out=out, where=below > 0)
    return out


def nanmean(values: Floats) -> Floats:
    """The mean of each row (B, n) of what is a number, nan where nothing is."""
    known = ~np.isnan(values)
    return divide(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1).astype(float), empty=np.nan)
