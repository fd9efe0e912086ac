"""The proxy of deploy/, a real nginx, in front of a real server."""

import json
import os
import socket
import ssl
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from benchmarks.proxy import proxy, setup

from sentiment.client import Client
from sentiment.errors import BusyError, UnauthorizedError
from sentiment.serving.archive import package
from sentiment.worker.activity import DRAINING
from tests.e2e.conftest import on_free_ports
from tests.e2e.faults import wait_for
from tests.programs import find

pytestmark = [pytest.mark.e2e, pytest.mark.requires("nginx")]
PATH = "/predictions/sentiment"
ORIGIN = "https://app.example.com"


@pytest.fixture(scope="module")
def behind(tiny_run, tmp_path_factory):
    """A server that asks for no token, as behind the proxy in compose.yaml."""
    folder = tmp_path_factory.mktemp("behind")
    package(run=tiny_run, model_store=folder / "store")
    with on_free_ports(folder / "store", work_dir=folder / "serve", token_auth=False) as running:
        yield running


@pytest.fixture(scope="module")
def edge(behind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("edge") / "proxy"
    cors = r"https://app\.example\.com"
    with proxy(folder, behind.url, find("nginx"), PROXY_CLIENT_TIMEOUT="2s", PROXY_CORS_ORIGINS=cors) as running:
        yield running


def test_a_key_is_asked_for_and_opens_every_path_of_the_api(edge):
    with edge.client() as http:
        assert http.get("/ping").json() == {"status": "Healthy"}
        assert http.post(PATH, json={"text": "a good film"}).json()["label"]
        assert http.post("/v1/models/sentiment:predict", json={"instances": ["a good film"]}).json()["predictions"]
        assert http.post("/explanations/sentiment", json={"text": "a good film"}).status_code == 200
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": edge.key}):
        with httpx.Client(base_url=edge.url, verify=edge.trust, headers=headers) as http:
            answer = http.post(PATH, json={"text": "a good film"})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.json()["message"].startswith("no API key, or an unknown one")


def test_the_management_api_and_other_paths_are_not_there(edge):
    with edge.client() as http:
        for path in ("/models", "/models/sentiment", "/metrics", "/", "/predictions", "/token?type=inference"):
            assert http.get(path).status_code == 404, path
        assert http.delete("/models/sentiment/1.0").status_code == 404
        assert http.delete(PATH).status_code == 405


def test_a_revoked_key_opens_nothing_and_a_new_one_does_without_a_restart(edge):
    second = setup(edge.folder, "key", "second")
    edge.reload()
    with edge.client(second) as http:
        assert http.get("/ping").status_code == 200
    assert setup(edge.folder, "list").split() == ["app", "second"]
    setup(edge.folder, "revoke", "second")
    edge.reload()
    with edge.client(second) as http:
        assert http.get("/ping").status_code == 401
    with edge.client() as http:
        assert http.get("/ping").status_code == 200


def test_forms_are_refused_before_the_server_reads_them(edge):
    form = "a&" * 3_000_000
    with edge.client() as http:
        answer = http.post(PATH, content=form, headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status_code == 415
        assert "Content-Type: application/json" in answer.json()["message"]
        assert http.post(PATH, files={"data": b"a good film"}).status_code == 415


def test_a_body_over_the_limit_of_the_server_is_refused(edge):
    with edge.client() as http:
        answer = http.post(PATH, content=b"x" * 6_600_000, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 413
    assert "6553500 bytes" in answer.json()["message"]


@pytest.mark.parametrize("sent", [b"", b"POST /predictions/sentiment HTTP/1.1\r\nHost: localhost\r\n"])
def test_a_half_open_connection_is_closed(edge, sent):
    with edge.connect() as connection:
        connection.sendall(sent)
        connection.settimeout(50)  # nginx by itself closes it after 60 s
        try:
            while connection.recv(1 << 16):
                pass
        except ConnectionResetError:
            pass


def test_a_body_that_never_ends_does_not_reach_the_server(edge):
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {edge.key}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    with edge.connect() as connection:
        connection.sendall(head.encode())
        connection.settimeout(50)
        try:
            answer = connection.recv(1 << 16)
        except ConnectionResetError:
            answer = b""
    assert answer == b"" or b" 408 " in answer.split(b"\r\n")[0]


def test_preflight_of_a_known_origin_is_answered_without_a_key(edge):
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    with httpx.Client(base_url=edge.url, verify=edge.trust) as http:
        answer = http.options(PATH, headers=headers)
        foreign = http.options(PATH, headers=headers | {"Origin": "https://app.example.com.evil.example"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert not {"access-control-allow-origin", "access-control-expose-headers"} & {*foreign.headers}
    with edge.client(Origin=ORIGIN) as http:
        assert http.post(PATH, json={"text": "good"}).headers["access-control-allow-origin"] == ORIGIN
    with edge.client("wrong", Origin=ORIGIN) as http:  # the page's script can read why
        assert http.post(PATH, json={"text": "good"}).headers["access-control-allow-origin"] == ORIGIN


def test_plain_http_and_old_tls_are_refused(edge):
    with socket.create_connection(("127.0.0.1", edge.port), timeout=60) as plain:
        plain.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 400 " in plain.recv(4096).split(b"\r\n")[0]
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(edge.folder / "secrets" / "tls" / "tls.crt")
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", edge.port), timeout=60) as plain,
        pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"),
    ):
        old.wrap_socket(plain, server_hostname="localhost")


def test_the_log_names_the_client_but_neither_key_nor_text(edge):
    log, path = edge.folder / "access.log", "/predictions/its-own"  # nginx writes a line after it has sent the answer
    with edge.client() as http:
        http.post(f"{path}?note=secret-query", json={"text": "secret-text"})
    with edge.client("secret-key") as http:
        http.post(f"{path}?note=secret-query", json={"text": "secret-text"})
    wait_for(lambda: log.read_text().endswith("\n") and log.read_text().count(f'"{path}"') == 2)
    text = log.read_text()
    lines = [line for line in map(json.loads, text.splitlines()) if line["path"] == path]
    assert [(line["client"], line["status"]) for line in lines] == [("app", 404), ("", 401)]
    assert edge.key not in text
    assert "secret" not in text


def test_too_many_requests_and_connections_are_429_with_a_time_to_wait(behind, tmp_path):
    limits = {"PROXY_RATE": "1", "PROXY_BURST": "5", "PROXY_CONNECTIONS": "8"}
    with proxy(tmp_path / "proxy", behind.url, find("nginx"), **limits) as strict:
        with strict.client() as http, ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: http.get("/ping"), range(40)))
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert {answer.headers["retry-after"] for answer in refused} == {"1"}
        assert any(answer.status_code == 200 for answer in answers)
        assert refused[0].json()["message"].startswith("more than 1 requests a second")


def test_a_worker_that_says_when_to_ask_again_is_not_contradicted(behind, edge):
    flag = behind.folder / "tmp" / "activity" / DRAINING
    flag.touch()
    try:
        with edge.client() as http:
            answer = http.post(PATH, json={"text": "a good film"})
    finally:
        flag.unlink()
    assert (answer.status_code, answer.headers.get_list("retry-after")) == (503, ["1"])


def test_who_guesses_keys_is_429_after_the_burst_and_a_preflight_is_not(behind, tmp_path):
    limits = {"PROXY_RATE": "1", "PROXY_BURST": "5", "PROXY_CORS_ORIGINS": r"https://app\.example\.com"}
    with proxy(tmp_path / "proxy", behind.url, find("nginx"), **limits) as strict:
        with strict.client("guessed", Origin=ORIGIN) as http:
            answers = [http.post(PATH, json={"text": "good"}) for _ in range(30)]
            preflights = {http.options(PATH).status_code for _ in range(30)}
            outside = http.get("/.key").status_code
        counts = Counter(answer.status_code for answer in answers)
        assert set(counts) == {401, 429}
        assert counts[401] >= 6
        last = next(answer for answer in answers if answer.status_code == 429)
        assert last.headers["retry-after"] == "1"
        assert last.headers["access-control-allow-origin"] == ORIGIN
        assert "Retry-After" in last.headers["access-control-expose-headers"]
        assert last.json()["type"] == "TooManyRequestsException"
        assert preflights == {204}
        assert outside == 404


def test_our_client_speaks_https_with_a_ca_file_and_an_api_key(edge, monkeypatch):
    ca = edge.folder / "secrets" / "tls" / "tls.crt"
    key = edge.folder / "client.key"
    key.write_text(f"{edge.key}\n")
    with Client(url=edge.url, model="sentiment", ca_file=ca, key_file=key) as client:
        assert client.predict(["a good film"])[0].label
    key.write_text("wrong\n")
    refused = Client(url=edge.url, model="sentiment", ca_file=ca, key_file=key)
    with refused, pytest.raises(UnauthorizedError, match="key_file="):
        refused.predict(["a good film"])


def test_a_server_that_is_gone_is_a_502_that_our_client_takes_for_busy(tmp_path):
    [key] = [os.urandom(4).hex()]
    with proxy(tmp_path / key, "127.0.0.1:9", find("nginx")) as alone:
        with alone.client() as http:
            answer = http.get("/ping")
        assert (answer.status_code, answer.headers["retry-after"]) == (502, "1")
        ca = alone.folder / "secrets" / "tls" / "tls.crt"
        (alone.folder / "k").write_text(alone.key)
        client = Client(url=alone.url, model="m", ca_file=ca, key_file=alone.folder / "k", pauses=())
        with client, pytest.raises(BusyError, match="the server does not answer"):
            client.predict(["good"])
