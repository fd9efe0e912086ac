"""The forms of a request against the real server, alone and mixed in its dynamic batches."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest

from sentiment.client import read_key
from tests.conftest import read_json

pytestmark = pytest.mark.e2e

LABELS = ["negative", "neutral", "positive"]
TEXTS = ["What a day!", "dull"]
V2 = {"id": "7", "inputs": [{"name": "text", "shape": [2], "datatype": "BYTES", "data": TEXTS}]}
PATHS = ("/predictions/sentiment", "/v1/models/sentiment:predict", "/v2/models/sentiment/infer")
JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def probabilities(answer):
    """Of each text of an answer in any form, flat."""
    if "outputs" in answer:
        return next(output["data"] for output in answer["outputs"] if output["name"] == "probabilities")
    return [value for p in answer.get("predictions", [answer]) for value in p["probabilities"].values()]


@pytest.mark.parametrize("path", PATHS)
def test_each_form_is_answered_on_each_path(api, local, path):
    expected = local.probabilities(TEXTS).flatten().tolist()
    for body in ({"texts": TEXTS}, {"instances": [TEXTS[0], {"text": TEXTS[1]}]}, V2):
        answer = api.post(path, json=body)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert probabilities(answer.json()) == pytest.approx(expected, abs=1e-4)


def test_a_tensor_answer_names_model_version_and_id(api, local):
    answer = api.post(PATHS[2], json={**V2, "parameters": {"details": True}}).json()
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("sentiment", "1.0", "7")
    shapes = {output["name"]: output["shape"] for output in answer["outputs"]}
    details = {"tokens": [2], "truncated": [2], "readable": [2], "reason": [2], "unreadable": [2], "polarity": [2]}
    assert shapes == {"label": [2], "score": [2], "probabilities": [2, 3], **details}


def test_forms_errors_and_explanations_mixed_in_one_batch_each_get_their_own(api, local):
    """At once from many connections, so that TorchServe batches them."""
    one, two = local.probabilities(TEXTS[:1]).flatten().tolist(), local.probabilities(TEXTS).flatten().tolist()
    kinds = [
        ("/explanations/sentiment", {"json": {"text": TEXTS[0], "target": "sad"}}, 400, None),
        (PATHS[0], {"json": {"text": TEXTS[0]}}, 200, one),
        (PATHS[0], {"json": {"text": TEXTS[0]}, "headers": {"explain": "True", "describe": "True"}}, 200, one),
        (PATHS[1], {"json": {"instances": TEXTS}}, 200, two),
        (PATHS[2], {"json": V2}, 200, two),
        (PATHS[0], {"data": {"data": TEXTS[0]}}, 200, one),
        (PATHS[0], {"data": {"data": TEXTS[0], "details": "true"}}, 400, None),
        (PATHS[2], {"json": {**V2, "treshold": 0.3}}, 400, None),
        (PATHS[0], {"files": {"body": TEXTS[0].encode()}}, 200, one),
        (PATHS[0], {"content": TEXTS[0], "headers": TEXT}, 200, one),
        (PATHS[0], {"json": {"text": ""}}, 400, None),
        (PATHS[0], {"content": b"", "headers": JSON}, 400, None),
        (PATHS[0], {"json": {"instances": [3]}}, 400, None),
        (PATHS[0], {"content": b"caf\xe9", "headers": TEXT}, 400, None),
        (PATHS[0], {"content": json.dumps({"text": TEXTS[0]}), "headers": FORM}, 200, one),
        (PATHS[0], {"content": b"a day", "headers": FORM}, 400, None),
        (PATHS[0], {"content": b'{"text": "\\ud800"}', "headers": JSON}, 400, None),
        (PATHS[0], {"content": b'{"a": ' + b"[" * 100_000, "headers": JSON}, 400, None),
        ("/v1/models/sentiment:explain", {"json": {"instances": [""]}}, 400, None),
    ]  # fmt: skip
    sent = kinds * 8
    with ThreadPoolExecutor(32) as pool:
        got = list(pool.map(lambda kind: api.post(kind[0], **kind[1]), sent))
    for answer, (_, _, status, expected) in zip(got, sent, strict=True):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/json"
        if expected is None:
            assert answer.json()["code"] == status
        else:
            assert probabilities(answer.json()) == pytest.approx(expected, abs=1e-4)


def test_the_management_api_tells_the_labels_while_texts_are_scored(server, http):
    url = f"{server.address('management')}/models/sentiment?customized=true"
    headers = {"Authorization": f"Bearer {read_key(server.key_file, 'management')}"}
    with ThreadPoolExecutor(16) as pool:
        scored = [pool.submit(http.post, PATHS[0], json={"text": TEXTS[0]}) for _ in range(64)]
        described = [pool.submit(httpx.get, url, headers=headers, timeout=60) for _ in range(4)]
    assert {answer.result().status_code for answer in scored} == {200}
    for answer in described:
        told = answer.result().json()[0]["customizedMetadata"]
        assert (told["labels"], told["max_length"], told["truncation"]) == (LABELS, 64, "head")


def test_a_client_learns_what_it_asks_without_the_management_key(server, way):
    with server.client() as client:
        told = client.describe()
    assert (told.name, told.version, told.labels) == ("sentiment", "1.0", tuple(LABELS))
    assert told.scores == read_json(way / "run" / "metrics.json")


def test_a_client_is_told_the_details_it_asks_for(server):
    with replace(server.client(), details=True) as client:
        [short, long] = client.predict(["a day", "a day " * 400])
    assert (short.tokens, short.truncated, long.tokens, long.truncated) == (4, False, 64, True)


def test_a_body_torchserve_does_not_take_is_413(api):
    assert api.post(PATHS[0], content=b"a" * 6_600_000, headers=TEXT).status_code == 413
