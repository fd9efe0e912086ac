"""Kinds of label, decoding half: how logits become probabilities, and probabilities an answer.

An export names its task in preprocessing.json; one without is a `Single`. The archive carries this module. numpy and
torch are imported where they are used, since clients read `Prediction`s without them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import isfinite
from typing import Any, ClassVar, Literal, Protocol, get_args

from sentiment.inference.types import LIMIT, Prediction


class Decoding(Protocol):
    """Decoding of one kind of label. Arrays are numpy, (N, labels), unless said otherwise."""

    kind: ClassVar[str]

    def probabilities(self, logits: Any) -> Any:
        """Convert logits to probabilities of each label, float32."""
        ...

    def log_scores(self, logits: Any) -> Any:
        """Convert a tensor of logits to log-probabilities up to a constant per row, differentiable (explanations)."""
        ...

    def decide(self, probabilities: Any) -> Any:
        """Return the index of the answered label of each row, (N,)."""
        ...

    def answer(self, labels: Sequence[str], row: Sequence[float], *, tokens: int, truncated: bool) -> Prediction:
        """Build the answer to one text from its probabilities."""
        ...

    def credit(self, labels: Sequence[str], answered: str, truth: str) -> float:
        """Return how right an answer is, between 0 and 1; the gates of conversion and deployment average it."""
        ...

    def to_json(self) -> dict[str, Any] | None:
        """Return the settings for preprocessing.json; None where the absence of any means this task."""
        ...


@dataclass(frozen=True, slots=True)
class Single:
    """One of several labels: softmax, and the most probable label."""

    kind: ClassVar[str] = "single"

    def probabilities(self, logits: Any) -> Any:
        return softmax(logits)

    def log_scores(self, logits: Any) -> Any:
        return logits

    def decide(self, probabilities: Any) -> Any:
        return probabilities.argmax(axis=-1)

    def answer(self, labels: Sequence[str], row: Sequence[float], *, tokens: int, truncated: bool) -> Prediction:
        return Prediction.best(labels, row, tokens=tokens, truncated=truncated)

    def credit(self, labels: Sequence[str], answered: str, truth: str) -> float:
        return float(answered == truth)

    def to_json(self) -> dict[str, Any] | None:
        return None


Link = Literal["softmax", "corn"]
Decision = Literal["argmax", "median"]


@dataclass(frozen=True, slots=True)
class Scale:
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
        import numpy as np

        weights = probabilities if self.prior is None else probabilities / np.asarray(self.prior, probabilities.dtype)
        return weights.argmax(axis=-1) if self.decision == "argmax" else quantile(weights, 0.5)

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

    def credit(self, labels: Sequence[str], answered: str, truth: str) -> float:
        apart = abs(self.values[labels.index(answered)] - self.values[labels.index(truth)])
        return 1 - apart / (self.values[-1] - self.values[0])

    def to_json(self) -> dict[str, Any] | None:
        prior = None if self.prior is None else list(self.prior)
        own = {"kind": self.kind, "values": list(self.values), "link": self.link, "decision": self.decision}
        return {**own, "prior": prior}


SINGLE = Single()
DECODINGS: dict[str, type[Any]] = {Single.kind: Single, Scale.kind: Scale}
LEVEL = 0.9  # probability of the interval of a scale


def decoding_of(settings: Mapping[str, Any] | None) -> Decoding:
    """Build the decoding that an export's preprocessing.json names; `Single` where it names none.

    Raises:
        ValueError: The kind is unknown, or a setting is wrong.
    """
    if settings is None:
        return SINGLE
    own = dict(settings)
    kind = own.pop("kind", None)
    if kind not in DECODINGS:
        raise ValueError(f"task.kind={kind!r}: expected one of {', '.join(DECODINGS)}")
    made: Decoding = DECODINGS[kind](**own)
    return made


def answered(
    decoding: Decoding, labels: Sequence[str], row: Sequence[float], *, tokens: int, truncated: bool, unreadable: float
) -> Prediction:
    """Build the answer to one text; of one that cannot be read, every label has the same probability."""
    readable = unreadable <= LIMIT
    if not readable:
        row = [1 / len(row)] * len(row)
    best = decoding.answer(labels, row, tokens=tokens, truncated=truncated)
    return replace(best, unreadable=round(unreadable, 4), readable=readable)


def numbers(name: str, values: Any) -> tuple[float, ...]:
    """Return a sequence of finite numbers as floats. Raises ValueError for anything else."""
    plain: list[Any] = list(values) if isinstance(values, list | tuple) else [None]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) for value in plain):
        raise ValueError(f"task.{name}={values!r}: expected a list of numbers")
    return tuple(map(float, plain))


def quantile(weights: Any, share: float) -> Any:
    """Return the index of the first column at which a row's weights (N, labels) add up to `share` of their sum."""
    reached = weights.cumsum(axis=-1) >= share * weights.sum(axis=-1, keepdims=True)
    return reached.argmax(axis=-1)


def corn_log_probabilities(logits: Any) -> Any:
    """Compute log-probabilities from the logits of CORN, a tensor (N, labels).

    Logit k > 0 is the log-odds of a label above k - 1, given one of at least k - 1. The first logit is not used: the
    head has an output for each label, as transformers wants it.
    """
    from torch.nn.functional import logsigmoid, pad

    steps = logits[..., 1:]
    return pad(logsigmoid(steps).cumsum(dim=-1), (1, 0)) + pad(logsigmoid(-steps), (0, 1))


def softmax(logits: Any) -> Any:
    """Compute the softmax over the last axis in numpy.

    torch.softmax would wake one thread per core, and these compete with the runtime's own threads.
    """
    import numpy as np

    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
