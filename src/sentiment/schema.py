"""What goes over the wire in every form: texts, predictions and errors, and their JSON."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from sentiment.files import SURROGATE
from sentiment.text import is_readable

MAX_TEXTS = 1024  # in one request
MAX_CHARACTERS = 100_000  # in one text
MAX_EXPLAINED = 8  # texts in one request for explanations
MAX_EXPLAINED_CHARACTERS = 10_000  # in one of them
MODEL_HEADER = "X-Model-SHA256"  # of a response: the hash of the export that made the answer
STATUS = {400: "Bad Request", 413: "Payload Too Large", 500: "Internal Server Error", 503: "Service Unavailable"}
Reason = Literal[  # why a request is rejected, as the metrics count it
    "wrong_form", "no_text", "empty_text", "not_unicode", "not_json", "too_long", "too_many", "unknown_label", "busy",
    "unreadable", "internal",
]  # fmt: skip


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


class RequestError(ValueError):
    """A request that cannot be answered; `status` is one of STATUS, `reason` a word of Reason."""

    def __init__(self, message: str, *, status: int = 400, reason: Reason = "wrong_form") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after: int | None = None  # s

    def to_json(self) -> dict[str, Any]:
        return {"code": self.status, "type": STATUS[self.status].replace(" ", ""), "message": str(self)}


def check_text(text: Any, name: str = "text", *, longest: int = MAX_CHARACTERS) -> str:
    """`text` itself where it can be scored; else RequestError."""
    if not isinstance(text, str):
        raise RequestError(f"{name} must be a string, got {kind(text)}")
    if not text.strip():
        raise RequestError(f"{name} is empty", reason="empty_text")
    if len(text) > longest:
        told = f"{name} has {len(text):,} characters; send at most {longest:,}"
        raise RequestError(told, status=413, reason="too_long")
    if SURROGATE.search(text):
        raise RequestError(f"{name} holds half of a surrogate pair, which is no character", reason="not_unicode")
    if not is_readable(text):
        raise RequestError(f"{name} is empty but for markup or invisible characters", reason="empty_text")
    return text


def items_of(body: dict[str, Any], key: str) -> list[Any]:
    """The list at `key`, neither empty nor too long."""
    items = body.get(key)
    if not isinstance(items, list):
        raise RequestError(f'"{key}" must be a list of strings, got {kind(items)}')
    if not items:
        raise RequestError(f'"{key}" is an empty list; send at least one text', reason="no_text")
    if len(items) > MAX_TEXTS:
        told = f"{len(items)} texts in one request; send at most {MAX_TEXTS}"
        raise RequestError(told, status=413, reason="too_many")
    return items


def check_texts(items: Sequence[Any], key: str) -> tuple[str, ...]:
    return tuple(check_text(item, f"{key}[{i}]") for i, item in enumerate(items))


def flag(owner: dict[str, Any], key: str) -> bool:
    value = owner.get(key, False)
    if not isinstance(value, bool):
        raise RequestError(f'"{key}" must be true or false, got {kind(value)}')
    return value


def kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
