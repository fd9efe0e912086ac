"""OpenTelemetry spans of a worker's requests, where the extra `otel` is installed and an OTEL_ variable asks for them.

Each request is a span of its own trace, or of that of its `traceparent`, with the spans parse, tokenize, compute and
render; all requests of one batch link to the span of the batch, in which they were computed together.
"""

import importlib.util
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger(__name__)

SERVICE = "bert-sentiment"
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


@dataclass(slots=True)
class Phase:
    name: str
    start: int  # ns since the epoch
    end: int
    requests: Sequence[int]  # places in the batch


@dataclass(slots=True)
class Batch:
    """What happened when to the requests of one batch; the spans are made of it at the end."""

    started: int = field(default_factory=time.time_ns)
    phases: list[Phase] = field(default_factory=list)

    def note(self, name: str, start: int, end: int, requests: Sequence[int]) -> None:
        self.phases.append(Phase(name, start, end, requests))

    def noting(self, places: Sequence[int]) -> Callable[[str, int, int, Sequence[int]], None]:
        """As `note`, for a step that numbers some of the requests by itself; `places` are theirs in the batch."""
        return lambda name, start, end, numbers: self.note(name, start, end, [places[i] for i in numbers])


@dataclass(frozen=True, slots=True)
class Answered:
    """One request as its span tells it: no text, and no label."""

    headers: Mapping[str, Any]
    operation: str  # predict, explain, describe
    texts: int
    status: int
    reason: str | None  # of a rejection


class Tracing:
    """Makes the spans of a batch once it is answered, of the times that were noted."""

    def __init__(self, tracer: Any, *, model: str, version: str) -> None:
        self.tracer, self.own = tracer, {"sentiment.model": model, "sentiment.version": version}

    @classmethod
    def start(cls, *, model: str, version: str) -> "Tracing | None":
        """Trace with the process's provider, or with one that sends OTLP as OTEL_ variables say; None for neither."""
        if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return None
        if importlib.util.find_spec("opentelemetry") is None or importlib.util.find_spec("opentelemetry.sdk") is None:
            if asked_for():
                log.warning("OTEL_ variables ask for spans; pip install 'bert-sentiment[otel]' where the worker runs")
            return None
        from opentelemetry import trace

        if not hasattr(trace.get_tracer_provider(), "add_span_processor"):  # nobody has set one
            if not asked_for():
                return None
            trace.set_tracer_provider(provider())
        return cls(trace.get_tracer("sentiment"), model=model, version=version)

    def finish(self, batch: Batch, answered: Sequence[Answered]) -> None:
        """Make the spans of a batch that is answered; `answered` are its requests in their order."""
        from opentelemetry import trace
        from opentelemetry.context import Context
        from opentelemetry.propagate import extract
        from opentelemetry.trace import Link, SpanKind, Status, StatusCode

        end = time.time_ns()
        size = {"sentiment.requests": len(answered)}
        whole = self.tracer.start_span(
            "sentiment.batch", Context(), start_time=batch.started, attributes=self.own | size
        )
        for number, request in enumerate(answered):
            span = self.tracer.start_span(
                f"sentiment.{request.operation}",
                extract(carrier(request.headers), Context()),
                kind=SpanKind.SERVER,
                links=[Link(whole.get_span_context())],
                start_time=batch.started,
                attributes={
                    **self.own,
                    "sentiment.texts": request.texts,
                    "http.response.status_code": request.status,
                },
            )
            whole.add_link(span.get_span_context())
            if request.reason:
                span.set_attribute("error.type", request.reason)
            if request.status >= 500:
                span.set_status(Status(StatusCode.ERROR))
            inside = trace.set_span_in_context(span)
            for phase in (one for one in batch.phases if number in one.requests):
                self.tracer.start_span(phase.name, inside, start_time=phase.start).end(phase.end)
            span.end(end)
        whole.end(end)


def carrier(headers: Mapping[str, Any]) -> dict[str, str]:
    """Return a request's headers by names in lower case; TorchServe puts the types of form fields among them."""
    return {name.lower(): value for name, value in headers.items() if isinstance(value, str)}


def asked_for() -> bool:
    """Tell whether variables name a place for spans, and OTEL_TRACES_EXPORTER does not say otherwise."""
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() or "otlp"
    wanted = any(os.environ.get(name, "").strip() for name in ENDPOINTS)
    if wanted and exporter not in ("otlp", "none"):
        log.warning("OTEL_TRACES_EXPORTER=%s: a worker sends spans by otlp alone, or none", exporter)
    return wanted and exporter == "otlp"


def provider() -> Any:
    """Make a provider that sends spans in the background by OTLP over HTTP; its settings are the standard variables."""
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if protocol not in (None, "", "http/protobuf"):
        log.warning("OTEL_EXPORTER_OTLP_PROTOCOL=%s: a worker sends http/protobuf alone", protocol)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    made = TracerProvider(resource=Resource.create({} if named else {"service.name": SERVICE}))
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return made
