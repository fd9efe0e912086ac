"""The port of the metrics: clients that say nothing hold up no one."""

import socket
import ssl

import httpx
import pytest

from sentiment.asgi import metrics
from tests.certificates import Authority
from tests.ports import free_ports


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_silent_client_is_let_go_and_others_are_answered(tmp_path, monkeypatch, tls):
    monkeypatch.setattr(metrics, "SECONDS", 0.5)
    authority = Authority(tmp_path)
    certificate, key = authority.issue("serve.example") if tls else (None, None)
    [port] = free_ports(1)
    metrics.listen("127.0.0.1", port, certificate=certificate and str(certificate), key=key and str(key))
    with socket.create_connection(("127.0.0.1", port), timeout=60) as silent:
        trusted = ssl.create_default_context(cafile=authority.file) if tls else True
        url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/metrics"
        with httpx.Client(verify=trusted, timeout=60) as http:
            answer = http.get(url, extensions={"sni_hostname": "serve.example"})
        assert answer.status_code == 200
        assert silent.recv(1) == b""
