"""Thresholds of a model that gives several labels, fitted on the probabilities of labelled texts.

Probabilities are (N, labels), targets 0 or 1, (N, labels).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sentiment.evaluation import computation, metrics
from sentiment.inference.multilabel import Multi

FEWEST = 5  # texts with a label, and without it, that a separate threshold needs
GRID = np.arange(0.05, 0.951, 0.025)  # thresholds tried for all labels together


def best_thresholds(probabilities: Any, targets: Any) -> Any:
    """Return the threshold of each label with its best F1; 0.5 for a label with fewer than `FEWEST` texts."""
    pairs = zip(probabilities.T.astype(float), targets.T.astype(bool), strict=True)
    return np.array([best_threshold(column, own) for column, own in pairs])


def best_threshold(scores: Any, positive: Any) -> float:
    """Return the middle of the gap between two scores at which the F1 of one label is best."""
    if min(positive.sum(), (~positive).sum()) < FEWEST:
        return 0.5
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], positive[order].cumsum()
    f1 = 2 * hits / (np.arange(1, len(ranked) + 1) + positive.sum())
    f1[:-1][ranked[:-1] == ranked[1:]] = -1  # a threshold parts different scores alone
    best = len(f1) - 1 - int(f1[::-1].argmax())  # of equal ones the lowest, which gives the label more readily
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return round(float((ranked[best] + below) / 2), 6)


def common_threshold(probabilities: Any, targets: Any, labels: Sequence[str], metric: str) -> float:
    """Return the one threshold for all labels with the best value of a metric."""
    sign = 1 if metrics.of_score(metric).higher_is_better else -1

    def score(threshold: float) -> float:
        decoding = Multi((threshold,) * len(labels))
        return sign * computation.score_one(metric, probabilities, targets, labels, decoding)

    return float(max(GRID.round(3).tolist(), key=score))
