"""Operations against the real server: what it opens, logs and registers."""

import json

import httpx
import psutil
import pytest

from sentiment.client import read_key
from sentiment.serving import TorchServe
from tests.ports import free_ports

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def opened(way, tmp_path_factory):
    """A server as an image runs it, with a log line for each request."""
    ports = dict(zip(("inference_port", "management_port", "metrics_port"), free_ports(3), strict=True))
    with TorchServe(
        store=way / "store", folder=tmp_path_factory.mktemp("opened"), host="0.0.0.0", metrics_host="0.0.0.0",
        model_api=True, log_level="info", json_logs=True, **ports,
    ) as running:  # fmt: skip
        yield running


def test_only_the_management_api_stays_on_loopback(opened):
    listening = {c.laddr.port: c.laddr.ip for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
    found = {api: listening[port] in ("127.0.0.1", "::ffff:127.0.0.1") for api, port in opened.ports.items()}
    assert found == {"inference": False, "management": True, "metrics": False}


@pytest.mark.parametrize("url", ["file:///etc/hostname", "https://example.invalid/a.mar"])
def test_an_archive_outside_the_store_is_not_registered(opened, url):
    headers = {"Authorization": f"Bearer {read_key(opened.key_file, 'management')}"}
    answer = httpx.post(f"{opened.address('management')}/models", params={"url": url}, headers=headers)
    assert answer.status_code == 404
    assert "does not match any allowed URL" in answer.json()["message"]


def test_json_logs_hold_one_object_a_line(opened):
    for name in ("access_log", "model_log", "ts_log"):
        lines = (opened.folder / "logs" / f"{name}.log").read_text().splitlines()
        assert lines
        assert all("message" in json.loads(line) for line in lines)


def test_registering_is_off_unless_asked_for(server):
    headers = {"Authorization": f"Bearer {read_key(server.key_file, 'management')}"}
    answer = httpx.post(f"{server.address('management')}/models", params={"url": "sentiment.mar"}, headers=headers)
    assert answer.status_code == 405


def test_requests_leave_no_line_at_the_default_log_level(server, http):
    assert http.post("/predictions/sentiment", json={"text": "a day"}).status_code == 200
    assert (server.folder / "logs" / "access_log.log").read_text() == ""
