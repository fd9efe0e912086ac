"""Data types of inference: predictions, explanations, model metadata and classifier protocols."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from sentiment.inference.pairs import Text
from sentiment.inference.scales import ends_of_scale

LIMIT = 0.5  # a text is unreadable if a larger share of its pieces is
JOINT = "|"  # between the labels of one text where they are written as one string
Label = str | tuple[str, ...]  # of a text: one, or all that it has (task=multi)
Threshold = float | Mapping[str, float]  # one for all labels, or by label
Unread = Literal["script", "spelling", "language", "nothing"]  # why a text cannot be read
NEGATIVE, POSITIVE = ("negative", "neg"), ("positive", "pos")  # names of the labels at the ends of the polarity


def names_of(label: Label) -> tuple[str, ...]:
    """Return the names of a text's labels; none for a text without any."""
    return (label,) if isinstance(label, str) else label


def list_labels(labels: Iterable[str]) -> str:
    """Return labels as a list for people, those with a comma in quotes."""
    return ", ".join(f'"{label}"' if "," in label else label for label in labels)


def join_labels(label: Label) -> str:
    """Return a text's labels as one string, "joy|surprise"; empty for a text without any."""
    return JOINT.join(names_of(label))


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer to one text.

    Args:
        label: The most probable label; of a model that gives several, all given ones joined by "|", or "" for none.
        score: Its probability; of a model that gives several, the highest one.
        probabilities: The probability of each label, in the model's order.
        tokens: How many tokens the model has read, special ones included; None where a server did not say.
        truncated: True where the text had more tokens.
        unreadable: Share of the word pieces that the model cannot read; None where a server did not say.
        readable: False where that is more than half of them: every label then has the same probability.
        abstained: True where the text is left to a person to keep a promised error rate; None without a promise.
        value: On a scale, the expected value of the distribution over its numbers; else None.
        interval: On a scale, the numbers between which the distribution has 90 %; else None.
        labels: Of a model that gives several labels, those whose probability reaches their threshold; else None.
        layers: How many layers of the model computed the answer; None without early exits.
        reason: Why the text cannot be read: "script" (or unknown signs), "spelling", "language", or "nothing" where
            only links and mentions are there; else None.
    """

    label: str
    score: float  # probability of `label`
    probabilities: dict[str, float]  # by label, in the order of the logits
    tokens: int | None = None  # tokens read, including special tokens; None if unknown
    truncated: bool | None = None  # the text has tokens the model did not read
    unreadable: float | None = field(default=None, compare=False)  # share of the pieces
    readable: bool | None = field(default=None, compare=False)
    abstained: bool | None = field(default=None, compare=False)
    value: float | None = None
    interval: tuple[float, float] | None = None
    labels: tuple[str, ...] | None = None
    layers: int | None = field(default=None, compare=False)
    reason: Unread | None = field(default=None, compare=False)

    @property
    def answer(self) -> Label:
        """The answered label, or all of them for a model that gives several."""
        return self.label if self.labels is None else self.labels

    @property
    def polarity(self) -> float | None:
        """Sentiment between -1 and 1: P(positive) - P(negative), on a scale the expected value; None without either.

        The labels are found by their names: negative or neg, positive or pos, in any case.
        """
        if self.value is not None:
            low, high = ends_of_scale([*self.probabilities])
            return max(-1.0, min(1.0, 2 * (self.value - low) / (high - low) - 1))
        by_name = {label.strip().casefold(): share for label, share in self.probabilities.items()}
        ends = [next((by_name[name] for name in names if name in by_name), None) for names in (POSITIVE, NEGATIVE)]
        return None if ends[0] is None or ends[1] is None else ends[0] - ends[1]

    @property
    def decided(self) -> bool:
        """Tell whether the label may be counted: the text was read, and is not left to a person."""
        return self.readable is not False and not self.abstained

    def to_json(self, *, details: bool = False) -> dict[str, Any]:
        """Return a dictionary for JSON.

        Args:
            details: Add tokens, truncated, unreadable and readable, and polarity and layers where there are any.
                Without them, `readable` is there if it is false, with its `reason`, and `abstained` if a promise was
                asked for.
        """
        answer: dict[str, Any] = {"label": self.label, "score": self.score}
        if self.labels is not None:
            answer = {"labels": list(self.labels)}
        answer["probabilities"] = self.probabilities
        if self.value is not None and self.interval is not None:
            answer |= {"value": self.value, "interval": list(self.interval)}
        if details:
            answer |= {"tokens": self.tokens, "truncated": self.truncated, "unreadable": self.unreadable}
        if details or self.readable is False:
            answer["readable"] = self.readable
        if self.reason is not None:
            answer["reason"] = self.reason
        if details and (polarity := self.polarity) is not None:
            answer["polarity"] = polarity
        if details and self.layers is not None:
            answer["layers"] = self.layers
        return answer if self.abstained is None else {**answer, "abstained": self.abstained}

    @classmethod
    def best(cls, labels: Sequence[str], row: Sequence[float], *, tokens: int, truncated: bool) -> "Prediction":
        """Build the prediction of the most probable label from a row of probabilities."""
        at = max(range(len(row)), key=row.__getitem__)
        return cls(labels[at], row[at], dict(zip(labels, row, strict=True)), tokens, truncated)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Prediction":
        own = {name: value[name] for name in cls.__slots__ if name in value}
        if own.get("interval") is not None:
            own["interval"] = tuple(own["interval"])
        if (labels := own.get("labels")) is not None:
            score = max(own["probabilities"].values())
            own |= {"labels": tuple(labels), "label": join_labels(tuple(labels)), "score": score}
        return cls(**own)


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    start: int  # offset of the first character in the text as it was given
    end: int  # offset after the last character
    attribution: float  # contribution to the target's log-odds


@dataclass(frozen=True, slots=True)
class Explanation:
    """The contribution of each word to ln(p / (1 - p)) of one label: `baseline`, the words and `delta` add up to it.

    Args:
        prediction: The answer that is explained.
        target: The label whose log-odds are explained.
        text: The text as it was given, which the words point into.
        words: Each with its text, `start` and `end` in characters of the given text, and its `attribution`.
        baseline: The log-odds of the target where every word piece is [PAD].
        delta: The part that the words miss, since the gradient is taken at `steps` points alone.
        steps: The points on the path of integration.
        aspect: The aspect that the text was read with; None for a model without.
    """

    prediction: Prediction
    target: str  # the explained label
    text: str  # as it was given; the word offsets refer to it
    words: tuple[Word, ...]
    baseline: float  # the target's log-odds when every word piece is [PAD]
    delta: float  # quadrature error: the integral is approximated with `steps` points
    steps: int
    aspect: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the explanation as a dictionary for JSON, in the form of the REST API."""
        own = {name: getattr(self, name) for name in ("target", "text", "baseline", "delta", "steps")}
        if self.aspect is not None:
            own["aspect"] = self.aspect
        answer = self.prediction.to_json(details=True)
        answer.pop("polarity", None)
        return {**answer, **own, "words": [asdict(word) for word in self.words]}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Explanation":
        own = {name: value[name] for name in ("target", "text", "baseline", "delta", "steps")}
        words = tuple(Word(**{name: word[name] for name in Word.__slots__}) for word in value["words"])
        return cls(prediction=Prediction.from_json(value), words=words, aspect=value.get("aspect"), **own)


