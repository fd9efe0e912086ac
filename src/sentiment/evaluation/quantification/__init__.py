"""Quantification: the shares of the labels in a set of texts, estimated from a classifier's predictions."""

from sentiment.evaluation.quantification.estimators import ESTIMATORS, Method, Predictions, Rates, estimate
from sentiment.evaluation.quantification.intervals import Interval, Spread
from sentiment.evaluation.quantification.quantifier import Quantifier, read_quantifier

__all__ = [
    "ESTIMATORS",
    "Interval",
    "Method",
    "Predictions",
    "Quantifier",
    "Rates",
    "Spread",
    "estimate",
    "read_quantifier",
]
