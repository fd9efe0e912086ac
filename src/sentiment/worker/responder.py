"""Answers to the requests of one batch, whichever server received them."""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sentiment.errors import ConfigError, RequestError, TextError
from sentiment.files import read_json_if_any
from sentiment.inference.explanations import check_target
from sentiment.inference.pairs import Text, text_of
from sentiment.inference.predictor import Predictor
from sentiment.inference.types import Explanation, Model, Prediction
from sentiment.protocol.bodies import decode
from sentiment.protocol.requests import Describe, Explain, Request, Texts, parse_explain, parse_request, rejection_of
from sentiment.protocol.validation import CANARY, MODEL_HEADER
from sentiment.worker.admission import MAX_SECONDS, Admission, Outcome, place_of
from sentiment.worker.explain_queue import LazyExplainer, explain_batch
from sentiment.worker.memory import give_back, is_large
from sentiment.worker.metrics import Metric, Series, Telemetry
from sentiment.worker.shares import share_gauges
from sentiment.worker.tracing import Answered, Batch, Tracing

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_ANSWER = 6_553_500  # bytes; TorchServe disconnects a worker that sends more, and loses the batch


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: str  # JSON
    headers: Mapping[str, str]


class Responder:
    """A loaded model that answers batches of requests; an invalid request gets an error, the others their answers."""

    def __init__(
        self,
        folder: Path,
        *,
        model: str,
        version: str,
        metrics: Callable[[Metric], Series],
        device: str = "cpu",
        seconds: float = MAX_SECONDS,
    ) -> None:
        """Load the model, warm it up and measure its speed; a batch may compute for `seconds`."""
        self.name, self.version = model, version
        self.predictor = Predictor.load(folder, device=device)
        self.scores = read_json_if_any(folder / "metrics.json")  # None for a bare export
        self.intervals = read_json_if_any(folder / "intervals.json")
        first = "a first text, so that the first request does not pay for the warm-up"
        self.predictor.predict([first], "warm-up" if self.predictor.preprocessing.aspects else None)
        self.admission = Admission(self.predictor, seconds=seconds)
        several = self.predictor.decoding.kind == "multi"
        self.telemetry = Telemetry(metrics, model=model, version=version, labels=self.predictor.labels, several=several)
        for metric, value, names in [] if several else share_gauges(folder, self.predictor.labels):
            self.telemetry.add(metric, value, *names)
        self.tracing = Tracing.start(model=model, version=version)
        self.explainer = LazyExplainer(self.predictor)
        log.info("ready on %s, labels %s", device, self.predictor.labels)
        log.info("%.0f tokens/s: a request has %d at most", self.admission.rate.best, self.admission.most)

    def respond(self, rows: Sequence[Mapping[str, Any]], headers: Sequence[Mapping[str, Any]]) -> list[Response]:
        """Answer a batch of requests.

        Returns:
            One response per request, in their order.
        """
        started = time.perf_counter()
        batch = Batch() if self.tracing else None
        requests = [self._parse(row, own, i, batch) for i, (row, own) in enumerate(zip(rows, headers, strict=True))]
        found = self._answer(requests, batch)
        model = self.predictor.describe(self.name, self.version, scores=self.scores, intervals=self.intervals)
        answers = [self._render(request, found.get(i), model, i, batch) for i, request in enumerate(requests)]
        counted = {i: one for i, one in enumerate(requests) if not is_canary(one)}
        answered = [found[i] for i, one in counted.items() if not isinstance(found.get(i, one), RequestError)]
        self.telemetry.batch(
            [one for several in answered for one in several if isinstance(one, Prediction)],
            rejected=[answer.reason for answer in answers if isinstance(answer, RequestError)],
            explained=sum(isinstance(one, Explanation) for several in answered for one in several),
            requests=len(rows),
            seconds=time.perf_counter() - started,
        )
        if self.tracing and batch:
            self.tracing.finish(batch, [*map(describe_request, requests, answers, headers)])
        if is_large(rows) or any(isinstance(one, Explain) for one in requests):
            give_back()
        return [self._response(answer) for answer in answers]

    def _response(self, answer: str | RequestError) -> Response:
        headers = {MODEL_HEADER: self.predictor.sha256} if self.predictor.sha256 else {}
        if not isinstance(answer, RequestError):
            return Response(200, answer, headers)
        if answer.retry_after is not None:
            headers["Retry-After"] = str(answer.retry_after)
        return Response(answer.status, json.dumps(answer.to_json()), headers)

    def _answer(self, requests: Sequence[Request | Explain | RequestError], batch: Batch | None) -> dict[int, Any]:
        """Compute predictions, explanations or an error for each valid request, by its index in the batch."""
        plain = {i: one for i, one in enumerate(requests) if not isinstance(one, RequestError | Explain)}
        asked = {i: one for i, one in enumerate(requests) if isinstance(one, Explain)}
        scored = self.admission.answer([one.texts for one in plain.values()], batch.noting([*plain]) if batch else None)
        scored = [self._promised(one, found) for one, found in zip(plain.values(), scored, strict=True)]
        started = time.time_ns()
        explained = self._explain([*asked.values()])
        if batch and asked:
            batch.note("compute", started, time.time_ns(), [*asked])
        return dict(zip([*plain, *asked], [*scored, *explained], strict=True))

    def _promised(self, request: Request, found: Outcome) -> list[Prediction] | RequestError:
        """Leave texts to a person where the request asks for an error rate, and give labels by its thresholds."""
        if isinstance(found, TextError):
            return rejection_of(found, request)
        if isinstance(found, RequestError) or (request.max_error is None and request.threshold is None):
            return found
        try:
            given = self.predictor.with_threshold(found, request.threshold)
            return self.predictor.with_promise(given, request.max_error)
        except ConfigError as error:
            return RequestError(str(error))
        except RequestError as error:
            return error

    def _explain(self, requests: Sequence[Explain]) -> list[list[Explanation] | RequestError]:
        if not requests:
            return []
        try:
            explainer = self.explainer.get()
        except RequestError as loading:
            return [loading] * len(requests)
        return explain_batch(explainer, requests)

    def _render(
        self, request: Request | Explain | RequestError, found: Any, model: Model, number: int, batch: Batch | None
    ) -> str | RequestError:
        """Serialize the response to one request as JSON, or return its error."""
        error = request if isinstance(request, RequestError) else found
        if isinstance(error, RequestError):
            return error

        def write() -> str | RequestError:
            if isinstance(request, Explain):
                answer = request.asked.explain(found, model)
            else:
                assert not isinstance(request, RequestError)
                answer = request.render(found, model)
            written = json.dumps(answer)  # ASCII: an echoed id may contain lone surrogates
            if len(written) > MAX_ANSWER:
                told = (
                    f"the answer has {len(written):,} bytes, at most {MAX_ANSWER:,} are sent; send less in one request"
                )
                return RequestError(told, status=413, reason="too_many")
            return written

        return isolate(write, "answer cannot be written", "render", number, batch)

    def _parse(
        self, row: Mapping[str, Any], headers: Mapping[str, Any], number: int, batch: Batch | None
    ) -> Request | Explain | RequestError:
        """Parse one row by its own headers: TorchServe mixes predict, explain and describe requests in a batch."""

        def read() -> Request | Explain:
            if headers.get("explain") == "True":
                explain = parse_explain(decode(row, headers))
                self._check_aspects(explain.asked)
                check_target(explain.target, self.predictor.labels)
                return explain
            if headers.get("describe") == "True" and not any(row.values()):  # over REST the body is present but empty
                return Describe()
            request = parse_request(decode(row, headers))
            self._check_aspects(request)
            return request

        return isolate(read, "request cannot be read", "parse", number, batch)

    def _check_aspects(self, request: Texts) -> None:
        """Raise RequestError if a text lacks the aspect that the model reads, or has one that it does not read."""
        try:
            self.predictor.inputs(request.texts)
        except TextError as error:
            raise rejection_of(error, request) from error