@dataclass(frozen=True, slots=True)
class Model:
    """Metadata of a served model."""

    name: str
    version: str
    labels: tuple[str, ...]
    max_length: int  # tokens
    truncation: str
    scores: dict[str, Any] | None = None  # metrics.json of the run; None if the archive has none
    intervals: dict[str, Any] | None = None  # intervals.json: [low, high] per score
    sha256: str | None = None  # export hash, see checksums.export_hash
    task: dict[str, Any] | None = None  # kind of label (`sentiment.inference.tasks`); None: one of several
    aspects: bool = False  # each text is read with an aspect
    default_aspect: str = ""  # of a text without one; "" refuses such a text

    def to_json(self) -> dict[str, Any]:
        left_out = {"task"} if self.task is None else set[str]()
        left_out |= set() if self.aspects else {"aspects", "default_aspect"}
        return {name: value for name, value in asdict(self).items() if name not in left_out}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Model":
        known = {name: value[name] for name in cls.__slots__ if name in value}  # older servers send fewer keys
        return cls(**{**known, "labels": tuple(value["labels"])})


class Classifier(Protocol):
    def predict(self, texts: Sequence[Text]) -> list[Prediction]: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Model and settings that produced a set of predictions."""

    deciding: dict[str, Any]  # everything that can change a prediction
    details: dict[str, Any] = field(default_factory=dict)  # further information for people


@runtime_checkable
class Identified(Protocol):
    """Classifier that reports its model and settings."""

    def identity(self) -> Identity: ...


@runtime_checkable
class Pinnable(Protocol):
    """Classifier whose model may be replaced between calls."""

    def pinned(self) -> "Classifier":
        """Return a classifier bound to the current model; it raises ModelChangedError once that model is replaced."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """Classifier that pipelines chunks of texts and yields their predictions in order."""

    def stream(self, chunks: Iterable[Sequence[Text]]) -> Iterator[list[Prediction]]: ...
