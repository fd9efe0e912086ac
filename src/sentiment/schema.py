"""What goes over the wire in every form: texts, predictions and errors, and their JSON."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

MAX_TEXTS = 1024  # in one request
MAX_CHARACTERS = 100_000  # in one text
STATUS = {400: "Bad Request", 413: "Payload Too Large", 501: "Not Implemented"}
Reason = Literal[  # why a request is rejected, as the metrics count it
    "wrong_form", "no_text", "empty_text", "not_unicode", "not_json", "too_long", "too_many", "not_offered"
]  # fmt: skip
SURROGATE = re.compile("[\ud800-\udfff]")  # JSON can escape one alone; the tokenizer refuses it


@dataclass(frozen=True, slots=True)
class Prediction:
    label: str
    score: float  # the probability of `label`
    probabilities: dict[str, float]  # one for each label, in the model's order
    tokens: int | None = None  # that the model has read, special ones included; None where nobody said
    truncated: bool | None = None  # whether the text had more

    def to_json(self, *, details: bool = False) -> dict[str, Any]:
        answer = {"label": self.label, "score": self.score, "probabilities": self.probabilities}
        return {**answer, "tokens": self.tokens, "truncated": self.truncated} if details else answer

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Prediction":
        return cls(**{name: value[name] for name in cls.__slots__ if name in value})


class Classifier(Protocol):
    def predict(self, texts: Sequence[str]) -> list[Prediction]: ...


class RequestError(ValueError):
    """A request that cannot be answered; `status` is one of STATUS, `reason` a word of Reason."""

    def __init__(self, message: str, *, status: int = 400, reason: Reason = "wrong_form") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason

    def to_json(self) -> dict[str, Any]:
        return {"code": self.status, "type": STATUS[self.status].replace(" ", ""), "message": str(self)}


def check_text(text: Any, name: str = "text") -> str:
    """`text` itself where it can be scored; else RequestError."""
    if not isinstance(text, str):
        raise RequestError(f"{name} must be a string, got {kind(text)}")
    if not text.strip():
        raise RequestError(f"{name} is empty", reason="empty_text")
    if len(text) > MAX_CHARACTERS:
        told = f"{name} has {len(text):,} characters; send at most {MAX_CHARACTERS:,}"
        raise RequestError(told, status=413, reason="too_long")
    if SURROGATE.search(text):
        raise RequestError(f"{name} holds half of a surrogate pair, which is no character", reason="not_unicode")
    return text


def kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