def isolate(
    work: Callable[[], T | RequestError], failure: str, step: str, number: int, batch: Batch | None
) -> T | RequestError:
    """Do one step of one request; what it raises is its own answer and reaches no other request of the batch."""
    started = time.time_ns() if batch else 0
    try:
        return work()
    except RequestError as error:
        return error
    except Exception as failed:  # isolates requests from each other
        log.error("one %s: %s", failure, place_of(failed))
        return RequestError(f"the {failure}", status=500, reason="internal")
    finally:
        if batch:
            batch.note(step, started, time.time_ns(), [number])


def is_canary(request: Request | Explain | RequestError) -> bool:
    """Tell whether a request is a readiness check, whose one text again and again would move the shares of labels."""
    texts: Sequence[Text] = getattr(request, "texts", ())
    return len(texts) == 1 and text_of(texts[0]) == CANARY


def describe_request(
    request: Request | Explain | RequestError, answer: str | RequestError, headers: Mapping[str, Any]
) -> Answered:
    """Collect the span attributes of one request."""
    texts = request.asked.texts if isinstance(request, Explain) else getattr(request, "texts", ())
    operation = "explain" if headers.get("explain") == "True" else "describe" if request == Describe() else "predict"
    if isinstance(answer, RequestError):
        return Answered(headers, operation, len(texts), answer.status, answer.reason)
    return Answered(headers, operation, len(texts), 200, None)
