"""Request formats, recognized by the body alone; responses use the format of their request.

Plain: {"text": ...} or {"texts": [...]}. KServe V1: {"instances": [...]}. KServe V2 (Open Inference Protocol):
{"inputs": [one BYTES tensor]}. Explanation requests use the same formats with an optional "target".

For a model that reads aspects each text has one: {"text": ..., "aspect": ...}, {"texts": [...], "aspects": [...]},
instances of both keys, or a second tensor "aspect". Where it is null or missing, the model's default applies.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sentiment.errors import RequestError, TextError
from sentiment.inference.pairs import Pair, Text, text_of
from sentiment.inference.types import Explanation, Model, Prediction, Threshold
from sentiment.protocol.kserve_v2 import ASPECT, EXPLANATION, PREDICTION, Options, Tensor, parse_tensor
from sentiment.protocol.validation import (
    MAX_EXPLAINED,
    MAX_EXPLAINED_CHARACTERS,
    check_input,
    check_keys,
    check_text,
    check_texts,
    error_rate,
    flag,
    items_of,
    kind,
    threshold,
)

FORMS = ("text", "texts", "instances", "inputs")  # the key identifies the format
OWN = {"text": ("aspect",), "texts": ("aspects",), "instances": ("signature_name",)}  # keys beside it; TF Serving's
MISPLACED = {  # keys of other formats, and what to use instead
    "text": {"aspects": 'one text has one "aspect"'},
    "texts": {"aspect": 'use "aspects", a list with one for each text'},
    "instances": dict.fromkeys(("aspect", "aspects"), 'each instance has its own: {"text": "...", "aspect": "..."}'),
}


class Texts(Protocol):
    @property
    def texts(self) -> tuple[Text, ...]: ...

    def place(self, index: int) -> str:
        """Name a text in messages by its place in the body, such as instances[1]; "" for the only one it can hold."""
        ...


class Request(Texts, Protocol):
    @property
    def max_error(self) -> float | None:
        """The error rate that the answers given must keep; None: the archive's own promise, if it makes one."""
        ...

    @property
    def threshold(self) -> Threshold | None:
        """The probability from which a label is given, for all or by label; None: the archive's own."""
        ...

    def render(self, predictions: Sequence[Prediction], model: Model) -> dict[str, Any]:
        """Build the response body from one prediction per text."""
        ...


class Explainable(Texts, Protocol):
    def explain(self, explanations: Sequence[Explanation], model: Model) -> dict[str, Any]:
        """Build the response body from one explanation per text."""
        ...


@dataclass(frozen=True, slots=True)
class One:
    text: Text
    details: bool = False
    max_error: float | None = None
    threshold: Threshold | None = None

    @property
    def texts(self) -> tuple[Text, ...]:
        return (self.text,)

    def place(self, index: int) -> str:
        return ""

    def render(self, predictions: Sequence[Prediction], model: Model) -> dict[str, Any]:
        return predictions[0].to_json(details=self.details)

    def explain(self, explanations: Sequence[Explanation], model: Model) -> dict[str, Any]:
        return explanations[0].to_json()


@dataclass(frozen=True, slots=True)
class Many:
    """Request with `texts` or KServe V1 `instances`; the response is a list even for one text."""

    texts: tuple[Text, ...]
    details: bool = False
    max_error: float | None = None
    threshold: Threshold | None = None
    form: str = field(default="texts", compare=False)  # key of the texts in the body

    def place(self, index: int) -> str:
        return f"{self.form}[{index}]"

    def render(self, predictions: Sequence[Prediction], model: Model) -> dict[str, Any]:
        return {"predictions": [prediction.to_json(details=self.details) for prediction in predictions]}

    def explain(self, explanations: Sequence[Explanation], model: Model) -> dict[str, Any]:
        return {"explanations": [explanation.to_json() for explanation in explanations]}


@dataclass(frozen=True, slots=True)
class Describe:
    """Metadata request: the header `describe: True` without a body, or the management API's `?customized=true`."""

    texts: tuple[Text, ...] = ()
    max_error: float | None = None
    threshold: Threshold | None = None

    def place(self, index: int) -> str:
        return ""

    def render(self, predictions: Sequence[Prediction], model: Model) -> dict[str, Any]:
        return model.to_json()


