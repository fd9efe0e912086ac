"""Shares of very few texts: the best guess of how many have each label, in place of its mean."""

from typing import Any

import numpy as np

from sentiment.evaluation.quantification.estimators import SMALLEST
from sentiment.evaluation.quantification.rates import Floats, Predictions, Rates

FEW = 5  # texts; of more, the median of a label's number and its mean hardly differ


def likeliest_numbers(predictions: Predictions, mix: Floats, rates: Rates) -> Floats:
    """Return the shares of at most FEW texts with the smallest expected absolute error, (k,).

    The number of texts with a label has a Poisson binomial distribution, of the texts' probabilities under the shares
    `mix` of a larger set that these texts belong to, since few texts say little about their own. A mean has the
    smallest squared error, a median the smallest absolute one. Medians need not add up: each text goes to the label of
    which the most probably has more, which minimises the sum of convex errors.
    """
    rows = np.repeat(rates.calibration(predictions.rows), predictions.weights.astype(int), axis=0)
    odds = rows * mix / np.maximum(rates.calibration.prior, SMALLEST)
    more = [1 - np.cumsum(numbers_of(column)) for column in (odds / odds.sum(axis=1, keepdims=True)).T]
    given = np.zeros(len(mix), dtype=int)
    for _ in range(len(rows)):
        given[int(np.argmax([own[number] for own, number in zip(more, given, strict=True)]))] += 1
    return given / len(rows)


def numbers_of(probabilities: Any) -> Floats:
    """Return the distribution of the number of successes of independent trials (n,), from 0 to n."""
    found = np.ones(1)
    for probability in probabilities:
        found = np.convolve(found, [1 - probability, probability])
    return found
