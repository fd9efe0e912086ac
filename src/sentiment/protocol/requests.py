"""The forms of a request, each told by its body alone, and the answer in the same form.

Plain: {"text": ...} or {"texts": [...]}. KServe V1: {"instances": [...]}. KServe V2, the Open Inference Protocol:
{"inputs": [one tensor of BYTES]}. Explanations are asked for in the same forms, with a "target" where one is wanted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sentiment.errors import RequestError
from sentiment.inference.types import Explanation, Model, Prediction
from sentiment.protocol.kserve_v2 import Tensor, parse_tensor
from sentiment.protocol.validation import (
    MAX_EXPLAINED,
    MAX_EXPLAINED_CHARACTERS,
    check_text,
    check_texts,
    flag,
    items_of,
    kind,
)

FORMS = ("text", "texts", "instances", "inputs")  # the key that tells a form


class Request(Protocol):
    @property
    def texts(self) -> tuple[str, ...]: ...

    def render(self, predictions: Sequence[Prediction], model: Model) -> dict[str, Any]:
        """The answer from one prediction for each text."""
        ...


class Explainable(Protocol):
    @property
    def texts(self) -> tuple[str, ...]: ...

    def explain(self, explanations: Sequence[Explanation], model: Model) -> dict[str, Any]:
        """The answer from one explanation for each text."""
        ...


@dataclass(frozen=True, slots=True)
class One:
    text: str
    details: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.text,)

    def render(self, predictions: Sequence[Prediction], model: Model) -> dict[str, Any]:
        return predictions[0].to_json(details=self.details)

    def explain(self, explanations: Sequence[Explanation], model: Model) -> dict[str, Any]:
        return explanations[0].to_json()


@dataclass(frozen=True, slots=True)
class Many:
    """`texts` or the `instances` of KServe V1: both are answered with a list, even of one."""

    texts: tuple[str, ...]
    details: bool = False

    def render(self, predictions: Sequence[Prediction], model: Model) -> dict[str, Any]:
        return {"predictions": [prediction.to_json(details=self.details) for prediction in predictions]}

    def explain(self, explanations: Sequence[Explanation], model: Model) -> dict[str, Any]:
        return {"explanations": [explanation.to_json() for explanation in explanations]}


@dataclass(frozen=True, slots=True)
class Describe:
    """The header `describe: True` without a body, and the management API's `?customized=true`."""

    texts: tuple[str, ...] = ()

    def render(self, predictions: Sequence[Prediction], model: Model) -> dict[str, Any]:
        return model.to_json()


@dataclass(frozen=True, slots=True)
class Explain:
    """A request for explanations: of the label `target`, or of the one predicted."""

    asked: Explainable
    target: str | None = None


def parse_explain(body: Any) -> Explain:
    """As `parse_request`, with tighter bounds: an explanation costs as much as many predictions."""
    asked = parse_request(body)
    if len(asked.texts) > MAX_EXPLAINED:
        told = f"{len(asked.texts)} texts in one request for explanations; send at most {MAX_EXPLAINED}"
        raise RequestError(told, status=413, reason="too_many")
    for text in asked.texts:
        check_text(text, "a text to explain", longest=MAX_EXPLAINED_CHARACTERS)
    own = asked.parameters if isinstance(asked, Tensor) else body if isinstance(body, dict) else {}
    target = own.get("target")
    if target is not None and not isinstance(target, str):
        raise RequestError(f'"target" must be a label, got {kind(target)}')
    return Explain(asked, target)


def parse_request(body: Any) -> One | Many | Tensor:
    """A decoded JSON body or a plain text as a Request.

    Raises RequestError where the form is unknown or a text cannot be scored.
    """
    if isinstance(body, str):
        return One(check_text(body))
    if not isinstance(body, dict):
        raise RequestError(f'expected {{"text": "..."}} or {{"texts": ["..."]}}, got {kind(body)}')
    forms = [key for key in FORMS if key in body]
    if len(forms) != 1:
        keys = ", ".join(body) or "none"
        raise RequestError(f"expected one key of {', '.join(FORMS)}; got the keys: {keys[:200]}")
    if forms == ["inputs"]:
        return parse_tensor(body)
    details = flag(body, "details")
    if forms == ["text"]:
        return One(check_text(body["text"], "text"), details)
    items = items_of(body, forms[0])
    if forms == ["instances"]:
        items = [_instance(item) for item in items]
    return Many(check_texts(items, forms[0]), details)


def _instance(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    keys = [key for key in ("text", "data") if key in item]
    if len(keys) != 1:
        raise RequestError('an object in "instances" must have the key "text" or "data"')
    return item[keys[0]]
