"""Predictions, explanations and what a classifier offers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Prediction:
    label: str
    score: float  # the probability of `label`
    probabilities: dict[str, float]  # one for each label, in the model's order
    tokens: int | None = None  # that the model has read, special ones included; None where nobody said
    truncated: bool | None = None  # whether the text had more
    readable: bool | None = field(default=None, compare=False)  # False: no word piece is known; None: not said

    def to_json(self, *, details: bool = False) -> dict[str, Any]:
        answer = {"label": self.label, "score": self.score, "probabilities": self.probabilities}
        return {**answer, "tokens": self.tokens, "truncated": self.truncated} if details else answer

    @classmethod
    def best(cls, labels: Sequence[str], row: Sequence[float], *, tokens: int, truncated: bool) -> "Prediction":
        """The most probable label of a row of probabilities."""
        at = max(range(len(row)), key=row.__getitem__)
        return cls(labels[at], row[at], dict(zip(labels, row, strict=True)), tokens, truncated)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Prediction":
        return cls(**{name: value[name] for name in cls.__slots__ if name in value})


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    start: int  # of its first character in the text of the explanation
    end: int  # after its last
    attribution: float  # what it adds to the log-odds of the target


@dataclass(frozen=True, slots=True)
class Explanation:
    """What each word adds to ln(p / (1 - p)) of one label: `baseline`, the words and `delta` add up to it."""

    prediction: Prediction
    target: str  # the label that is explained
    text: str  # as cleaned, which the words point into
    words: tuple[Word, ...]
    baseline: float  # the log-odds of the target where every word piece is [PAD]
    delta: float  # what the words miss, since the gradient is taken at `steps` points alone
    steps: int

    def to_json(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("target", "text", "baseline", "delta", "steps")}
        return {**self.prediction.to_json(details=True), **own, "words": [asdict(word) for word in self.words]}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Explanation":
        own = {name: value[name] for name in ("target", "text", "baseline", "delta", "steps")}
        words = tuple(Word(**{name: word[name] for name in Word.__slots__}) for word in value["words"])
        return cls(prediction=Prediction.from_json(value), words=words, **own)


@dataclass(frozen=True, slots=True)
class Model:
    """What a model tells of itself."""

    name: str
    version: str
    labels: tuple[str, ...]
    max_length: int  # in tokens
    truncation: str
    scores: dict[str, Any] | None = None  # metrics.json of its run; None where the archive came without one
    intervals: dict[str, Any] | None = None  # intervals.json: [low, high] of each score
    sha256: str | None = None  # of the files that decide the answers, see checksums.export_hash

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Model":
        known = {name: value[name] for name in cls.__slots__ if name in value}  # an older server tells less
        return cls(**{**known, "labels": tuple(value["labels"])})


class Classifier(Protocol):
    def predict(self, texts: Sequence[str]) -> list[Prediction]: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """The model and the settings that answers come from."""

    deciding: dict[str, Any]  # what can change an answer
    details: dict[str, Any] = field(default_factory=dict)  # what else tells people which one it was


@runtime_checkable
class Identified(Protocol):
    """A classifier that tells what its answers come from."""

    def identity(self) -> Identity: ...


@runtime_checkable
class Pinnable(Protocol):
    """A classifier whose model may be replaced while it is asked."""

    def pinned(self) -> "Classifier":
        """Return one that answers from the model of this moment, and raises ModelChangedError once that is gone."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """A classifier that works on several chunks of texts at once, and answers in their order."""

    def stream(self, chunks: Iterable[Sequence[str]]) -> Iterator[list[Prediction]]: ...
