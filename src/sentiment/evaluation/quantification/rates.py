"""Input of the estimators: predictions of a set of texts, and how the classifier errs on labelled ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sentiment.evaluation.quantification.calibration import Calibration

Floats = Any  # numpy arrays of float64


@dataclass(frozen=True)
class Predictions:
    """Predicted probabilities of a set of texts; equal rows may be stored once, with their number as weight.

    Args:
        counts: (k,) texts by predicted label.
        total: (k,) sum of the probabilities.
        rows: (m, k) distinct rows of probabilities, exact or on a grid.
        weights: (m,) texts in each row.
    """

    counts: Floats
    total: Floats
    rows: Floats
    weights: Floats

    @classmethod
    def of(cls, probabilities: Floats, answers: Floats = None) -> "Predictions":
        """Sum up probabilities (n, k) and the indices of the answered labels (n,), by default the most probable."""
        rows = np.asarray(probabilities, dtype=float)
        given = rows.argmax(axis=1) if answers is None else answers
        counts = np.bincount(given, minlength=rows.shape[1]).astype(float)
        return cls(counts, rows.sum(axis=0), rows, np.ones(len(rows)))

    @classmethod
    def pooled(cls, parts: "Sequence[Predictions]") -> "Predictions":
        """Return the predictions of several sets of texts as those of one."""
        return cls(
            np.sum([part.counts for part in parts], axis=0),
            np.sum([part.total for part in parts], axis=0),
            np.concatenate([part.rows for part in parts]),
            np.concatenate([part.weights for part in parts]),
        )

    @cached_property
    def n(self) -> float:
        return float(self.counts.sum())


@dataclass(frozen=True)
class Rates:
    """Behaviour of a classifier on labelled texts; column j of the matrices belongs to the true label j.

    Args:
        hard: (k, k) share of texts with each predicted label.
        soft: (k, k) mean predicted probabilities.
        usual: (k,) mean predicted probabilities of these texts.
        prior: (k,) label shares of the training texts.
        calibration: Of the probabilities of these texts.
    """

    hard: Floats
    soft: Floats
    usual: Floats
    prior: Floats
    calibration: Calibration

    @classmethod
    def of(cls, probabilities: Floats, targets: Floats, prior: Floats, answers: Floats = None) -> "Rates":
        """Measure the rates on texts with known labels; a label without texts gets the ideal column."""
        rows = np.asarray(probabilities, dtype=float)
        k = rows.shape[1]
        given = np.eye(k)[rows.argmax(axis=1) if answers is None else answers]
        hard, soft = np.eye(k), np.eye(k)
        for j in range(k):
            if (own := targets == j).any():
                hard[:, j], soft[:, j] = given[own].mean(axis=0), rows[own].mean(axis=0)
        calibration = Calibration.fit(rows, targets)
        return cls(hard, soft, rows.mean(axis=0), np.asarray(prior, dtype=float), calibration)

    def to_json(self) -> dict[str, Any]:
        return {
            "usual": numbers(self.usual),
            "prior": numbers(self.prior),
            "predicted_by_true_label": [numbers(row) for row in self.hard.T],
            "probability_by_true_label": [numbers(row) for row in self.soft.T],
            "calibration": self.calibration.to_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Rates":
        prior = np.array(value["prior"], dtype=float)
        return cls(
            np.array(value["predicted_by_true_label"], dtype=float).T,
            np.array(value["probability_by_true_label"], dtype=float).T,
            np.array(value["usual"], dtype=float),
            prior,
            Calibration.from_json(value["calibration"]) if "calibration" in value else Calibration.none(prior),
        )


def numbers(values: Floats) -> list[float]:
    return [round(float(value), 6) for value in values]
