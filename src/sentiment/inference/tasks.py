"""Kinds of label, decoding half: how logits become probabilities, and probabilities an answer.

An export names its task in preprocessing.json; one without is a `Single`. The archive carries this module. numpy and
torch are imported where they are used, since clients read `Prediction`s without them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

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


SINGLE = Single()
DECODINGS: dict[str, type[Any]] = {Single.kind: Single}


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


def softmax(logits: Any) -> Any:
    """Compute the softmax over the last axis in numpy.

    torch.softmax would wake one thread per core, and these compete with the runtime's own threads.
    """
    import numpy as np

    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
