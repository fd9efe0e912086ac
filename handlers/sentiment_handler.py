"""TorchServe handler: request rows in, one answer for each row out. The archive carries `sentiment/` beside it."""

import json
import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from sentiment.activity import Activity, counted
from sentiment.files import read_json_if_any
from sentiment.frames import receive_in_pieces
from sentiment.predictor import Predictor
from sentiment.protocol import Describe, Explain, Request, parse_explain, parse_request
from sentiment.schema import STATUS, Explanation, Model, Prediction, RequestError
from sentiment.telemetry import Telemetry

log = logging.getLogger(__name__)

NO_BODY = (  # TorchServe takes a body without a content type for a form
    'the request has no text; send {"text": "..."} with the header Content-Type: application/json, '
    'a plain text as text/plain, or a form with the field "data"'
)


class SentimentHandler:
    """Scores a dynamic batch in one call; a bad row gets its own error, its neighbours their predictions."""

    def __init__(self) -> None:
        self.activity = Activity.from_environment()
        self.predictor: Predictor
        self.warming: threading.Thread
        self.telemetry: Telemetry
        self.scores: dict[str, Any] | None
        self.intervals: dict[str, Any] | None

    def initialize(self, context: Any) -> None:
        receive_in_pieces()
        properties = context.system_properties
        device = f"cuda:{properties['gpu_id']}" if properties.get("gpu_id") is not None else "cpu"
        workers = (context.model_yaml_config or {}).get("maxWorkers", 1)
        cores = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)  # a container sees all of its machine's
        torch.set_num_threads(max(1, cores // workers))  # which the workers share
        self.predictor = Predictor.load(Path(properties["model_dir"]), device=device)
        self.scores = read_json_if_any(Path(properties["model_dir"]) / "metrics.json")  # none of an export alone
        self.intervals = read_json_if_any(Path(properties["model_dir"]) / "intervals.json")
        self.predictor.predict(["a first text, so that the first request does not pay for the warm-up"])
        self.telemetry = Telemetry(context.metrics, model=context.model_name, version=version_of(context))
        self.warming = threading.Thread(target=lambda: self.predictor.explainer, daemon=True)
        self.warming.start()  # it takes seconds, in which texts are answered
        log.info("ready on %s, labels %s", device, self.predictor.labels)

    @counted
    def handle(self, rows: list[dict[str, Any]], context: Any) -> list[str]:
        started = time.perf_counter()
        requests = [self._parse(row, context.get_all_request_header(i)) for i, row in enumerate(rows)]
        plain = [request for request in requests if not isinstance(request, RequestError | Explain)]
        scored = self.predictor.predict([text for request in plain for text in request.texts])
        explained = self._explain([request for request in requests if isinstance(request, Explain)])
        answers = list(self._answers(requests, iter(scored), iter(explained), self._model(context)))
        for index, answer in enumerate(answers):
            context.set_response_content_type(index, "application/json")
            if isinstance(answer, RequestError):
                context.set_response_status(code=answer.status, phrase=STATUS[answer.status], idx=index)
        self.telemetry.batch(
            scored,
            rejected=[answer.reason for answer in answers if isinstance(answer, RequestError)],
            explained=sum(len(one) for one in explained if isinstance(one, list)),
            requests=len(rows),
            seconds=time.perf_counter() - started,
        )
        told = (answer.to_json() if isinstance(answer, RequestError) else answer for answer in answers)
        return [json.dumps(answer) for answer in told]  # ASCII: an id sent back may hold what UTF-8 cannot

    def _explain(self, requests: Sequence[Explain]) -> list[list[Explanation] | RequestError]:
        if not requests:
            return []
        self.warming.join()
        return self.predictor.explainer.batch(requests)

    def _answers(
        self,
        requests: Sequence[Request | Explain | RequestError],
        predictions: Iterator[Prediction],
        explanations: Iterator[list[Explanation] | RequestError],
        model: Model,
    ) -> Iterator[dict[str, Any] | RequestError]:
        """The answer to each request, or why there is none."""
        for request in requests:
            if isinstance(request, RequestError):
                yield request
            elif isinstance(request, Explain):
                found = next(explanations)
                yield found if isinstance(found, RequestError) else request.asked.explain(found, model)
            else:
                yield request.render([next(predictions) for _ in request.texts], model)

    def _parse(self, row: dict[str, Any], headers: dict[str, Any]) -> Request | Explain | RequestError:
        """One row by its own headers: TorchServe batches all of a model's requests, whatever they ask."""
        try:
            if headers.get("explain") == "True":
                return parse_explain(decode(row))
            if headers.get("describe") == "True" and not any(row.values()):  # over REST the body is there, empty
                return Describe()
            return parse_request(decode(row))
        except RequestError as error:
            return error

    def _model(self, context: Any) -> Model:
        own = self.predictor.preprocessing
        labels = tuple(self.predictor.labels)
        name, version = context.model_name, version_of(context)
        return Model(name, version, labels, own.max_length, own.truncation, self.scores, self.intervals)


def version_of(context: Any) -> str:
    return str(context.manifest["model"]["modelVersion"])


def decode(row: dict[str, Any]) -> Any:
    """The body of one row as TorchServe hands it over: decoded JSON, a text, or bytes that are one of both."""
    name = next((name for name in ("body", "data") if name in row), None)
    if name is None:
        raise RequestError(NO_BODY, reason="no_text")
    body = row[name]
    if not isinstance(body, bytes | bytearray):
        return body
    try:
        text = bytes(body).decode("utf-8")
    except UnicodeDecodeError as error:
        told = f"the body is not UTF-8: byte 0x{body[error.start]:02x} at {error.start}"
        raise RequestError(told, reason="not_unicode") from error
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        told = f"the body is not valid JSON: {error.msg} at character {error.pos}"
        raise RequestError(told, reason="not_json") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, lists a thousand deep
        told = "the body holds a number too long or lists too deep to read"
        raise RequestError(told, reason="not_json") from error
