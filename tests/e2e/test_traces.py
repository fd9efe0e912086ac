"""Spans of a real server at a receiver of OTLP over HTTP, in the trace of the client that asked."""

import threading

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from tests.e2e.conftest import on_free_ports
from tests.e2e.faults import wait_for
from tests.worker.test_tracing import Collector

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_a_request_is_followed_from_its_client_to_the_model(spare, tmp_path, monkeypatch):
    collector = Collector()
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
    tracer = TracerProvider().get_tracer("caller")
    with on_free_ports(spare.store, work_dir=tmp_path / "serve", models=["sentiment"]) as server:
        with server.client() as client, trace.use_span(tracer.start_span("work")) as span:
            client.predict(["good film", "bad meal"])

        def spans():
            resources = [one for _, _, got in collector.received for one in got.resource_spans]
            return [span for one in resources for scope in one.scope_spans for span in scope.spans]

        def ours():
            return [one for one in spans() if int.from_bytes(one.trace_id) == span.get_span_context().trace_id]

        wait_for(lambda: len(ours()) == 5)
    collector.shutdown()
    collector.server_close()
    [request] = [one for one in ours() if one.name == "sentiment.predict"]
    assert int.from_bytes(request.parent_span_id) == span.get_span_context().span_id
    steps = {one.name for one in ours() if one.parent_span_id == request.span_id}
    assert steps == {"parse", "tokenize", "compute", "render"}
