"""The inference API and the metrics as pytorch/serve's own collections ask them, without and with KServe's paths."""

import re

import httpx
import pytest

pytestmark = pytest.mark.e2e

TEXT = {"json": {"text": "a fine film"}}
V1 = {"json": {"instances": ["a fine film"]}}
V2 = {"json": {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a fine film"]}]}}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/ping", 200),
        ("/", 405),
        ("/nothing", 404),
        ("/v1/models/sentiment", 404),  # the management API answers this one
        ("/v2", 404),  # KServe V2 beside infer: only with TS_OPEN_INFERENCE_PROTOCOL=oip, which serve leaves unset
        ("/v2/health/live", 404),
        ("/v2/health/ready", 404),
        ("/v2/models/sentiment", 404),
        ("/v2/models/sentiment/ready", 404),
    ],
)
def test_health_and_metadata(api, path, status):
    assert api.get(path).status_code == status


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/predictions/sentiment", TEXT, 200),
        ("/predictions/sentiment/1.0", TEXT, 200),
        ("/predictions/sentiment/9.9", TEXT, 404),
        ("/predictions/none", TEXT, 404),
        ("/predictions", TEXT, 404),
        ("/explanations/none", TEXT, 404),
        ("/v1/models/sentiment:predict", V1, 200),
        ("/v1/models/none:predict", V1, 404),
        ("/v2/models/sentiment/infer", V2, 200),
        ("/v2/models/sentiment/versions/1.0/infer", V2, 404),
        ("/v2/models/none/infer", V2, 404),
    ],
)
def test_a_model_and_version_is_found_by_its_path(api, local, path, body, status):
    answer = api.post(path, **body)
    assert answer.status_code == status, answer.text
    if status == 200:
        assert local.predict(["a fine film"])[0].label in answer.text
    else:
        assert answer.json()["code"] == status


def test_the_description_is_openapi(http, server):
    told = http.options("/").json()
    assert told["openapi"].startswith("3.")
    assert "/predictions/{model_name}" in told["paths"]


def test_the_metrics_count_requests_by_model_and_status(http, server):
    before = counted(server)
    assert http.post("/predictions/sentiment", **TEXT).status_code == 200
    assert http.post("/predictions/none", **TEXT).status_code == 404
    after = counted(server)
    assert (after["model"] - before["model"], after["4XX"] - before["4XX"]) == (1, 1)


def counted(server):
    """Predictions of the model, and requests refused; the metrics never ask for a token."""
    text = httpx.get(f"{server.address('metrics')}/metrics").text
    kinds = {"model": 'ts_inference_requests_total{.*model_name="sentiment"', "4XX": "Requests4XX{"}
    return {
        kind: sum(float(value) for value in re.findall(rf"^{start}.*}} (\S+)$", text, re.MULTILINE))
        for kind, start in kinds.items()
    }
