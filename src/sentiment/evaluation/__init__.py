"""Scores of a classifier on labelled texts, with intervals and the baseline beside them."""

from sentiment.evaluation.command import evaluate_run
from sentiment.evaluation.reference import Comparison, compare
from sentiment.evaluation.results import Results
from sentiment.evaluation.scoring import Evaluation, evaluate

__all__ = ["Comparison", "Evaluation", "Results", "compare", "evaluate", "evaluate_run"]