@dataclass(frozen=True, slots=True)
class Explain:
    """Explanation request for the label `target`, or for the predicted label if it is None."""

    asked: Explainable
    target: str | None = None


def parse_explain(body: Any) -> Explain:
    """Parse an explanation request.

    The limits are tighter than those of `parse_request` because an explanation costs as much as many predictions.

    Raises:
        RequestError: The format is unknown, a limit is exceeded, or a text cannot be scored.
    """
    asked = parse_request(body, EXPLANATION)
    if len(asked.texts) > MAX_EXPLAINED:
        told = f"{len(asked.texts)} texts in one request for explanations; send at most {MAX_EXPLAINED}"
        raise RequestError(told, status=413, reason="too_many")
    for i, text in enumerate(asked.texts):
        name = f"{asked.place(i) or 'a text'} to explain"
        check_text(text_of(text), name, longest=MAX_EXPLAINED_CHARACTERS)
    own = asked.parameters if isinstance(asked, Tensor) else body if isinstance(body, dict) else {}
    target = own.get("target")
    if target is not None and not isinstance(target, str):
        raise RequestError(f'"target" must be a label, got {kind(target)}')
    return Explain(asked, target)


def parse_request(body: Any, options: Options = PREDICTION) -> One | Many | Tensor:
    """Parse a decoded JSON body or a plain text into a Request.

    Raises:
        RequestError: The format is unknown, it has a key that nothing reads, or a text cannot be scored.
    """
    if isinstance(body, str):
        return One(check_text(body))
    if not isinstance(body, dict):
        raise RequestError(f'expected {{"text": "..."}} or {{"texts": ["..."]}}, got {kind(body)}')
    forms = [key for key in FORMS if key in body]
    if len(forms) != 1:
        keys = ", ".join(body) or "none"
        raise RequestError(f"expected one key of {', '.join(FORMS)}; got the keys: {keys[:200]}")
    [form] = forms
    if form == "inputs":
        return parse_tensor(body, options)
    known, uses = (form, *OWN[form], *options.known), {**options.elsewhere, **MISPLACED[form]}
    check_keys(body, known, f'in a request with "{form}"', uses)
    asked = (flag(body, "details"), error_rate(body), threshold(body))
    if form == "text":
        item = body["text"] if body.get("aspect") is None else Pair(body["text"], body["aspect"])
        return One(check_input(item), *asked)
    items = items_of(body, form)
    if form == "instances":
        items = [_instance(item, f"instances[{i}]") for i, item in enumerate(items)]
    elif body.get("aspects") is not None:
        items = [Pair(*both) for both in zip(items, aspects_beside(items, body["aspects"]), strict=True)]
    return Many(check_texts(items, form), *asked, form=form)


def rejection_of(error: TextError, request: Texts) -> RequestError:
    """Convert the error of one text of a request, which names the text as the request does."""
    place = request.place(error.index) if len(request.texts) > 1 else ""
    return RequestError(f"{place}: {error.problem}" if place else error.problem, reason=error.reason)


def aspects_beside(items: Sequence[Any], aspects: Any) -> list[Any]:
    """Return the aspects of a list of texts. Raises RequestError unless there is one for each."""
    if not isinstance(aspects, list):
        raise RequestError(f'"aspects" must be a list with one for each text, got {kind(aspects)}')
    if len(aspects) != len(items):
        raise RequestError(f"{len(aspects)} aspects for {len(items)} texts; send one for each, null for none")
    return aspects


def _instance(item: Any, name: str) -> Any:
    if not isinstance(item, dict):
        return item
    keys = [key for key in ("text", "data") if key in item]
    if len(keys) != 1:
        raise RequestError('an object in "instances" must have the key "text" or "data"')
    check_keys(item, (keys[0], ASPECT), f"in {name}", {"aspects": 'an instance has one "aspect"'})
    return item[keys[0]] if item.get("aspect") is None else Pair(item[keys[0]], item["aspect"])
