"""Kinds of label, decoding half: how logits become probabilities, and probabilities an answer.

An export names its task in preprocessing.json; one without is a `Single`. The archive carries this module.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Protocol

from sentiment.errors import RequestError
from sentiment.inference.exclusive import Scale, Single
from sentiment.inference.multilabel import Multi
from sentiment.inference.types import LIMIT, Label, Prediction, Threshold, Unread


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

    def cost(self, probabilities: Any, answers: Any) -> Any:
        """Return what answers in the form of `decide` lose by these probabilities, 0 where they decide the same.

        That is the margin by which the decided answer leads; of several labels that of each, (N, labels).
        """
        ...

    def distributions(self, probabilities: Any) -> Any:
        """Return probabilities whose last axis adds up to 1: (N, labels), of several labels (N, labels, 2)."""
        ...

    def target(self, probabilities: Any) -> int:
        """Return the index of the label that is explained where none is asked for, from one row (1, labels)."""
        ...

    def answer(self, labels: Sequence[str], row: Sequence[float], *, tokens: int, truncated: bool) -> Prediction:
        """Build the answer to one text from its probabilities."""
        ...

    def unread(self, labels: Sequence[str], *, tokens: int, truncated: bool) -> Prediction:
        """Build the answer to a text that cannot be read: every label is as probable, and none is preferred."""
        ...

    def credit(self, labels: Sequence[str], answered: Label, truth: Label) -> float:
        """Return how right an answer is, between 0 and 1; the gate of deployment averages it."""
        ...

    def to_json(self) -> dict[str, Any] | None:
        """Return the settings for preprocessing.json; None where the absence of any means this task."""
        ...


SINGLE = Single()
DECODINGS: dict[str, type[Any]] = {Single.kind: Single, Scale.kind: Scale, Multi.kind: Multi}


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


def build_prediction(
    decoding: Decoding,
    labels: Sequence[str],
    row: Sequence[float],
    *,
    tokens: int,
    truncated: bool,
    unreadable: float,
    reason: Unread | None = None,
    layers: int | None = None,
) -> Prediction:
    """Build the answer to one text; of one that cannot be read, every label has the same probability."""
    readable = unreadable <= LIMIT
    if readable:
        best = decoding.answer(labels, row, tokens=tokens, truncated=truncated)
    else:
        best = decoding.unread(labels, tokens=tokens, truncated=truncated)
    return replace(best, unreadable=round(unreadable, 4), readable=readable, reason=reason, layers=layers)


def decide_by(decoding: Decoding, labels: Sequence[str], threshold: Threshold) -> Decoding:
    """Return a decoding with other thresholds. Raises RequestError if its task has none, or they do not fit."""
    if not isinstance(decoding, Multi):
        told = f"threshold is for models that give several labels (task=multi); this one has task={decoding.kind}"
        raise RequestError(f"{told}, leave it out")
    return decoding.with_thresholds(labels, threshold)


def decide_again(predictions: Sequence[Prediction], decoding: Decoding) -> list[Prediction]:
    """Return predictions of several labels as another decoding, with other thresholds, decides them."""
    labels = list(predictions[0].probabilities) if predictions else []
    answers = [decoding.answer(labels, [*one.probabilities.values()], tokens=0, truncated=False) for one in predictions]
    return [
        one if one.readable is False else replace(one, label=other.label, labels=other.labels)
        for one, other in zip(predictions, answers, strict=True)
    ]
