"""What goes over the wire: requests, predictions and errors, and their JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

MAX_TEXTS = 1024  # in one request
MAX_CHARACTERS = 100_000  # in one text


@dataclass(frozen=True, slots=True)
class Prediction:
    label: str
    score: float  # the probability of `label`
    probabilities: dict[str, float]  # one for each label, in the model's order

    def to_json(self) -> dict[str, Any]:
        return {"label": self.label, "score": self.score, "probabilities": self.probabilities}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Prediction":
        return cls(value["label"], value["score"], value["probabilities"])


class Classifier(Protocol):
    def predict(self, texts: Sequence[str]) -> list[Prediction]: ...


class RequestError(ValueError):
    """A request that cannot be answered; `status` is 400 or 413."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status

    def to_json(self) -> dict[str, Any]:
        kind = {400: "BadRequest", 413: "PayloadTooLarge"}[self.status]
        return {"code": self.status, "type": kind, "message": str(self)}


@dataclass(frozen=True, slots=True)
class Request:
    texts: tuple[str, ...]
    many: bool  # asked with "texts": answer a list, even of one

    def render(self, predictions: Sequence[Prediction]) -> dict[str, Any]:
        answers = [prediction.to_json() for prediction in predictions]
        return {"predictions": answers} if self.many else answers[0]


def parse_request(body: Any) -> Request:
    """A decoded JSON body or a plain text as a Request.

    Raises RequestError where the form is unknown or a text cannot be scored.
    """
    if isinstance(body, str):
        return Request((check_text(body),), many=False)
    if not isinstance(body, dict):
        raise RequestError(f'expected {{"text": "..."}} or {{"texts": ["..."]}}, got {_kind(body)}')
    if "text" in body:
        return Request((check_text(body["text"], "text"),), many=False)
    if "texts" not in body:
        keys = ", ".join(map(str, body)) or "none"
        raise RequestError(f'expected the key "text" or "texts", got the keys: {keys[:200]}')
    texts = body["texts"]
    if not isinstance(texts, list):
        raise RequestError(f'"texts" must be a list of strings, got {_kind(texts)}')
    if not texts:
        raise RequestError('"texts" is an empty list; send at least one text')
    if len(texts) > MAX_TEXTS:
        raise RequestError(f"{len(texts)} texts in one request; send at most {MAX_TEXTS}", status=413)
    return Request(tuple(check_text(text, f"texts[{i}]") for i, text in enumerate(texts)), many=True)


def check_text(text: Any, name: str = "text") -> str:
    """`text` itself where it can be scored; else RequestError."""
    if not isinstance(text, str):
        raise RequestError(f"{name} must be a string, got {_kind(text)}")
    if not text.strip():
        raise RequestError(f"{name} is empty")
    if len(text) > MAX_CHARACTERS:
        raise RequestError(f"{name} has {len(text):,} characters; send at most {MAX_CHARACTERS:,}", status=413)
    return text


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
