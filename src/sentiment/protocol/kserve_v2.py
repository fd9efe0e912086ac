"""KServe V2 (Open Inference Protocol): one BYTES input tensor of texts, one output tensor per output."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from sentiment.errors import RequestError
from sentiment.inference.pairs import Pair, Text
from sentiment.inference.types import Explanation, Model, Prediction, Threshold
from sentiment.protocol.validation import check_keys, check_texts, error_rate, flag, items_of, kind, threshold

ASPECT = "aspect"  # name of the second input tensor
ONE = ("label", "score")  # outputs of models with one label a text
SEVERAL = ("labels",)  # outputs of models with several labels a text
SCALE = ("value", "interval")  # outputs of models with ordered labels
POLARITY = ("polarity",)  # an output of models with negative and positive labels, or ordered ones
LAYERS = ("layers",)  # an output of models with early exits
PROMISE = ("abstained",)  # an output where an error rate is promised
READ = ("tokens", "truncated", "unreadable", "readable", "reason")  # outputs on what was read
OUTPUTS = (*ONE, *SEVERAL, "probabilities", *SCALE, *READ, *PROMISE, *POLARITY, *LAYERS)
MATRICES = ("labels", "probabilities", "interval")  # outputs with a row of several numbers for each text
ASPECTS = dict.fromkeys((ASPECT, "aspects"), 'send a second tensor with the name "aspect"')
REQUEST = ("inputs", "id", "parameters", "outputs")  # the protocol's keys of a request, a tensor and an output
TENSOR = ("name", "shape", "datatype", "parameters", "data")
OUTPUT = ("name", "parameters")
ALIKE = 0.8  # similarity from which a parameter is taken for a misspelt option


@dataclass(frozen=True, slots=True)
class Options:
    """Keys of a kind of request in every format; in V2 they are parameters."""

    known: tuple[str, ...]
    elsewhere: Mapping[str, str]  # options of other requests, and what to do instead


PREDICTION = Options(("details", "max_error", "threshold"), {"target": "only an explanation has a target label"})
EXPLANATION = Options(
    ("target",),
    {
        "details": "an explanation has them in any case",
        "max_error": 'name the label to explain with "target"',
        "threshold": 'name the label to explain with "target"',
        "outputs": 'an explanation is the tensor "explanation" alone',
    },
)


@dataclass(frozen=True, slots=True)
class Tensor:
    """KServe V2 inference request; `wanted` names the requested outputs, empty for all."""

    texts: tuple[Text, ...]
    id: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    wanted: tuple[str, ...] = ()

    def place(self, index: int) -> str:
        return f"data[{index}]"

    @property
    def max_error(self) -> float | None:
        return error_rate(self.parameters)

    @property
    def threshold(self) -> Threshold | None:
        return threshold(self.parameters)

    def render(self, predictions: Sequence[Prediction], model: Model) -> dict[str, Any]:
        known = outputs_of(predictions)
        if unknown := next((name for name in self.wanted if name not in known), None):
            raise RequestError(f"no output {unknown[:40]!r}; there are {', '.join(known)}")
        columns = tensors(predictions, details=bool(self.wanted) or self.parameters.get("details", False))
        return self._answer([column for column in columns if not self.wanted or column["name"] in self.wanted], model)

    def explain(self, explanations: Sequence[Explanation], model: Model) -> dict[str, Any]:
        """Render explanations as JSON strings in one BYTES tensor, since tensors cannot hold objects."""
        data = [json.dumps(explanation.to_json()) for explanation in explanations]
        return self._answer([{"name": "explanation", "datatype": "BYTES", "shape": [len(data)], "data": data}], model)

    def _answer(self, outputs: list[dict[str, Any]], model: Model) -> dict[str, Any]:
        answer: dict[str, Any] = {"model_name": model.name, "model_version": model.version}
        if self.id is not None:
            answer["id"] = self.id
        if self.parameters:
            answer["parameters"] = self.parameters
        answer["outputs"] = outputs
        return answer


def parse_tensor(body: dict[str, Any], options: Options) -> Tensor:
    """Parse the body of a KServe V2 request.

    Raises:
        RequestError: The body violates the protocol or requests an unsupported output.
    """
    own = dict.fromkeys(options.known, 'it is one of the "parameters"')
    keys = [key for key in REQUEST if key not in options.elsewhere]
    check_keys(body, keys, "in a KServe V2 request", {**own, **options.elsewhere, **ASPECTS})
    inputs = body["inputs"]
    known = isinstance(inputs, list) and len(inputs) in (1, 2) and all(isinstance(one, dict) for one in inputs)
    aspects = [one for one in inputs if one.get("name") == ASPECT] if known else []
    if not known or len(aspects) != len(inputs) - 1:
        raise RequestError(
            '"inputs" must be a list of one tensor: {"name", "shape", "datatype": "BYTES", "data"}, and for a model '
            'that reads aspects a second one with the name "aspect"'
        )
    data = _data(next(one for one in inputs if one not in aspects), "input")
    for tensor in aspects:
        beside = _data(tensor, 'input "aspect"')
        if len(beside) != len(data):
            raise RequestError(f"{len(beside)} aspects for {len(data)} texts; send one for each")
        data = [Pair(*both) for both in zip(data, beside, strict=True)]
    name = body.get("id")
    if name is not None and not isinstance(name, str):
        raise RequestError(f'"id" must be a string, got {kind(name)}')
    return Tensor(check_texts(data, "data"), name, _parameters(body, options), _wanted_outputs(body))


def _data(tensor: dict[str, Any], name: str) -> list[Any]:
    """Return the elements of a BYTES tensor of shape [N] or [N, 1]."""
    check_keys(tensor, TENSOR, f"in the {name}")
    if tensor.get("datatype") != "BYTES":
        raise RequestError(f'the datatype of the {name} must be "BYTES", got {sent(tensor, "datatype")}')
    data = items_of(tensor, "data")
    shape = tensor.get("shape")
    if shape not in ([len(data)], [len(data), 1]) or any(type(size) is not int for size in shape):  # true == 1 == 1.0
        raise RequestError(f"shape must be [{len(data)}] for {len(data)} texts, got {sent(tensor, 'shape')}")
    return data


def sent(tensor: dict[str, Any], key: str) -> str:
    """Return the beginning of a value as it was sent; "nothing" where it was not."""
    return json.dumps(tensor[key], ensure_ascii=False)[:40] if key in tensor else "nothing"


def _parameters(body: dict[str, Any], options: Options) -> dict[str, Any]:
    """Read the request parameters, which are echoed; the protocol allows strings, numbers and booleans only.

    Other parameters are the client's, unless one looks like a misspelt option.
    """
    parameters = body.get("parameters", {})
    if not isinstance(parameters, dict):
        raise RequestError(f'"parameters" must be an object, got {kind(parameters)}')
    for key, value in parameters.items():
        if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
            raise RequestError(f"parameters.{key[:40]} must be a string, a finite number or a boolean")
        if key not in options.known and get_close_matches(key, options.known, 1, ALIKE):
            check_keys(parameters, options.known, 'in "parameters"')
    uses = {**options.elsewhere, **ASPECTS}
    check_keys(parameters, [key for key in parameters if key not in uses], 'in "parameters"', uses)
    flag(parameters, "details")
    error_rate(parameters)
    threshold(parameters)
    return parameters


def _wanted_outputs(body: dict[str, Any]) -> tuple[str, ...]:
    outputs = body.get("outputs", [])
    if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs):
        raise RequestError('"outputs" must be a list of objects such as {"name": "label"}')
    for output in outputs:
        check_keys(output, OUTPUT, 'in "outputs"')
        if not isinstance(output.get("name"), str):
            raise RequestError(f'the "name" of an output must be a string, got {kind(output.get("name"))}')
    return tuple(dict.fromkeys(output["name"] for output in outputs))  # there may be 300,000 of one name


def outputs_of(predictions: Sequence[Prediction]) -> list[str]:
    """Return the outputs that a model has."""
    first = predictions[0]
    lacking: tuple[str, ...] = ONE if first.labels is not None else SEVERAL
    lacking += SCALE if first.value is None else ()
    lacking += POLARITY if first.polarity is None else ()
    lacking += LAYERS if first.layers is None else ()
    lacking += PROMISE if first.abstained is None else ()
    return [name for name in OUTPUTS if name not in lacking]


def tensors(predictions: Sequence[Prediction], *, details: bool) -> list[dict[str, Any]]:
    """Build the output tensors; `probabilities` has shape [texts, labels] in row-major order, `interval` [texts, 2].

    With several labels a text, `labels` says of each label whether it is given, [texts, labels], instead of label and
    score. Without `details` there are these and the probabilities; `readable` if it is false for any text, with its
    `reason`, which is "" for the others; and `abstained` if a promise was asked for.
    """
    columns: dict[str, tuple[str, list[Any]]] = {
        "label": ("BYTES", [p.label for p in predictions]),
        "score": ("FP32", [p.score for p in predictions]),
        "probabilities": ("FP32", [value for p in predictions for value in p.probabilities.values()]),
    }
    if predictions[0].labels is not None:
        given = [label in p.answer for p in predictions for label in p.probabilities]
        columns = {"labels": ("BOOL", given), "probabilities": columns["probabilities"]}
    if predictions and all(p.value is not None for p in predictions):
        columns["value"] = ("FP32", [p.value for p in predictions])
        columns["interval"] = ("FP32", [end for p in predictions for end in p.interval or ()])
    if details:
        columns["tokens"] = ("INT64", [p.tokens for p in predictions])
        columns["truncated"] = ("BOOL", [p.truncated for p in predictions])
        columns["unreadable"] = ("FP32", [p.unreadable for p in predictions])
        if predictions[0].polarity is not None:
            columns["polarity"] = ("FP32", [p.polarity for p in predictions])
        if predictions[0].layers is not None:
            columns["layers"] = ("INT64", [p.layers for p in predictions])
    if details or any(p.readable is False for p in predictions):
        columns["readable"] = ("BOOL", [p.readable for p in predictions])
        columns["reason"] = ("BYTES", [p.reason or "" for p in predictions])
    if any(p.abstained is not None for p in predictions):
        columns["abstained"] = ("BOOL", [p.abstained for p in predictions])
    count = len(predictions)
    return [
        {
            "name": name,
            "datatype": datatype,
            "shape": [count, len(data) // count] if name in MATRICES else [count],
            "data": data,
        }
        for name, (datatype, data) in columns.items()
    ]
