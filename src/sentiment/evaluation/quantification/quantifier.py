"""The estimator chosen for a model, with what its estimates and intervals need: quantification.json of an export."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from sentiment.errors import ConfigError
from sentiment.evaluation.quantification.calibration import Calibration
from sentiment.evaluation.quantification.choice import COUNTS, Choice, Served, choose
from sentiment.evaluation.quantification.estimators import (
    ESTIMATORS,
    Floats,
    Method,
    Predictions,
    Rates,
    disagreement,
    estimate,
)
from sentiment.evaluation.quantification.intervals import Spread

NORMAL = 1.96  # standard deviations of a normal distribution in half a 95 % interval


@dataclass(frozen=True)
class Quantifier:
    """Estimator of label shares, fitted on labelled texts.

    Args:
        labels: The labels, in the order of the probabilities.
        choice: The estimator and the reason for it.
        rates: The classifier's behaviour on the labelled texts.
        spread: The error model of the intervals; None where the texts were too few to fit one.
        texts: Number of labelled texts.
        groups: Description of the groups that were held out.
        export: Hash of the export whose predictions these are.
        served: The estimator of a server's recording rules; None in files of before.
    """

    labels: list[str]
    choice: Choice
    rates: Rates
    spread: Spread | None
    texts: int = 0
    groups: str = ""
    export: str = ""
    served: Served | None = None

    @classmethod
    def fit(
        cls,
        probabilities: Floats,
        targets: Floats,
        labels: Sequence[str],
        *,
        prior: Floats,
        groups: Sequence[Any] | None,
        described: str,
        export: str = "",
        natural: bool = False,
        only: Method | None = None,
        values: Sequence[float] | None = None,
        answers: Floats = None,
        mixes: Floats = None,
    ) -> "Quantifier":
        """Choose the estimator and fit the intervals on labelled texts.

        Args:
            probabilities: (n, k) predictions.
            targets: (n,) true label indices.
            labels: The label names.
            prior: (k,) label shares of the training texts, for expectation maximisation.
            groups: Group of each text; None if the texts are too few to form any.
            described: Description of the groups.
            export: Hash of the export.
            natural: The groups are those of the data, not clusters of its texts.
            only: The method to take, whatever its errors.
            values: Numbers that the labels of a scale stand for.
            answers: (n,) indices of the answered labels; None for the most probable.
            mixes: (k,) parameters of the Dirichlet distribution of simulated shares; None for the uniform one.
        """
        rows, prior = np.asarray(probabilities, dtype=float), np.asarray(prior, dtype=float)
        choice, spread, served = choose(
            rows,
            np.asarray(targets),
            groups,
            prior,
            natural=natural,
            only=only,
            values=values,
            answers=answers,
            mixes=mixes,
        )  # fmt: skip
        rates = Rates.of(rows, np.asarray(targets), prior, answers)
        return cls(list(labels), choice, rates, spread, len(rows), described if spread else "", export, served)

    @classmethod
    def without_fit(cls, labels: Sequence[str]) -> "Quantifier":
        """Return smoothed counts with intervals that hold the sample's error alone."""
        k, even = len(labels), np.full(len(labels), 1 / len(labels))
        reason = "no quantification.json was found for this model, so the labels are counted as predicted"
        return cls(
            list(labels), Choice(COUNTS, reason), Rates(np.eye(k), np.eye(k), even, even, Calibration.none(even)), None
        )

    def shares(self, predictions: Predictions) -> Floats:
        return estimate(self.choice.method, predictions, self.rates)

    def variance(self, predictions: Predictions, shares: Floats, *, sampled: bool) -> Floats:
        """Return the error variance of the estimated shares, (k,).

        Args:
            predictions: The texts' predictions.
            shares: The estimate made of them.
            sampled: Count the chance of drawing these texts, which stand for more of their kind.
        """
        n = np.array(predictions.n)
        if self.spread is None:
            zero = np.zeros(len(shares))
            return Spread(zero, zero, zero, 1.0).variance(shares, n, 0.0, sampled=True)
        return self.spread.variance(shares, n, disagreement(predictions, self.rates), sampled=sampled)

    def text_variance(self, predictions: Predictions, shares: Floats) -> Floats:
        """Return the part of the variance that averages out over texts, (k,): what two periods of a group differ by."""
        n, zero = np.array(predictions.n), np.zeros(len(shares))
        text = self.spread.text if self.spread else zero
        return Spread(text, zero, zero, 1.0).variance(shares, n, 0.0, sampled=True)

    @property
    def several(self) -> bool:
        """True if a text may have several labels."""
        return False

    @property
    def fitted(self) -> "Quantifier | None":
        """The quantifier, if its intervals were fitted."""
        return self if self.spread else None

    @property
    def prior(self) -> Floats:
        """Label shares of the training texts, (k,)."""
        return self.rates.prior

    @property
    def multiplier(self) -> float:
        """Half the width of a 95 % interval, in standard deviations."""
        return self.spread.multiplier if self.spread else NORMAL

    def interval(self, predictions: Predictions, shares: Floats, *, sampled: bool) -> tuple[Floats, Floats]:
        """Return the lower and the upper ends of the 95 % intervals, (k,) each."""
        half = self.multiplier * np.sqrt(self.variance(predictions, shares, sampled=sampled))
        return np.clip(shares - half, 0, 1), np.clip(shares + half, 0, 1)

    def to_json(self) -> dict[str, Any]:
        return {
            "labels": self.labels,
            **self.choice.to_json(),
            "texts": self.texts,
            "groups": self.groups,
            "export": self.export,
            "usual": numbers(self.rates.usual),
            "prior": numbers(self.rates.prior),
            "predicted_by_true_label": [numbers(row) for row in self.rates.hard.T],
            "probability_by_true_label": [numbers(row) for row in self.rates.soft.T],
            "calibration": self.rates.calibration.to_json(),
            "interval": self.spread.to_json() if self.spread else None,
            "serving": self.serving_json() if self.served else None,
        }

    def choice_json(self) -> dict[str, Any]:
        return self.choice.to_json()

    @property
    def choices(self) -> dict[str, Choice]:
        """The choice, under the label that it is for; here "", for all labels."""
        return {"": self.choice}

    def serving_json(self) -> dict[str, Any]:
        """Return what a worker exports for the recording rules: the estimator, linear but for its shrinkage.

        `correction[j][i]` is the part of the observed share of label i that is one of label j: the inverse of the mean
        probabilities for each true label, which is the least-squares solution where no share is negative.
        """
        assert self.served
        method, spread = self.served.method, self.served.spread
        corrected = np.linalg.inv(self.rates.soft) if method.base else np.eye(len(self.labels))
        return {
            **asdict(method),
            "statistic": "counts" if method.name == "counts" else "probability",
            "correction": [numbers(row) for row in corrected],
            "interval": spread.to_json() if spread else None,
        }

    def as_served(self) -> "Quantifier":
        """Return the quantifier of a server's recording rules. Raises ConfigError for an earlier file without."""
        if self.served is None:
            raise ConfigError(
                "estimator=serving: quantification.json has none; make it again: sentiment export run=RUN"
            )
        reason = "it is the one that the recording rules of a server apply"
        return replace(
            self, choice=replace(self.choice, method=self.served.method, reason=reason), spread=self.served.spread
        )

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Quantifier":
        prior = np.array(value["prior"], dtype=float)
        rates = Rates(
            np.array(value["predicted_by_true_label"], dtype=float).T,
            np.array(value["probability_by_true_label"], dtype=float).T,
            np.array(value["usual"], dtype=float),
            prior,
            Calibration.from_json(value["calibration"]) if "calibration" in value else Calibration.none(prior),
        )
        made = value["interval"]
        spread = Spread.from_json(made) if made else None
        method = Method(value["name"], value["base"], float(value["tau"]))
        choice = Choice(method, value["reason"], value["errors"])
        if (
            not {method.name, method.base or "counts"} <= set(ESTIMATORS)
            or rates.hard.shape != (len(value["labels"]),) * 2
        ):
            raise ValueError(f"unknown estimator {method}, or rates that do not fit the labels")
        served = served_of(value.get("serving"))
        return cls(
            list(value["labels"]), choice, rates, spread, int(value["texts"]), value["groups"], value["export"], served
        )


def served_of(value: dict[str, Any] | None) -> Served | None:
    if value is None:
        return None
    spread = Spread.from_json(value["interval"]) if value["interval"] else None
    return Served(Method(value["name"], value["base"], float(value["tau"])), spread)


def numbers(values: Floats) -> list[float]:
    return [round(float(value), 6) for value in values]
