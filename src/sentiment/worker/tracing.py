"""OpenTelemetry spans of a worker's requests, if the extra `otel` is installed and an OTEL_ variable enables them.

Each request is a span in the trace of its `traceparent`, or in a new trace, with the child spans parse, tokenize,
compute and render. All requests of a batch are linked to the span of the batch, since they are computed together.
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
    requests: Sequence[int]  # indices in the batch


@dataclass(slots=True)
class Batch:
    """Recorded phases of one batch; the spans are created from them at its end."""

    started: int = field(default_factory=time.time_ns)
    phases: list[Phase] = field(default_factory=list)

    def note(self, name: str, start: int, end: int, requests: Sequence[int]) -> None:
        self.phases.append(Phase(name, start, end, requests))

    def noting(self, places: Sequence[int]) -> Callable[[str, int, int, Sequence[int]], None]:
        """Return a `note` for a step that sees some of the requests; `places` maps its numbers to batch indices."""
        return lambda name, start, end, numbers: self.note(name, start, end, [places[i] for i in numbers])


@dataclass(frozen=True, slots=True)
class Answered:
    """Span attributes of one request; they contain no text and no label."""

    headers: Mapping[str, Any]
    operation: str  # predict, explain, describe
    texts: int
    status: int
    reason: str | None  # rejection reason


class Tracing:
    """Span factory for completed batches."""

    def __init__(self, tracer: Any, *, model: str, version: str) -> None:
        self.tracer, self.own = tracer, {"sentiment.model": model, "sentiment.version": version}

    @classmethod
    def start(cls, *, model: str, version: str) -> "Tracing | None":
        """Use the process's tracer provider, or an OTLP provider configured by OTEL_ variables; None without either."""
        if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return None
        if importlib.util.find_spec("opentelemetry") is None or importlib.util.find_spec("opentelemetry.sdk") is None:
            if is_asked_for():
                log.warning("OTEL_ variables ask for spans; pip install 'bert-sentiment[otel]' where the worker runs")
            return None
        from opentelemetry import trace

        if not hasattr(trace.get_tracer_provider(), "add_span_processor"):  # no provider is set
            if not is_asked_for():
                return None
            trace.set_tracer_provider(provider())
        return cls(trace.get_tracer("sentiment"), model=model, version=version)

    def finish(self, batch: Batch, answered: Sequence[Answered]) -> None:
        """Create the spans of a completed batch; `answered` are its requests in order."""
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
                attributes={**self.own, "sentiment.texts": request.texts, "http.response.status_code": request.status},
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
    """Lower-case the header names and drop values that are not strings: TorchServe mixes in types of form fields."""
    return {name.lower(): value for name, value in headers.items() if isinstance(value, str)}


def is_asked_for() -> bool:
    """Check if OTEL_ variables set an endpoint and OTEL_TRACES_EXPORTER is unset or "otlp"."""
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() or "otlp"
    wanted = any(os.environ.get(name, "").strip() for name in ENDPOINTS)
    if wanted and exporter not in ("otlp", "none"):
        log.warning("OTEL_TRACES_EXPORTER=%s: a worker sends spans by otlp alone, or none", exporter)
    return wanted and exporter == "otlp"


def provider() -> Any:
    """Create a provider that exports spans in the background by OTLP/HTTP, configured by the standard variables."""
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
