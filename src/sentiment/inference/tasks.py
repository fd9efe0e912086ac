"""Kinds of label, decoding half: how logits become probabilities, and probabilities an answer.

An export names its task in preprocessing.json; one without is a `Single`. The archive carries this module. numpy and
torch are imported where they are used, since clients read `Prediction`s without them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import isfinite
from typing import Any, ClassVar, Literal, Protocol, get_args

from sentiment.errors import RequestError
from sentiment.inference.types import LIMIT, Label, Prediction, Threshold, joined, names_of


class Decoding(Protocol):
    """Decoding of one kind of label. Arrays are numpy, (N, labels), unless said otherwise."""

    kind: ClassVar[str]

    def probabilities(self, logits: Any) -> Any:
        """Convert logits to probabilities of each label, float32."""
        ...

    def calibrated(self, probabilities: Any, temperature: float) -> Any:
        """Apply the calibration that was fitted on the validation split to probabilities."""
        ...

    def log_scores(self, logits: Any) -> Any:
        """Convert a tensor of logits to what `normalized` takes: log-probabilities up to a constant, or log-odds."""
        ...

    def normalized(self, scores: Any) -> Any:
        """Convert a tensor of `log_scores` to probabilities."""
        ...

    def log_odds(self, scores: Any, target: int) -> Any:
        """Return ln(p / (1 - p)) of one label from a tensor of `log_scores`, (N,)."""
        ...

    def decide(self, probabilities: Any) -> Any:
        """Return the index of the answered label of each row, (N,); of several labels, whether each is, (N, labels)."""
        ...

    def target(self, probabilities: Any) -> int:
        """Return the index of the label that is explained where none is asked for, from one row (1, labels)."""
        ...

    def answer(self, labels: Sequence[str], row: Sequence[float], *, tokens: int, truncated: bool) -> Prediction:
        """Build the answer to one text from its probabilities."""
        ...

    def unread(self, labels: int) -> list[float]:
        """Return the probabilities of a text that cannot be read."""
        ...

    def credit(self, labels: Sequence[str], answered: Label, truth: Label) -> float:
        """Return how right an answer is, between 0 and 1; the gates of conversion and deployment average it."""
        ...

    def to_json(self) -> dict[str, Any] | None:
        """Return the settings for preprocessing.json; None where the absence of any means this task."""
        ...


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

    def unread(self, labels: int) -> list[float]:
        return [1 / labels] * labels


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

    def answer(self, labels: Sequence[str], row: Sequence[float], *, tokens: int, truncated: bool) -> Prediction:
        return Prediction.best(labels, row, tokens=tokens, truncated=truncated)

    def credit(self, labels: Sequence[str], answered: Label, truth: Label) -> float:
        return float(answered == truth)

    def to_json(self) -> dict[str, Any] | None:
        return None


Link = Literal["softmax", "corn"]
Decision = Literal["argmax", "median"]


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

    def credit(self, labels: Sequence[str], answered: Label, truth: Label) -> float:
        apart = abs(self.values[labels.index(joined(answered))] - self.values[labels.index(joined(truth))])
        return 1 - apart / (self.values[-1] - self.values[0])

    def to_json(self) -> dict[str, Any] | None:
        prior = None if self.prior is None else list(self.prior)
        own = {"kind": self.kind, "values": list(self.values), "link": self.link, "decision": self.decision}
        return {**own, "prior": prior}


@dataclass(frozen=True, slots=True)
class Multi:
    """Any number of several labels, none too: a sigmoid for each label, and a threshold.

    Args:
        thresholds: The smallest probability at which each label is given.
        slopes: Calibration of each label's log-odds on validation, slope * log-odds + bias (Platt 1999).
        biases: The second half of it.
    """

    kind: ClassVar[str] = "multi"
    thresholds: tuple[float, ...]
    slopes: tuple[float, ...] | None = None
    biases: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        count = len(numbers("thresholds", self.thresholds))
        for name, neutral in (("thresholds", 0.5), ("slopes", 1.0), ("biases", 0.0)):
            given = getattr(self, name)
            object.__setattr__(self, name, (neutral,) * count if given is None else numbers(name, given))
            if len(getattr(self, name)) != count:
                raise ValueError(f"task.{name}={list(given)}: expected a number for each of {count} labels")
        if any(not 0 <= threshold <= 1 for threshold in self.thresholds):
            raise ValueError(f"task.thresholds={list(self.thresholds)}: expected numbers between 0 and 1")
        if any(slope <= 0 for slope in self.slopes or ()):
            raise ValueError(f"task.slopes={list(self.slopes or ())}: expected numbers above 0")

    def probabilities(self, logits: Any) -> Any:
        return sigmoid(logits)

    def calibrated(self, probabilities: Any, temperature: float) -> Any:
        import numpy as np

        own = (np.asarray(part, probabilities.dtype) for part in (self.slopes, self.biases))
        slopes, biases = own
        return sigmoid(log_odds(probabilities) * slopes + biases)

    def uncalibrated(self, probabilities: Any) -> Any:
        """Undo `calibrated`."""
        import numpy as np

        own = (np.asarray(part, probabilities.dtype) for part in (self.slopes, self.biases))
        slopes, biases = own
        return sigmoid((log_odds(probabilities) - biases) / slopes)

    def log_scores(self, logits: Any) -> Any:
        return logits * logits.new_tensor(self.slopes) + logits.new_tensor(self.biases)

    def normalized(self, scores: Any) -> Any:
        return scores.sigmoid()

    def log_odds(self, scores: Any, target: int) -> Any:
        return scores[:, target]

    def decide(self, probabilities: Any) -> Any:
        import numpy as np

        return probabilities >= np.asarray(self.thresholds, probabilities.dtype)

    def target(self, probabilities: Any) -> int:
        return int(probabilities[0].argmax())

    def answer(self, labels: Sequence[str], row: Sequence[float], *, tokens: int, truncated: bool) -> Prediction:
        given = tuple(label for label, p, least in zip(labels, row, self.thresholds, strict=True) if p >= least)
        probabilities = dict(zip(labels, row, strict=True))
        return Prediction(joined(given), max(row), probabilities, tokens, truncated, labels=given)

    def unread(self, labels: int) -> list[float]:
        return [0.5] * labels

    def credit(self, labels: Sequence[str], answered: Label, truth: Label) -> float:
        return overlap(answered, truth)

    def with_thresholds(self, labels: Sequence[str], threshold: Threshold) -> "Multi":
        """Return a decoding with another threshold for all labels, or for those named.

        Raises:
            RequestError: The model has no such label, or a threshold is no number between 0 and 1.
        """
        checked = check_threshold(threshold)
        if not isinstance(checked, Mapping):
            return replace(self, thresholds=(checked,) * len(labels))
        if unknown := [label for label in checked if label not in labels]:
            told = f"threshold: no label {unknown[0][:40]!r}; this model has {', '.join(labels)}"
            raise RequestError(told, reason="unknown_label")
        own = dict(zip(labels, self.thresholds, strict=True)) | dict(checked)
        return replace(self, thresholds=tuple(own[label] for label in labels))

    def to_json(self) -> dict[str, Any] | None:
        return {"kind": self.kind} | {name: list(getattr(self, name)) for name in ("thresholds", "slopes", "biases")}


SINGLE = Single()
DECODINGS: dict[str, type[Any]] = {Single.kind: Single, Scale.kind: Scale, Multi.kind: Multi}
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
        row = decoding.unread(len(row))
    best = decoding.answer(labels, row, tokens=tokens, truncated=truncated)
    if not readable and best.labels:
        best = replace(best, label="", labels=())
    return replace(best, unreadable=round(unreadable, 4), readable=readable)


def decided_by(decoding: Decoding, labels: Sequence[str], threshold: Threshold) -> Decoding:
    """Return a decoding with other thresholds.

    Raises:
        RequestError: Its task has none, or they are not right for its labels.
    """
    if not isinstance(decoding, Multi):
        told = f"threshold is for models that give several labels (task=multi); this one has task={decoding.kind}"
        raise RequestError(f"{told}, leave it out")
    return decoding.with_thresholds(labels, threshold)


def decided_again(predictions: Sequence[Prediction], decoding: Decoding) -> list[Prediction]:
    """Return predictions of several labels as another decoding, with other thresholds, decides them."""
    labels = list(predictions[0].probabilities) if predictions else []
    answers = [decoding.answer(labels, [*one.probabilities.values()], tokens=0, truncated=False) for one in predictions]
    return [
        one if one.readable is False else replace(one, label=other.label, labels=other.labels)
        for one, other in zip(predictions, answers, strict=True)
    ]


def check_threshold(value: Any, name: str = "threshold") -> Threshold:
    """Return a threshold, or one for each of some labels. Raises RequestError for what is neither."""
    if isinstance(value, Mapping) and value:
        return {str(label): float(check_threshold(one, f"{name}.{label}")) for label, one in value.items()}  # type: ignore[arg-type]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        told = f"{name} must be a number between 0 and 1, or one for each of some labels, got {str(value)[:40]}"
        raise RequestError(told)
    return float(value)


def overlap(answered: Label, truth: Label) -> float:
    """Return the Jaccard index of two sets of labels, 1 where both are empty; of single labels, whether they agree."""
    own, other = set(names_of(answered)), set(names_of(truth))
    return len(own & other) / len(own | other) if own | other else 1.0


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


def with_temperature(probabilities: Any, temperature: float) -> Any:
    """Apply a temperature to probabilities (N, labels): softmax(log p / temperature)."""
    import numpy as np

    return softmax(np.log(np.maximum(probabilities, 1e-12)) / temperature)


def sigmoid(logits: Any) -> Any:
    """Compute the logistic function in numpy, without overflow."""
    import numpy as np

    return (1 + np.tanh(logits / 2)) / 2


def log_odds(probabilities: Any) -> Any:
    """Compute ln(p / (1 - p)) in numpy, finite at 0 and 1."""
    import numpy as np

    kept = np.clip(probabilities, 1e-6, 1 - 1e-6)
    return np.log(kept / (1 - kept))
