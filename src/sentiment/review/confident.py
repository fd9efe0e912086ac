"""Confident learning after Northcutt, Jiang and Chuang 2021 (JAIR 70): which labels are wrong, and how many.

Probabilities `(N, K)` are out of sample; `given` are label indices `(N,)`, which may be wrong.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.evaluation.proportions import clopper_pearson

Floats = NDArray[np.floating[Any]]
Indices = NDArray[np.integer[Any]]

SUREST = 0.1  # share of a label's rows that serve as its anchor points
FEWEST = 10  # anchor points of a label with at least twice as many rows
RESAMPLES = 500
NOBODY = -1  # index of a row that is confidently of no label


@dataclass(frozen=True, slots=True)
class Noise:
    """Estimate of the label noise.

    Attributes:
        share: Share of rows with a wrong label, by the anchor points.
        interval: 95 % interval of `share`: bootstrap, or where no anchor point is wrong the exact one.
        joint: Estimated joint distribution of given and true labels, `(K, K)`, which sums to 1.
        joint_share: Share off the diagonal of `joint`; the classifier's errors count as noise in it.
    """

    share: float
    interval: tuple[float, float]
    joint: Floats
    joint_share: float


def confident_labels(probabilities: Floats, given: Indices) -> Indices:
    """Return the label each row confidently belongs to: the most probable one among those at or above their threshold.

    The threshold of a label is the mean probability that its own rows give it.
    """
    labels = range(probabilities.shape[1])
    thresholds = np.array([probabilities[given == k, k].mean() if (given == k).any() else np.inf for k in labels])
    above = probabilities >= thresholds
    best = np.where(above, probabilities, -1.0).argmax(axis=1)
    return np.where(above.any(axis=1), best, NOBODY)


def confident_joint(probabilities: Floats, given: Indices) -> Floats:
    """Estimate the joint distribution of given and true labels: counts, calibrated to the rows of each given label."""
    count = probabilities.shape[1]
    confident = confident_labels(probabilities, given)
    sure = confident != NOBODY
    counts = np.zeros((count, count))
    np.add.at(counts, (given[sure], confident[sure]), 1.0)
    empty = counts.sum(axis=1) == 0
    counts[empty, empty] = 1.0  # no row of this label is confident of any: none is counted as wrong
    joint: Floats = counts / counts.sum(axis=1, keepdims=True) * np.bincount(given, minlength=count)[:, None]
    joint /= joint.sum()
    return joint


def margins(probabilities: Floats, given: Indices) -> Floats:
    """Return the normalised margin of each row: the given label's probability less that of the best other one."""
    rows = np.arange(len(given))
    others = probabilities.copy()
    others[rows, given] = -1.0
    result: Floats = probabilities[rows, given] - others.max(axis=1)
    return result


def suspects(probabilities: Floats, given: Indices) -> Indices:
    """Return the rows that are confidently of another label than the given one, the lowest margin first."""
    confident = confident_labels(probabilities, given)
    found = np.flatnonzero((confident != NOBODY) & (confident != given))
    return found[np.argsort(margins(probabilities, given)[found], kind="stable")]


def anchor_noise(probabilities: Floats, given: Indices) -> float:
    """Estimate the share of wrong labels by anchor points (Patrini et al. 2017).

    The classifier is almost always right on the rows it is surest of, so the share of those rows that carry another
    label comes from wrong labels and not from errors of the classifier.
    """
    wrong = 0.0
    counts = np.bincount(given, minlength=probabilities.shape[1])
    for k, (rows, size) in enumerate(zip(counts, anchor_points(counts), strict=True)):
        if rows:
            surest = np.argpartition(-probabilities[:, k], size - 1)[:size]
            wrong += rows * float((given[surest] != k).mean())
    return wrong / len(given)


def anchor_points(counts: Indices) -> list[int]:
    """Return the number of anchor points of each label, of which `counts` are the rows."""
    return [min(max(FEWEST, round(SUREST * rows)), -(-rows // 2)) for rows in counts]


def measure(probabilities: Floats, given: Indices, *, seed: int = 0) -> Noise:
    generator, rows = np.random.default_rng(seed), len(given)
    draws = (generator.integers(rows, size=rows) for _ in range(RESAMPLES))
    low, high = np.percentile([anchor_noise(probabilities[draw], given[draw]) for draw in draws], [2.5, 97.5])
    joint = confident_joint(probabilities, given)
    share = anchor_noise(probabilities, given)
    if high == 0:  # no anchor point is wrong, which no resample changes
        high = clopper_pearson(0, sum(anchor_points(np.bincount(given))))[1]
    return Noise(share, (float(min(low, share)), float(max(high, share))), joint, float(1 - np.trace(joint)))
