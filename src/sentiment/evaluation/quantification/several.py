"""Quantification where a text may have several labels: for each label, the share of the texts that have it.

The shares need not add up to 1. Each label is a separate problem with two classes, the label and its absence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sentiment.evaluation.quantification.chosen import Choice
from sentiment.evaluation.quantification.quantifier import Quantifier
from sentiment.evaluation.quantification.rates import Floats, Predictions

LEAST = 0.05  # parameter of a Dirichlet distribution, for a label that no text has


@dataclass(frozen=True)
class SeveralPredictions:
    """Predictions of a set of texts that may have several labels: those of two classes for each label."""

    parts: Sequence[Predictions]

    @classmethod
    def pooled(cls, sets: "Sequence[SeveralPredictions]") -> "SeveralPredictions":
        """Return the predictions of several sets of texts as those of one."""
        columns = zip(*(one.parts for one in sets), strict=True)
        return cls([Predictions.pooled(column) for column in columns])

    @cached_property
    def counts(self) -> Floats:
        """Texts that were given each label, (k,)."""
        return np.array([part.counts[0] for part in self.parts])

    @property
    def n(self) -> float:
        return self.parts[0].n


@dataclass(frozen=True)
class SeveralQuantifier:
    """Estimator of the share of each of several labels: a quantifier of two classes for each.

    Args:
        labels: The labels, in the order of the probabilities.
        parts: The quantifier of each.
    """

    labels: list[str]
    parts: Sequence[Quantifier]

    @classmethod
    def fit(
        cls,
        probabilities: Floats,
        targets: Floats,
        labels: Sequence[str],
        *,
        prior: Floats,
        answers: Floats,
        **options: Any,
    ) -> "SeveralQuantifier":
        """Choose the estimator of each label and fit its intervals.

        Simulated shares of a label are drawn about its usual share, as widely as the uniform ones of two even classes:
        most texts do not suddenly have a rare label.

        Args:
            probabilities: (n, k) predictions.
            targets: (n, k) True or 1 where the text has the label.
            labels: The label names.
            prior: (k,) share of the training texts that have each label.
            answers: (n, k) True where the label was given.
            **options: See `Quantifier.fit`.
        """
        columns = zip(labels, problems(probabilities, answers), np.asarray(targets).T, prior, strict=True)
        parts = [
            Quantifier.fit(
                rows,
                1 - own.astype(int),
                names(label),
                prior=both(share),
                answers=given,
                mixes=np.maximum(2 * both(own.mean()), LEAST),
                **options,
            )
            for label, (rows, given), own, share in columns
        ]
        return cls(list(labels), parts)

    @classmethod
    def without_fit(cls, labels: Sequence[str]) -> "SeveralQuantifier":
        return cls(list(labels), [Quantifier.without_fit(names(label)) for label in labels])

    def shares(self, predictions: SeveralPredictions) -> Floats:
        pairs = zip(self.parts, predictions.parts, strict=True)
        return np.array([own.shares(one)[0] for own, one in pairs])

    def interval(self, predictions: SeveralPredictions, shares: Floats, *, sampled: bool) -> tuple[Floats, Floats]:
        """Return the lower and the upper ends of the 95 % intervals, (k,) each."""
        ends = [
            [end[0] for end in own.interval(one, both(share), sampled=sampled)]
            for own, one, share in zip(self.parts, predictions.parts, shares, strict=True)
        ]
        return np.array(ends)[:, 0], np.array(ends)[:, 1]

    def text_variance(self, predictions: SeveralPredictions, shares: Floats) -> Floats:
        """Return the part of the variance that averages out over texts, (k,)."""
        pairs = zip(self.parts, predictions.parts, shares, strict=True)
        return np.array([own.text_variance(one, both(share))[0] for own, one, share in pairs])

    @property
    def several(self) -> bool:
        return True

    @property
    def export(self) -> str:
        return self.parts[0].export

    @property
    def fitted(self) -> Quantifier | None:
        """The quantifier of a label whose intervals were fitted; None if those of none were."""
        return next((part for part in self.parts if part.spread), None)

    @property
    def prior(self) -> Floats:
        return np.array([part.rates.prior[0] for part in self.parts])

    def within(self, larger: SeveralPredictions) -> "SeveralQuantifier":
        """Return the quantifier for parts of a larger set of texts."""
        return SeveralQuantifier(self.labels, [p.within(one) for p, one in zip(self.parts, larger.parts, strict=True)])

    def for_unlike_texts(self) -> "SeveralQuantifier":
        return SeveralQuantifier(self.labels, [part.for_unlike_texts() for part in self.parts])

    def as_served(self) -> "SeveralQuantifier":
        return SeveralQuantifier(self.labels, [part.as_served() for part in self.parts])

    def to_json(self) -> dict[str, Any]:
        return {"labels": self.labels, "several": [part.to_json() for part in self.parts]}

    def choice_json(self) -> dict[str, Any]:
        return {label: choice.to_json() for label, choice in self.choices.items()}

    @property
    def choices(self) -> dict[str, Choice]:
        """The choice for each label."""
        return {label: part.choice for label, part in zip(self.labels, self.parts, strict=True)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "SeveralQuantifier":
        parts = [Quantifier.from_json(part) for part in value["several"]]
        if [part.labels[0] for part in parts] != list(value["labels"]):
            raise ValueError("its parts do not fit the labels")
        return cls(list(value["labels"]), parts)


def problems(probabilities: Floats, answers: Floats) -> list[tuple[Floats, Floats]]:
    """Split predictions into problems of classes that exclude each other.

    Args:
        probabilities: (n, k).
        answers: (n,) indices of the answered labels, or of several labels whether each was given, (n, k).

    Returns:
        Probabilities and answered classes of each: as they are, or the label (class 0) and its absence for each label.
    """
    if answers.ndim == 1:
        return [(probabilities, answers)]
    columns = zip(np.asarray(probabilities, dtype=float).T, answers.T, strict=True)
    return [(np.stack([column, 1 - column], axis=1), 1 - given.astype(int)) for column, given in columns]


def names(label: str) -> list[str]:
    return [label, f"not {label}"]


def both(share: float) -> Floats:
    return np.array([share, 1 - share])
