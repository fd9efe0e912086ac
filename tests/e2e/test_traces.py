"""Spans of a real server at collectors of OTLP over HTTP, in the trace of the client that asked."""

import contextlib
import os
import shutil
import subprocess
import threading

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from tests.e2e.conftest import BACKENDS, on_free_ports
from tests.e2e.faults import wait_for
from tests.ports import free_ports
from tests.worker.test_tracing import Collector

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
STEPS = {"parse", "tokenize", "compute", "render"}


@contextlib.contextmanager
def phoenix(folder):
    """Arize Phoenix, which takes OTLP, keeps the spans in a database and answers for them."""
    port, grpc = free_ports(2)
    folder.mkdir()
    own = {"HOST": "127.0.0.1", "PORT": port, "GRPC_PORT": grpc, "WORKING_DIR": folder, "TELEMETRY_ENABLED": "false"}
    environment = os.environ | {f"PHOENIX_{name}": str(value) for name, value in own.items()}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["phoenix", "serve"], env=environment, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(f"{url}/healthz") or process.poll() is not None, 600)
        assert process.poll() is None, (folder / "log").read_text()
        yield url
    finally:
        process.kill()
        process.wait()


def answers(url):
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url).status_code == 200
    return False


@contextlib.contextmanager
def asked(spare, folder, monkeypatch, endpoint, backend="torchserve"):
    """Ask a server that sends its spans to an endpoint, and give the context of the span that asked."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
    tracer = TracerProvider().get_tracer("caller")
    with on_free_ports(spare.store, work_dir=folder, models=["sentiment"], backend=backend) as server:
        with server.client() as client, trace.use_span(tracer.start_span("work")) as span:
            client.predict(["good film", "bad meal"])
        yield span.get_span_context()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_request_is_followed_from_its_client_to_the_model(spare, tmp_path, monkeypatch, backend):
    collector = Collector()
    threading.Thread(target=collector.serve_forever, daemon=True).start()

    def spans():
        resources = [one for _, _, got in collector.received for one in got.resource_spans]
        return [span for one in resources for scope in one.scope_spans for span in scope.spans]

    endpoint = f"http://127.0.0.1:{collector.server_port}"
    with asked(spare, tmp_path / "serve", monkeypatch, endpoint, backend) as caller:

        def ours():
            return [one for one in spans() if int.from_bytes(one.trace_id) == caller.trace_id]

        wait_for(lambda: len(ours()) == 1 + len(STEPS))
    collector.shutdown()
    collector.server_close()
    [request] = [one for one in ours() if one.name == "sentiment.predict"]
    assert int.from_bytes(request.parent_span_id) == caller.span_id
    assert {one.name for one in ours() if one.parent_span_id == request.span_id} == STEPS


@pytest.mark.skipif(
    shutil.which("phoenix") is None, reason="needs phoenix on the path (pip install arize-phoenix, in its own venv)"
)
def test_a_collector_shows_the_spans_of_a_request(spare, tmp_path, monkeypatch):
    with phoenix(tmp_path / "phoenix") as url, asked(spare, tmp_path / "serve", monkeypatch, url) as caller:

        def ours():
            found = httpx.get(f"{url}/v1/projects/default/spans", params={"limit": 1000}, timeout=60).json()["data"]
            return [one for one in found if int(one["context"]["trace_id"], 16) == caller.trace_id]

        wait_for(lambda: len(ours()) == 1 + len(STEPS))
        found = ours()
    [request] = [one for one in found if one["name"] == "sentiment.predict"]
    assert int(request["parent_id"], 16) == caller.span_id
    assert request["attributes"]["http.response.status_code"] == 200
    assert request["attributes"]["sentiment.texts"] == 2
    assert {one["name"] for one in found if one["parent_id"] == request["context"]["span_id"]} == STEPS
