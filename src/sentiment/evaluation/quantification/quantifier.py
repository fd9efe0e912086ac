"""The estimator chosen for a model, with what its estimates and intervals need: quantification.json of an export."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sentiment.errors import ConfigError
from sentiment.evaluation.quantification.calibration import Calibration
from sentiment.evaluation.quantification.choice import choose
from sentiment.evaluation.quantification.chosen import Choice, Fitted, spread_of
from sentiment.evaluation.quantification.decision import FEW, likeliest_numbers
from sentiment.evaluation.quantification.estimators import Method, disagreement, estimate
from sentiment.evaluation.quantification.intervals import Spread
from sentiment.evaluation.quantification.methods import COUNTS
from sentiment.evaluation.quantification.rates import Floats, Predictions, Rates, numbers

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
        far: The estimator for texts unlike the labelled ones; None in files of before.
        decides: Of few texts, the shares are those of the likeliest numbers; a rule of a server cannot decide.
        mix: (k,) shares of the larger set that the texts belong to, which decides about few; see `within`.
    """

    labels: list[str]
    choice: Choice
    rates: Rates
    spread: Spread | None
    texts: int = 0
    groups: str = ""
    export: str = ""
    served: Fitted | None = None
    far: Fitted | None = None
    decides: bool = True
    mix: Floats = None

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
        how: dict[str, Any] = {"natural": natural, "only": only, "values": values, "answers": answers, "mixes": mixes}
        found = choose(rows, np.asarray(targets), groups, prior, **how)
        rates = Rates.of(rows, np.asarray(targets), prior, answers)
        groups_named = described if found.spread else ""
        return cls(
            list(labels), found.usual, rates, found.spread, len(rows), groups_named, export, found.served, found.far
        )

    @classmethod
    def without_fit(cls, labels: Sequence[str]) -> "Quantifier":
        """Return smoothed counts with intervals that hold the sample's error alone."""
        k, even = len(labels), np.full(len(labels), 1 / len(labels))
        reason = "no quantification.json was found for this model, so the labels are counted as predicted"
        return cls(
            list(labels), Choice(COUNTS, reason), Rates(np.eye(k), np.eye(k), even, even, Calibration.none(even)), None
        )

    def shares(self, predictions: Predictions) -> Floats:
        if self.decided(predictions):
            mix = self.within(predictions).mix if self.mix is None else self.mix
            return likeliest_numbers(predictions, mix, self.rates)
        return estimate(self.choice.method, predictions, self.rates)

    def within(self, larger: Predictions) -> "Quantifier":
        """Return the quantifier for parts of a larger set of texts, such as the periods of a group.

        The mix of the larger set has a text of the usual mix added for each label.
        """
        k, usual = len(self.labels), self.rates.calibration.prior
        found = estimate(self.choice.method, larger, self.rates)
        return replace(self, mix=(larger.n * found + k * usual) / (larger.n + k))

    def decided(self, predictions: Predictions) -> bool:
        """Return True if the shares are those of numbers of texts, since the texts are few."""
        return self.decides and predictions.n <= FEW

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
        """Return the lower and the upper ends of the 95 % intervals, (k,) each.

        They are about the mean, also where the shares of few texts are decided.
        """
        mean = estimate(self.choice.method, predictions, self.rates) if self.decided(predictions) else shares
        half = self.multiplier * np.sqrt(self.variance(predictions, mean, sampled=sampled))
        return np.clip(np.minimum(mean - half, shares), 0, 1), np.clip(np.maximum(mean + half, shares), 0, 1)

    def to_json(self) -> dict[str, Any]:
        return {
            "labels": self.labels,
            **self.choice.to_json(),
            "texts": self.texts,
            "groups": self.groups,
            "export": self.export,
            **self.rates.to_json(),
            "interval": self.spread.to_json() if self.spread else None,
            "serving": self.serving_json() if self.served else None,
            "unlike": self.far.to_json() | {"reason": self.far.reason} if self.far else None,
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
        name, base = self.served.method.name, self.served.method.base
        corrected = np.linalg.inv(self.rates.soft) if base else np.eye(len(self.labels))
        return self.served.to_json() | {
            "statistic": "counts" if name == "counts" else "probability",
            "correction": [numbers(row) for row in corrected],
        }

    def for_unlike_texts(self) -> "Quantifier":
        """Return the quantifier with the estimator for texts unlike the labelled ones; itself if it has none."""
        if self.far is None or self.far.spread is None:
            return self
        choice = replace(self.choice, method=self.far.method, reason=self.far.reason)
        return replace(self, choice=choice, spread=self.far.spread)

    def as_served(self) -> "Quantifier":
        """Return the quantifier of a server's recording rules. Raises ConfigError for an earlier file without."""
        if self.served is None:
            raise ConfigError(
                "estimator=serving: quantification.json has none; make it again: sentiment export run=RUN"
            )
        reason = "it is the one that the recording rules of a server apply"
        return replace(
            self,
            choice=replace(self.choice, method=self.served.method, reason=reason),
            spread=self.served.spread,
            decides=False,
        )

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Quantifier":
        rates = Rates.from_json(value)
        if rates.hard.shape != (len(value["labels"]),) * 2:
            raise ValueError("its rates do not fit the labels")
        return cls(
            list(value["labels"]),
            Choice.from_json(value),
            rates,
            spread_of(value["interval"]),
            int(value["texts"]),
            value["groups"],
            value["export"],
            Fitted.from_json(value.get("serving")),
            Fitted.from_json(value.get("unlike")),
        )
