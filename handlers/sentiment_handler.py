"""TorchServe handler: request rows in, one answer for each row out. The archive carries `sentiment/` beside it."""

import json
import logging
import os
import time
from pathlib import Path
from typing import Any

import torch

from sentiment.predictor import Predictor
from sentiment.protocol import Describe, Model, Request, parse_request
from sentiment.schema import STATUS, RequestError
from sentiment.telemetry import Telemetry

log = logging.getLogger(__name__)

NO_BODY = (  # TorchServe takes a body without a content type for a form
    'the request has no text; send {"text": "..."} with the header Content-Type: application/json, '
    'a plain text as text/plain, or a form with the field "data"'
)
NO_EXPLANATIONS = "this model gives no explanations; ask /predictions/<model> instead"


class SentimentHandler:
    """Scores a dynamic batch in one call; a bad row gets its own 400 or 413, its neighbours their predictions."""

    def __init__(self) -> None:
        self.predictor: Predictor
        self.telemetry: Telemetry

    def initialize(self, context: Any) -> None:
        properties = context.system_properties
        device = f"cuda:{properties['gpu_id']}" if properties.get("gpu_id") is not None else "cpu"
        workers = (context.model_yaml_config or {}).get("maxWorkers", 1)
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))  # the workers of a machine share its cores
        self.predictor = Predictor.load(Path(properties["model_dir"]), device=device)
        self.predictor.predict(["a first text, so that the first request does not pay for the warm-up"])
        self.telemetry = Telemetry(context.metrics, model=context.model_name, version=version_of(context))
        log.info("ready on %s, labels %s", device, self.predictor.labels)

    def handle(self, rows: list[dict[str, Any]], context: Any) -> list[str]:
        started = time.perf_counter()
        requests = [self._parse(row, context.get_all_request_header(i)) for i, row in enumerate(rows)]
        texts = [text for request in requests if not isinstance(request, RequestError) for text in request.texts]
        scored = self.predictor.predict(texts)
        predictions = iter(scored)
        model = self._model(context)
        answers = []
        for index, request in enumerate(requests):
            context.set_response_content_type(index, "application/json")
            if isinstance(request, RequestError):
                context.set_response_status(code=request.status, phrase=STATUS[request.status], idx=index)
                answer = request.to_json()
            else:
                answer = request.render([next(predictions) for _ in request.texts], model)
            answers.append(json.dumps(answer))  # ASCII: an id sent back may hold what UTF-8 cannot
        reasons = [request.reason for request in requests if isinstance(request, RequestError)]
        self.telemetry.batch(scored, reasons, requests=len(rows), seconds=time.perf_counter() - started)
        return answers

    def _parse(self, row: dict[str, Any], headers: dict[str, Any]) -> Request | RequestError:
        """One row by its own headers: TorchServe batches all of a model's requests, whatever they ask."""
        try:
            if headers.get("explain") == "True":
                raise RequestError(NO_EXPLANATIONS, status=501, reason="not_offered")
            if headers.get("describe") == "True" and not row:
                return Describe()
            return parse_request(decode(row))
        except RequestError as error:
            return error

    def _model(self, context: Any) -> Model:
        own = self.predictor.preprocessing
        return Model(
            context.model_name, version_of(context), tuple(self.predictor.labels), own.max_length, own.truncation
        )


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
