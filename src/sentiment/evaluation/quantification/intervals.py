"""Intervals of estimated shares, fitted to the errors on sets of texts with known labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from scipy.optimize import nnls

from sentiment.evaluation.quantification.estimators import SMALLEST
from sentiment.evaluation.quantification.rates import Floats
from sentiment.evaluation.quantification.simulation import Bag

LEVEL = 0.95
NARROWEST = 1.0  # multiplier; no error on the bags does not mean that there is none
REWEIGHTED = 5  # rounds of iteratively reweighted least squares
Interval = tuple[float, float]


@dataclass(frozen=True)
class Spread:
    """Model of an estimate's squared error for each label: text / n + group + doubt · disagreement.

    `text` is the error of the classifier on single texts, which averages out; `group` its variation between groups,
    which does not; `doubt` grows with the disagreement of the estimators (`estimators.disagreement`).

    Args:
        text, group, doubt: (k,) coefficients.
        multiplier: Half the width of an interval, in standard deviations of the model.
    """

    text: Floats
    group: Floats
    doubt: Floats
    multiplier: float

    def variance(self, shares: Floats, n: Floats, disagreement: Floats | float, *, sampled: bool) -> Floats:
        """Return the error variance of estimated shares (..., k) of n texts (...).

        Args:
            shares: The estimates.
            n: The number of texts.
            disagreement: Disagreement of the estimators (...).
            sampled: Add the variance of drawing n texts, s (1 - s) / n, since the texts stand for more of their kind.
        """
        size = np.asarray(n, dtype=float)[..., None]
        drawn = smoothed(shares, size) * (1 - smoothed(shares, size)) / size if sampled else 0.0
        return self.text / size + self.group + self.doubt * np.asarray(disagreement)[..., None] + drawn

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Spread":
        text, group, doubt = (np.array(value[name], dtype=float) for name in ("text", "group", "doubt"))
        return cls(text, group, doubt, float(value["multiplier"]))

    def to_json(self) -> dict[str, Any]:
        named = {name: [round(float(x), 8) for x in getattr(self, name)] for name in ("text", "group", "doubt")}
        return {**named, "multiplier": round(self.multiplier, 4)}


def smoothed(shares: Floats, n: Floats) -> Floats:
    """Pull shares away from 0 and 1 by one text for each label, so that no variance is 0."""
    return (shares * n + 1) / (n + shares.shape[-1])


def fit_spread(bags: Sequence[Bag], estimates: Floats, doubts: Floats) -> Spread:
    """Fit the error model to the errors on bags, then set the multiplier by split-conformal calibration.

    The coefficients are non-negative least squares on the squared errors. The multiplier is the 95 % quantile of
    errors over model standard deviations (Lei, G'Sell, Rinaldo, Tibshirani and Wasserman 2018, "Distribution-free
    predictive inference for regression", section 5.2), groups and shifts counted alike. Sets of many texts do not show
    how a single one errs, so that `text` is raised to where an interval holds what calibrated probabilities leave open.

    Args:
        bags: Sets of texts with known shares.
        estimates: (bags, k) the estimates, made with rates that have seen none of the bag's texts.
        doubts: (bags,) disagreement of the estimators.
    """
    n = np.array([bag.predictions.n for bag in bags])
    squares = (estimates - np.array([bag.shares for bag in bags])) ** 2
    weights = balance(bags)
    floor = 0.05 * (estimates * (1 - estimates)).mean(axis=0) + 1e-4  # even a perfect fit errs on a text
    features = np.stack([1 / n, np.ones(len(n)), doubts], axis=1)
    fitted = [fit_squares(features, squares[:, j], weights, floor[j]) for j in range(len(floor))]
    text, group, doubt = np.stack(fitted, axis=1)
    scores = np.sqrt(squares / Spread(text, group, doubt, 1.0).variance(estimates, n, doubts, sampled=False))
    alike = np.broadcast_to(weights[:, None], scores.shape)
    multiplier = max(float(np.quantile(scores, LEVEL, weights=alike, method="inverted_cdf")), NARROWEST)
    left_open = np.average([uncertainty(bag) for bag in bags], axis=0, weights=weights)
    normal = NormalDist().inv_cdf((1 + LEVEL) / 2)
    return Spread(np.maximum(text, left_open * (normal / multiplier) ** 2), group, doubt, multiplier)


def fit_squares(features: Floats, squares: Floats, weights: Floats, floor: float) -> Floats:
    """Fit non-negative coefficients to squared errors, whose own variance is in proportion to their expected square."""
    expected = np.full(len(squares), np.average(squares, weights=weights) + SMALLEST)
    for _ in range(REWEIGHTED):
        scale = np.sqrt(weights) / expected
        coefficients = nnls(features * scale[:, None], squares * scale)[0]
        coefficients[0] = max(coefficients[0], floor)
        expected = np.maximum(features @ coefficients, SMALLEST)
    return coefficients


def uncertainty(bag: Bag) -> Floats:
    """Return the mean variance of whether a text has each label, (k,), under its calibrated probabilities."""
    rows = bag.rates.calibration(bag.predictions.rows)
    return np.average(rows * (1 - rows), axis=0, weights=bag.predictions.weights)


def balance(bags: Sequence[Bag]) -> Floats:
    """Weight the bags so that groups and shifts count alike."""
    kinds = [bag.kind for bag in bags]
    return np.array([1 / kinds.count(kind) for kind in kinds])
