"""Metrics of ranked scores over bootstrap resamples, which are kept as row counts."""

import numpy as np
from numpy.typing import NDArray

from sentiment.evaluation.arrays import Floats, divide


class PrecisionCounts:
    """Average precision of one label's scores (N,) as a function of row counts."""

    def __init__(self, scores: Floats, positive: NDArray[np.bool_]) -> None:
        self.order = np.argsort(-scores, kind="stable")
        self.positive = positive[self.order]
        ranked = -scores[self.order]
        self.last = np.searchsorted(ranked, ranked, side="right") - 1  # last place of the same score
        self.own = self.positive.nonzero()[0]

    def average_precision(self, counts: Floats) -> Floats:
        """Compute the mean precision at the place of each row of the label, (B,); NaN for a resample without any."""
        ordered = counts[:, self.order]
        above = np.cumsum(ordered, axis=1)[:, self.last[self.own]]
        hits = np.cumsum(np.where(self.positive, ordered, 0.0), axis=1)[:, self.last[self.own]]
        weights = ordered[:, self.own]
        precision = divide(hits, above, empty=0.0)
        return divide((weights * precision).sum(axis=1), weights.sum(axis=1), empty=np.nan)


class AurocCounts:
    """AUROC of one class's scores (N,) as a function of row counts."""

    def __init__(self, scores: Floats, positive: NDArray[np.bool_]) -> None:
        self.order = np.argsort(scores, kind="stable")
        self.positive = positive[self.order]
        ranked = scores[self.order]
        self.below = np.searchsorted(ranked, ranked, side="left")  # number of rows with a lower score
        self.upto = np.searchsorted(ranked, ranked, side="right")  # number of rows with a lower or equal score

    def auroc(self, counts: Floats) -> Floats:
        """Compute the share of correctly ordered pairs, ties counting half, (B,); NaN for a resample without pairs."""
        sorted_counts = counts[:, self.order]
        negatives = np.cumsum(np.where(self.positive, 0.0, sorted_counts), axis=1)
        negatives = np.pad(negatives, ((0, 0), (1, 0)))  # (B, N + 1), column n counts the first n rows
        own = self.positive.nonzero()[0]
        weights = sorted_counts[:, own]
        won = (weights * (negatives[:, self.below[own]] + negatives[:, self.upto[own]]) / 2).sum(axis=1)
        return divide(won, weights.sum(axis=1) * negatives[:, -1], empty=np.nan)


def centred_ranks(column: Floats, counts: Floats) -> Floats:
    """Compute the ranks of a column (N,) within each resample (B, N) less their mean; ties share their mean rank."""
    _, place = np.unique(column, return_inverse=True)
    sizes = np.stack([np.bincount(place, weights=row) for row in counts])  # rows of each tie
    ranks = (np.cumsum(sizes, axis=1) - (sizes - 1) / 2)[:, place]
    return np.asarray(ranks - (counts.sum(axis=1, keepdims=True) + 1) / 2)
