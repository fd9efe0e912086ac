"""Tokens as pytorch/serve's own tests use them: right, wrong, another API's, renewed."""

import httpx
import pytest

from sentiment.client import read_key

pytestmark = pytest.mark.e2e

CALLS = {  # of each API: one that its token opens
    "inference": ("POST", "/predictions/sentiment", {"json": {"text": "good film"}}),
    "management": ("GET", "/models/sentiment", {}),
    "API": ("GET", "/token?type=inference", {}),
}


def call(server, api, token):
    method, path, options = CALLS[api]
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    address = server.address("inference" if api == "inference" else "management")
    return httpx.request(method, address + path, headers=headers, timeout=60, **options)


@pytest.mark.parametrize("api", CALLS)
def test_each_api_takes_its_own_token_alone(spare, api):
    others = [read_key(spare.key_file, name) for name in CALLS if name != api]
    for token in (None, "wrong", *others):
        answer = call(spare, api, token)
        assert (answer.status_code, answer.json()["type"]) == (400, "InvalidKeyException")
    assert call(spare, api, read_key(spare.key_file, api)).status_code == 200


def test_health_asks_for_a_token_and_metrics_for_none(spare):
    assert httpx.get(f"{spare.url}/ping").status_code == 400
    assert httpx.get(f"{spare.address('metrics')}/metrics").status_code == 200


@pytest.mark.parametrize("api", ["inference", "management"])
def test_a_renewed_token_takes_the_place_of_the_old_one(spare, api):
    """The clients read the new one from the file by themselves."""
    old = {name: read_key(spare.key_file, name) for name in CALLS}
    url = f"{spare.address('management')}/token"
    with spare.client() as client:
        client.predict(["good film"])
        answer = httpx.get(url, params={"type": api}, headers={"Authorization": f"Bearer {old['API']}"})
        assert answer.status_code == 200
        assert {name for name in CALLS if read_key(spare.key_file, name) != old[name]} == {api}
        assert call(spare, api, old[api]).status_code == 400
        assert call(spare, api, read_key(spare.key_file, api)).status_code == 200
        client.predict(["good film"])
    with spare.management() as management:
        assert "sentiment" in management.models()
