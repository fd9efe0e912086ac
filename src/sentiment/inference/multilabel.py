"""Decoding of any number of several labels: a probability and a threshold for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from sentiment.errors import RequestError
from sentiment.inference.arithmetic import log_odds, numbers, sigmoid
from sentiment.inference.types import Label, Prediction, Threshold, join_labels, list_labels, names_of


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
        slopes, biases = self._platt(probabilities.dtype)
        return sigmoid(log_odds(probabilities) * slopes + biases)

    def uncalibrated(self, probabilities: Any) -> Any:
        """Undo `calibrated`."""
        slopes, biases = self._platt(probabilities.dtype)
        return sigmoid((log_odds(probabilities) - biases) / slopes)

    def _platt(self, dtype: Any) -> tuple[Any, Any]:
        """Return slopes and biases as arrays, (labels,) each."""
        import numpy as np

        return np.asarray(self.slopes, dtype), np.asarray(self.biases, dtype)

    def log_scores(self, logits: Any) -> Any:
        return logits * logits.new_tensor(self.slopes) + logits.new_tensor(self.biases)

    def normalized(self, scores: Any) -> Any:
        return scores.sigmoid()

    def log_odds(self, scores: Any, target: int) -> Any:
        return scores[:, target]

    def decide(self, probabilities: Any) -> Any:
        import numpy as np

        return probabilities >= np.asarray(self.thresholds, probabilities.dtype)

    def cost(self, probabilities: Any, answers: Any) -> Any:
        """Return the margin of each changed label: its distance from the threshold, 1 at the farthest."""
        import numpy as np

        thresholds = np.asarray(self.thresholds, probabilities.dtype)
        margins = np.abs(probabilities - thresholds) / np.maximum(thresholds, 1 - thresholds)
        return margins * (answers != self.decide(probabilities))

    def distributions(self, probabilities: Any) -> Any:
        import numpy as np

        return np.stack([probabilities, 1 - probabilities], axis=-1)

    def target(self, probabilities: Any) -> int:
        return int(probabilities[0].argmax())

    def answer(self, labels: Sequence[str], row: Sequence[float], *, tokens: int, truncated: bool) -> Prediction:
        given = tuple(label for label, p, least in zip(labels, row, self.thresholds, strict=True) if p >= least)
        probabilities = dict(zip(labels, row, strict=True))
        return Prediction(join_labels(given), max(row), probabilities, tokens, truncated, labels=given)

    def unread(self, labels: Sequence[str], *, tokens: int, truncated: bool) -> Prediction:
        none = self.with_thresholds(labels, 1.0)
        return none.answer(labels, [0.5] * len(labels), tokens=tokens, truncated=truncated)

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
            told = f"threshold: no label {unknown[0][:40]!r}; this model has {list_labels(labels)}"
            raise RequestError(told, reason="unknown_label")
        own = dict(zip(labels, self.thresholds, strict=True)) | dict(checked)
        return replace(self, thresholds=tuple(own[label] for label in labels))

    def to_json(self) -> dict[str, Any] | None:
        return {"kind": self.kind} | {name: list(getattr(self, name)) for name in ("thresholds", "slopes", "biases")}


def check_threshold(value: Any) -> Threshold:
    """Return a threshold, or one for each of some labels. Raises RequestError for what is neither."""
    if isinstance(value, Mapping) and value:
        named = {str(label).lower() if isinstance(label, bool) else str(label): one for label, one in value.items()}
        return {label: check_share(one, f"threshold.{label}") for label, one in named.items()}
    return check_share(value, "threshold", "a number between 0 and 1, or one for each of some labels")


def check_share(value: Any, name: str, wanted: str = "a number between 0 and 1") -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise RequestError(f"{name} must be {wanted}, got {repr(value)[:40]}")
    return float(value)


def overlap(answered: Label, truth: Label) -> float:
    """Return the Jaccard index of two sets of labels, 1 where both are empty; of single labels, whether they agree."""
    own, other = set(names_of(answered)), set(names_of(truth))
    return len(own & other) / len(own | other) if own | other else 1.0
