"""nginx with deploy/proxy's template, filled in as compose.yaml fills it in, in front of a server."""

import os
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from benchmarks.rest import free_ports

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "deploy" / "proxy" / "sentiment.conf.template"
SETUP = ROOT / "deploy" / "proxy" / "setup.sh"
MAIN = """\
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/sentiment.conf;
}}
"""


@dataclass(frozen=True)
class Proxy:
    url: str
    port: int
    key: str
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "secrets" / "tls" / "tls.crt"))

    def client(self, key: str | None = None, **headers: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key if key is None else key}", **headers}
        return httpx.Client(base_url=self.url, headers=headers, verify=self.trust, timeout=60)

    def connect(self) -> ssl.SSLSocket:
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        return self.trust.wrap_socket(raw, server_hostname="localhost")

    def reload(self) -> None:
        self.process.send_signal(1)
        time.sleep(0.5)  # the new worker takes over


def setup(folder: Path, *arguments: str) -> str:
    command = [str(SETUP), "-d", str(folder / "secrets"), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def settings(**changed: str) -> dict[str, str]:
    """The template's variables with the defaults of compose.yaml."""
    given = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["proxy"]["environment"]
    found = {name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value)) for name, value in given.items()}
    return {name: value for name, value in found.items() if name.startswith("PROXY_")} | changed


def fill_in(text: str, values: dict[str, str]) -> str:
    """What the image's start does: only the names of PROXY_ variables are replaced."""
    return re.sub(r"\$\{(PROXY_\w+)\}", lambda match: values[match[1]], text)


@contextmanager
def proxy(folder: Path, upstream: str, program: str, **changed: str) -> Iterator[Proxy]:
    folder.mkdir()
    setup(folder, "certificate", "localhost")
    key = setup(folder, "key", "app")
    [port] = free_ports(1)
    secrets = folder / "secrets"
    values = settings(
        PROXY_UPSTREAM=upstream.removeprefix("http://"),
        PROXY_PORT=str(port),
        PROXY_TLS=str(secrets / "tls"),
        PROXY_KEYS=str(secrets / "keys"),
        PROXY_LOG=str(folder / "access.log"),
        **changed,
    )
    (folder / "sentiment.conf").write_text(fill_in(TEMPLATE.read_text(), values))
    main = folder / "nginx.conf"
    main.write_text(MAIN.format(folder=folder, user="user root;" if os.geteuid() == 0 else ""))
    process = subprocess.Popen([program, "-c", str(main), "-p", str(folder), "-e", str(folder / "error.log")])
    try:
        wait_for(port, process, folder)
        yield Proxy(f"https://localhost:{port}", port, key, folder, process)
    finally:
        process.terminate()
        process.wait(20)


def wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, (folder / "error.log").read_text()
        time.sleep(0.1)
    raise AssertionError("nginx does not listen")
