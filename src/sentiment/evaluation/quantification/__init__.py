"""Quantification: the shares of the labels in a set of texts, estimated from a classifier's predictions."""

from typing import Any

from sentiment.evaluation.quantification.estimators import ESTIMATORS, Method, estimate
from sentiment.evaluation.quantification.intervals import Interval, Spread
from sentiment.evaluation.quantification.quantifier import Quantifier
from sentiment.evaluation.quantification.rates import Predictions, Rates
from sentiment.evaluation.quantification.several import SeveralPredictions, SeveralQuantifier, problems
from sentiment.evaluation.quantification.stored import fit_quantifier, read_quantifier

AnyPredictions = Any  # Predictions or SeveralPredictions, as the quantifier takes them
AnyQuantifier = Quantifier | SeveralQuantifier

__all__ = [
    "ESTIMATORS",
    "AnyPredictions",
    "AnyQuantifier",
    "Interval",
    "Method",
    "Predictions",
    "Quantifier",
    "Rates",
    "SeveralPredictions",
    "SeveralQuantifier",
    "Spread",
    "estimate",
    "fit_quantifier",
    "problems",
    "read_quantifier",
]
