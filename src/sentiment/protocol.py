"""The forms of a request, each told by its body alone, and the answer in the same form.

Plain: {"text": ...} or {"texts": [...]}. KServe V1: {"instances": [...]}. KServe V2, the Open Inference Protocol:
{"inputs": [one tensor of BYTES]}.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sentiment.schema import MAX_TEXTS, Prediction, RequestError, check_text, kind

FORMS = ("text", "texts", "instances", "inputs")  # the key that tells a form
OUTPUTS = ("label", "score", "probabilities", "tokens", "truncated")  # of KServe V2; the last two with details


@dataclass(frozen=True, slots=True)
class Model:
    """What an answer may say of the model that gave it."""

    name: str
    version: str
    labels: tuple[str, ...]
    max_length: int  # in tokens
    truncation: str


class Request(Protocol):
    @property
    def texts(self) -> tuple[str, ...]: ...

    def render(self, predictions: Sequence[Prediction], model: Model) -> dict[str, Any]:
        """The answer from one prediction for each text."""
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


@dataclass(frozen=True, slots=True)
class Many:
    """`texts` or the `instances` of KServe V1: both are answered with a list, even of one."""

    texts: tuple[str, ...]
    details: bool = False

    def render(self, predictions: Sequence[Prediction], model: Model) -> dict[str, Any]:
        return {"predictions": [prediction.to_json(details=self.details) for prediction in predictions]}


@dataclass(frozen=True, slots=True)
class Tensor:
    """A request of KServe V2; `wanted` names the outputs asked for, all where it is empty."""

    texts: tuple[str, ...]
    id: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    wanted: tuple[str, ...] = ()

    def render(self, predictions: Sequence[Prediction], model: Model) -> dict[str, Any]:
        columns = tensors(predictions, details=bool(self.wanted) or self.parameters.get("details", False))
        answer: dict[str, Any] = {"model_name": model.name, "model_version": model.version}
        if self.id is not None:
            answer["id"] = self.id
        if self.parameters:
            answer["parameters"] = self.parameters
        answer["outputs"] = [column for column in columns if not self.wanted or column["name"] in self.wanted]
        return answer


@dataclass(frozen=True, slots=True)
class Describe:
    """The management API's `?customized=true`, which asks the worker about its model."""

    texts: tuple[str, ...] = ()

    def render(self, predictions: Sequence[Prediction], model: Model) -> dict[str, Any]:
        return {"labels": list(model.labels), "max_length": model.max_length, "truncation": model.truncation}


def parse_request(body: Any) -> Request:
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
        return _tensor(body)
    details = flag(body, "details")
    if forms == ["text"]:
        return One(check_text(body["text"], "text"), details)
    items = items_of(body, forms[0])
    if forms == ["instances"]:
        items = [_instance(item) for item in items]
    return Many(check_texts(items, forms[0]), details)


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


def tensors(predictions: Sequence[Prediction], *, details: bool) -> list[dict[str, Any]]:
    """The output tensors of KServe V2; `probabilities` is (texts, labels) in row-major order."""
    columns: dict[str, tuple[str, list[Any]]] = {
        "label": ("BYTES", [p.label for p in predictions]),
        "score": ("FP32", [p.score for p in predictions]),
        "probabilities": ("FP32", [value for p in predictions for value in p.probabilities.values()]),
    }
    if details:
        columns["tokens"] = ("INT64", [p.tokens for p in predictions])
        columns["truncated"] = ("BOOL", [p.truncated for p in predictions])
    count = len(predictions)
    return [
        {
            "name": name,
            "datatype": datatype,
            "shape": [count, len(data) // count] if name == "probabilities" else [count],
            "data": data,
        }
        for name, (datatype, data) in columns.items()
    ]


def _instance(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    keys = [key for key in ("text", "data") if key in item]
    if len(keys) != 1:
        raise RequestError('an object in "instances" must have the key "text" or "data"')
    return item[keys[0]]


def _tensor(body: dict[str, Any]) -> Tensor:
    inputs = body["inputs"]
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise RequestError('"inputs" must be a list of one tensor: {"name", "shape", "datatype": "BYTES", "data"}')
    tensor = inputs[0]
    if tensor.get("datatype") != "BYTES":
        raise RequestError(f'the datatype of the input must be "BYTES", got {str(tensor.get("datatype"))[:40]!r}')
    data = items_of(tensor, "data")
    shape = tensor.get("shape")
    if shape not in ([len(data)], [len(data), 1]) or any(type(size) is not int for size in shape):  # true == 1 == 1.0
        raise RequestError(f"shape must be [{len(data)}] for {len(data)} texts, got {str(shape)[:40]}")
    name = body.get("id")
    if name is not None and not isinstance(name, str):
        raise RequestError(f'"id" must be a string, got {kind(name)}')
    return Tensor(check_texts(data, "data"), name, _parameters(body), _wanted(body))


def _parameters(body: dict[str, Any]) -> dict[str, Any]:
    """Plain values only, as the protocol says: they are sent back."""
    parameters = body.get("parameters", {})
    if not isinstance(parameters, dict):
        raise RequestError(f'"parameters" must be an object, got {kind(parameters)}')
    for key, value in parameters.items():
        if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
            raise RequestError(f"parameters.{key[:40]} must be a string, a finite number or a boolean")
    flag(parameters, "details")
    return parameters


def _wanted(body: dict[str, Any]) -> tuple[str, ...]:
    outputs = body.get("outputs", [])
    if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs):
        raise RequestError('"outputs" must be a list of objects such as {"name": "label"}')
    for output in outputs:
        if output.get("name") not in OUTPUTS:
            raise RequestError(f"no output {str(output.get('name'))[:40]!r}; there are {', '.join(OUTPUTS)}")
    return tuple(output["name"] for output in outputs)
