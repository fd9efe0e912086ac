"""Bootstrap intervals of a classifier's scores (Efron 1979, "Bootstrap methods: another look at the jackknife").

The rows of a split are drawn again with replacement, as many as there are, and the scores computed anew each time; the
interval lies between two percentiles of what comes out. Drawn rows are kept as counts, so that for many resamples at
once a confusion matrix is one matrix product and an AUROC one cumulative sum.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Interval = tuple[float, float]

RESAMPLES = 1000
LEVEL = 0.95
SEED = 0
CELLS = 2_000_000  # counts held at a time: 16 MB


class Weighted:
    """The scores of `metrics.score` as functions of how often each row counts.

    Made from probabilities (N, labels) and label numbers (N,).
    """

    def __init__(self, probabilities: Floats, targets: Integers, labels: Sequence[str]) -> None:
        self.labels, self.targets = labels, targets
        rows = np.arange(len(targets))
        self.losses = -np.log(np.maximum(probabilities[rows, targets].astype(float), 1e-12))
        self.cells = np.zeros((len(targets), len(labels) ** 2))  # one-hot place in the confusion matrix
        self.cells[rows, targets * len(labels) + probabilities.argmax(axis=1)] = 1
        classes = range(len(labels)) if len(labels) > 2 else [1]  # with two, each class's AUROC is the other's
        self.ranks = {c: Rank(probabilities[:, c], targets == c) for c in classes}

    def __call__(self, counts: Floats) -> dict[str, Floats]:
        """Each score (B,) for counts (B, N) of the rows."""
        confusion = (counts @ self.cells).reshape(-1, len(self.labels), len(self.labels))  # (B, label, predicted)
        hits, support, predicted = np.einsum("bii->bi", confusion), confusion.sum(axis=2), confusion.sum(axis=1)
        found = {
            "loss": counts @ self.losses / counts.sum(axis=1),
            "accuracy": hits.sum(axis=1) / counts.sum(axis=1),
            "f1": nanmean(divide(2 * hits, support + predicted, empty=np.nan)),
            "auroc": nanmean(np.stack([rank.auroc(counts) for rank in self.ranks.values()], axis=1)),
        }
        for name, whole in {"precision": predicted, "recall": support}.items():
            ratio = divide(hits, whole, empty=0.0)
            found |= {f"{name}/{label}": ratio[:, i] for i, label in enumerate(self.labels)}
        return found


class Rank:
    """How well the scores (N,) of a class order its rows before the others."""

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


def intervals(
    probabilities: Floats,
    targets: Integers,
    labels: Sequence[str],
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = SEED,
) -> dict[str, Interval]:
    """The interval of each score, of probabilities (N, labels) and label numbers (N,).

    A score that no resample has is left out.
    """
    weighted = Weighted(probabilities, targets, labels)
    drawn = [weighted(counts) for counts in draws(len(targets), resamples, seed)]
    values = {name: np.concatenate([part[name] for part in drawn]) for name in drawn[0]}
    return {name: percentiles(column, level) for name, column in values.items() if not np.isnan(column).all()}


def mean_interval(values: Floats, *, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = SEED) -> Interval:
    """The interval of the mean of `values` (N,)."""
    means = [counts @ values / len(values) for counts in draws(len(values), resamples, seed)]
    return percentiles(np.concatenate(means), level)


def interval_text(name: str, scores: Mapping[str, float], intervals: Mapping[str, Interval]) -> str:
    """As 0.8841 (0.869-0.899); "-" for a score that there is none of."""
    if name not in scores:
        return "-"
    low, high = intervals[name]
    return f"{scores[name]:.4f} ({low:.3f}-{high:.3f})"


def draws(rows: int, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each row was drawn, (some resamples, rows) at a time."""
    rng = np.random.default_rng(seed)
    some = max(1, CELLS // rows)
    for start in range(0, resamples, some):
        count = min(some, resamples - start)
        drawn = rng.integers(rows, size=(count, rows)) + rows * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * rows).reshape(count, rows).astype(float)


def percentiles(values: Floats, level: float) -> Interval:
    """The middle `level` of the values; resamples without one, as where a class was not drawn, are left out."""
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def divide(above: Floats, below: Floats, *, empty: float) -> Floats:
    out: Floats = np.full(np.shape(above), empty)
    np.divide(above, below, out=out, where=below > 0)
    return out


def nanmean(values: Floats) -> Floats:
    """The mean of each row (B, n) of what is a number, nan where nothing is."""
    known = ~np.isnan(values)
    return divide(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1).astype(float), empty=np.nan)
