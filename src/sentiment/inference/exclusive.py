"""Decodings of one label of several, whose probabilities add up to 1: without an order, and on a scale."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import fsum
from typing import Any, ClassVar, Literal, get_args

from sentiment.inference.arithmetic import corn_log_probabilities, numbers, pick, quantile, softmax, with_temperature
from sentiment.inference.types import Label, Prediction, join_labels

LEVEL = 0.9  # probability of the interval of a scale
Link = Literal["softmax", "corn"]
Decision = Literal["argmax", "median"]


class Exclusive:
    """Base of the decodings whose probabilities add up to 1."""

    __slots__ = ()

    def calibrated(self, probabilities: Any, temperature: float) -> Any:
        return with_temperature(probabilities, temperature)

    def normalized(self, scores: Any) -> Any:
        return scores.softmax(-1)

    def log_odds(self, scores: Any, target: int) -> Any:
        others = [i for i in range(scores.shape[-1]) if i != target]
        return scores[:, target] - scores[:, others].logsumexp(-1)

    def target(self, probabilities: Any) -> int:
        return int(self.decide(probabilities)[0])  # type: ignore[attr-defined]

    def distributions(self, probabilities: Any) -> Any:
        return probabilities


@dataclass(frozen=True, slots=True)
class Single(Exclusive):
    """One of several labels: softmax, and the most probable label."""

    kind: ClassVar[str] = "single"

    def probabilities(self, logits: Any) -> Any:
        return softmax(logits)

    def log_scores(self, logits: Any) -> Any:
        return logits

    def decide(self, probabilities: Any) -> Any:
        return probabilities.argmax(axis=-1)

    def cost(self, probabilities: Any, answers: Any) -> Any:
        return probabilities.max(axis=-1) - pick(probabilities, answers)

    def answer(self, labels: Sequence[str], row: Sequence[float], *, tokens: int, truncated: bool) -> Prediction:
        return Prediction.best(labels, row, tokens=tokens, truncated=truncated)

    def unread(self, labels: Sequence[str], *, tokens: int, truncated: bool) -> Prediction:
        return self.answer(labels, [1 / len(labels)] * len(labels), tokens=tokens, truncated=truncated)

    def credit(self, labels: Sequence[str], answered: Label, truth: Label) -> float:
        return float(answered == truth)

    def to_json(self) -> dict[str, Any] | None:
        return None


@dataclass(frozen=True, slots=True)
class Scale(Exclusive):
    """One of several ordered labels: a distribution over a scale, with its expected value and an interval.

    Args:
        values: The number that each label stands for, ascending.
        link: How logits become a distribution: softmax, or the chain of CORN (Shi et al. 2023).
        decision: The answered label: the most probable one, or the median of the distribution.
        prior: Shares of the labels in training, which the decision divides out; None keeps them.
    """

    kind: ClassVar[str] = "scale"
    values: tuple[float, ...]
    link: Link = "softmax"
    decision: Decision = "median"
    prior: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", numbers("values", self.values))
        if len(self.values) < 2 or any(a >= b for a, b in pairwise(self.values)):
            raise ValueError(f"task.values={list(self.values)}: expected two ascending numbers or more")
        if self.prior is not None:
            object.__setattr__(self, "prior", numbers("prior", self.prior))
            if len(self.prior) != len(self.values) or min(self.prior) <= 0:
                raise ValueError(f"task.prior={list(self.prior)}: expected a number above 0 for each label")
        for name, choices in (("link", get_args(Link)), ("decision", get_args(Decision))):
            if getattr(self, name) not in choices:
                raise ValueError(f"task.{name}={getattr(self, name)!r}: expected one of {', '.join(choices)}")

    def probabilities(self, logits: Any) -> Any:
        if self.link == "softmax":
            return softmax(logits)
        import torch

        return self.log_scores(torch.from_numpy(logits)).exp().numpy()

    def log_scores(self, logits: Any) -> Any:
        return logits if self.link == "softmax" else corn_log_probabilities(logits)

    def decide(self, probabilities: Any) -> Any:
        weights = self._weights(probabilities)
        return weights.argmax(axis=-1) if self.decision == "argmax" else quantile(weights, 0.5)

    def cost(self, probabilities: Any, answers: Any) -> Any:
        """Return the margins of changed answers; of medians, by how many steps more they are expected to be off."""
        import numpy as np

        weights = self._weights(probabilities)
        weights = weights / weights.sum(axis=-1, keepdims=True)
        if self.decision == "argmax":
            return weights.max(axis=-1) - pick(weights, answers)
        steps = np.arange(weights.shape[-1])
        off = weights @ np.abs(steps[:, None] - steps)
        return pick(off, answers) - pick(off, self.decide(probabilities))

    @property
    def takes_the_most_probable(self) -> bool:
        """Tell whether the answered label is always the one with the highest probability."""
        return self.decision == "argmax" and self.prior is None

    @property
    def described(self) -> str:
        """Describe the decision in a phrase, for people."""
        named = "the most probable label" if self.decision == "argmax" else "the median of the distribution"
        return named if self.prior is None else f"{named} after the shares of the labels in training are divided out"

    def _weights(self, probabilities: Any) -> Any:
        """Divide the prior out, if there is one."""
        import numpy as np

        return probabilities if self.prior is None else probabilities / np.asarray(self.prior, probabilities.dtype)

    def expected(self, probabilities: Any) -> Any:
        """Return the expected value of each row, (N,)."""
        return probabilities @ self.numbers

    @property
    def numbers(self) -> Any:
        """`values` as an array, (labels,)."""
        import numpy as np

        return np.asarray(self.values)

    def answer(self, labels: Sequence[str], row: Sequence[float], *, tokens: int, truncated: bool) -> Prediction:
        import numpy as np

        rows = np.asarray([row])
        label = labels[int(self.decide(rows)[0])]
        probabilities = dict(zip(labels, row, strict=True))
        low, high = (self.values[int(quantile(rows, share)[0])] for share in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
        return Prediction(
            label,
            probabilities[label],
            probabilities,
            tokens,
            truncated,
            value=float(self.expected(rows)[0]),
            interval=(low, high),
        )

    def unread(self, labels: Sequence[str], *, tokens: int, truncated: bool) -> Prediction:
        """Answer with the middle of the scale: what the decision prefers, such as a rare label, says nothing here."""
        middle = replace(self, decision="median", prior=None)
        found = middle.answer(labels, [1 / len(labels)] * len(labels), tokens=tokens, truncated=truncated)
        return replace(found, value=fsum(self.values) / len(labels))  # a plain 0 of -2 to 2

    def credit(self, labels: Sequence[str], answered: Label, truth: Label) -> float:
        apart = abs(self.values[labels.index(join_labels(answered))] - self.values[labels.index(join_labels(truth))])
        return 1 - apart / (self.values[-1] - self.values[0])

    def to_json(self) -> dict[str, Any] | None:
        prior = None if self.prior is None else list(self.prior)
        own = {"kind": self.kind, "values": list(self.values), "link": self.link, "decision": self.decision}
        return {**own, "prior": prior}
