"""Errors of estimated shares, as SemEval-2017 Task 4 D and E measure them (Rosenthal, Farra and Nakov 2017).

True and estimated shares are (..., k).
"""

from collections.abc import Sequence

import numpy as np

from sentiment.evaluation.quantification.rates import Floats
from sentiment.inference.scales import numbers_of


def absolute_error(true: Floats, found: Floats) -> Floats:
    """Return the absolute error averaged over the labels."""
    return np.abs(found - true).mean(axis=-1)


def divergence(true: Floats, found: Floats, texts: Floats) -> Floats:
    """Return the Kullback-Leibler divergence of the true from the estimated shares, smoothed by 1 / (2 texts)."""
    epsilon = 1 / (2 * np.asarray(texts, dtype=float))[..., None]
    whole = 1 + true.shape[-1] * epsilon
    smooth, estimated = (true + epsilon) / whole, (found + epsilon) / whole
    return (smooth * np.log(smooth / estimated)).sum(axis=-1)


def earth_movers_distance(true: Floats, found: Floats, values: Sequence[float]) -> Floats:
    """Return how far the shares have to be moved, in units of the ascending values that the labels stand for."""
    return (np.abs(np.cumsum(found - true, axis=-1))[..., :-1] * np.diff(values)).sum(axis=-1)


def several_divergence(true: Floats, found: Floats, texts: Floats) -> Floats:
    """Return the divergence of each label from its absence, averaged over labels whose shares need not add up to 1."""
    pairs = np.stack([true, 1 - true], axis=-1), np.stack([found, 1 - found], axis=-1)
    return divergence(*pairs, np.asarray(texts)[..., None]).mean(axis=-1)


def values_of(labels: Sequence[str]) -> list[float] | None:
    """Return the numbers that ordered labels are, such as -2 to 2; None if one is no number, or they do not ascend."""
    values = numbers_of(labels)
    return values if values and all(np.diff(values) > 0) else None
