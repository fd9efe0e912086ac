"""Spans of the handler's requests: by the SDK's in-memory exporter, and as a collector gets them over HTTP."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from sentiment.client import Client
from sentiment.worker import tracing
from sentiment.worker.tracing import Tracing
from tests.client.conftest import echo
from tests.handling import ASKED, answers

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
STEPS = ["parse", "tokenize", "compute", "render"]


@pytest.fixture(scope="module")
def exporter():
    """Of the one provider that a process can have."""
    made = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(made))
    trace.set_tracer_provider(provider)
    return made


@pytest.fixture
def spans(handler, exporter, monkeypatch):
    """Answer rows, and return the spans that are made of them."""
    monkeypatch.setattr(handler.responder, "tracing", Tracing.start(model="sentiment", version="1.0"))

    def answered(*rows, headers=None):
        exporter.clear()
        got = answers(handler, *rows, headers=headers)
        return got, exporter.get_finished_spans()

    return answered


def named(spans, name):
    return [span for span in spans if span.name == name]


def inside(spans, parent):
    return [span for span in spans if span.parent and span.parent.span_id == parent.context.span_id]


def test_each_request_has_its_steps_in_the_trace_of_its_caller(spans):
    rows = [{"body": "good film"}, {"body": {"texts": ["a text of a user", "b"]}}, {"body": {"text": ""}}]
    _, made = spans(*rows, headers={0: {"TraceParent": TRACEPARENT}})
    requests = named(made, "sentiment.predict")
    assert len(requests) == 3
    first, second, third = requests
    assert (f"{first.context.trace_id:032x}", f"{first.parent.span_id:016x}") == (TRACE, PARENT)
    assert second.parent is None
    for request in (first, second):
        steps = inside(made, request)
        assert [step.name for step in sorted(steps, key=lambda step: step.start_time)] == STEPS
        assert all(request.start_time <= step.start_time <= step.end_time <= request.end_time for step in steps)
        assert {step.context.trace_id for step in steps} == {request.context.trace_id}
    assert [step.name for step in inside(made, third)] == ["parse"]
    assert dict(second.attributes) == {
        "sentiment.model": "sentiment",
        "sentiment.version": "1.0",
        "sentiment.texts": 2,
        "http.response.status_code": 200,
    }
    assert (third.attributes["http.response.status_code"], third.attributes["error.type"]) == (400, "empty_text")
    assert "a text of a user" not in "".join(span.to_json() for span in made)


def test_requests_and_their_batch_are_linked(spans):
    _, made = spans({"body": "good film"}, {"body": "bad meal"})
    [batch] = named(made, "sentiment.batch")
    requests = named(made, "sentiment.predict")
    assert batch.attributes["sentiment.requests"] == 2
    assert {link.context.span_id for link in batch.links} == {request.context.span_id for request in requests}
    assert all([link.context.span_id for link in one.links] == [batch.context.span_id] for one in requests)


def test_explanations_and_descriptions_are_told_apart(spans):
    _, made = spans({"body": "good film"}, {"body": b""}, headers={0: ASKED, 1: {"describe": "True"}})
    [explained] = named(made, "sentiment.explain")
    assert [step.name for step in inside(made, explained)] == ["parse", "compute", "render"]
    assert len(named(made, "sentiment.describe")) == 1


@pytest.mark.parametrize(
    "value", ["", "00-0-0-00", "x" * 10_000, {"content-type": "text/plain"}, f"ff-{TRACE}-{PARENT}"]
)
def test_a_traceparent_that_is_none_begins_a_new_trace(spans, value):
    [(status, _)], made = spans({"body": "good film"}, headers={0: {"traceparent": value}})
    [request] = named(made, "sentiment.predict")
    assert (status, request.parent) == (200, None)


def test_the_client_sends_the_traceparent_of_its_caller(exporter):
    seen = []

    def answer(request):
        seen.append(request.headers.get("traceparent", "")[:52])
        return httpx.Response(200, json=echo(["good film"]))

    with Client(transport=httpx.MockTransport(answer)) as client:
        client.predict(["good film"])
        with trace.get_tracer("caller").start_as_current_span("work") as span:
            client.predict(["good film"])
    assert seen == ["", f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}"]


class Collector(HTTPServer):
    """Takes what an OpenTelemetry collector takes at its HTTP receiver."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Receiver)
        self.received = []


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        got = ExportTraceServiceRequest.FromString(body)
        self.server.received.append((self.path, self.headers["Content-Type"], got))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


WORKER = """
from sentiment.worker.tracing import Answered, Batch, Tracing
made = Tracing.start(model="sentiment", version="1.0")
print("off" if made is None else "on")
if made:
    batch = Batch()
    batch.note("parse", batch.started, batch.started + 1000, [0])
    made.finish(batch, [Answered({"traceparent": "TRACEPARENT"}, "predict", 1, 200, None)])
"""


def worker(**variables):
    """Run what a worker runs, in a process of its own; what it printed."""
    script = WORKER.replace("TRACEPARENT", TRACEPARENT)
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True)
    return done.stdout.strip(), done.stderr


def test_spans_reach_a_collector_as_the_variables_say():
    collector = Collector()
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    try:
        at = f"http://127.0.0.1:{collector.server_port}"
        said = worker(OTEL_EXPORTER_OTLP_ENDPOINT=at, OTEL_SERVICE_NAME="reviews")
    finally:
        collector.shutdown()
        collector.server_close()
    assert said[0] == "on"
    assert {(path, kind) for path, kind, _ in collector.received} == {("/v1/traces", "application/x-protobuf")}
    [resource] = [one for _, _, got in collector.received for one in got.resource_spans]
    service = {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"]
    made = {span.name: span for scope in resource.scope_spans for span in scope.spans}
    assert (service, set(made)) == ("reviews", {"sentiment.batch", "sentiment.predict", "parse"})
    assert (made["sentiment.predict"].trace_id.hex(), made["parse"].trace_id.hex()) == (TRACE, TRACE)


AT = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("variables", "warning"),
    [
        ({}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": AT, "OTEL_SDK_DISABLED": "true"}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": AT, "OTEL_TRACES_EXPORTER": "none"}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": AT, "OTEL_TRACES_EXPORTER": "zipkin"}, "by otlp alone"),
    ],
)
def test_no_spans_are_made_where_nobody_asks_for_them(variables, warning):
    said, logged = worker(**variables)
    assert (said, warning in logged, bool(logged)) == ("off", True, bool(warning))


def test_a_worker_without_the_extra_serves_and_says_so(monkeypatch, caplog):
    monkeypatch.setattr(tracing.importlib.util, "find_spec", lambda name: None)
    assert Tracing.start(model="sentiment", version="1.0") is None
    assert caplog.text == ""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", AT)
    assert Tracing.start(model="sentiment", version="1.0") is None
    assert "pip install 'bert-sentiment[otel]'" in caplog.text
