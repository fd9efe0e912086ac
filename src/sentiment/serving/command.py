"""The command that serves archives until Ctrl-C."""

import logging
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from annotated_types import Gt

from sentiment.client import read_key
from sentiment.ports import LOOPBACK, Port
from sentiment.serving.server import TorchServe
from sentiment.serving.settings import LogLevel

log = logging.getLogger(__name__)


def serve(
    *,
    store: Path,
    folder: Path,
    models: Sequence[str] | None = None,
    host: str = LOOPBACK,
    management_host: str = LOOPBACK,
    metrics_host: str = LOOPBACK,
    inference_port: Port = 8080,
    management_port: Port = 8081,
    metrics_port: Port = 8082,
    tokens: bool = True,
    model_api: bool = False,
    log_level: LogLevel = "warn",
    json_logs: bool = False,
    startup_timeout: Annotated[float, Gt(0)] = 120.0,
) -> None:
    """Serve archives until Ctrl-C."""
    server = TorchServe(**locals())
    log.info("starting TorchServe for %s, logs in %s", ", ".join(server.models), server.folder / "logs")
    started = time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        with server:
            log.info("ready after %.1f s; Ctrl-C stops it", time.monotonic() - started)
            log.info("%s", addresses(server))
            server.wait()
    except KeyboardInterrupt:
        log.info("stopped")


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def addresses(server: TorchServe) -> str:
    """Where the server listens, and a curl line that works."""
    token = read_key(server.key_file, "inference") if server.key_file else None
    header = f" -H 'Authorization: Bearer {token}'" if token else ""
    lines = [f"{api:<11} {server.address(api)}" for api in server.ports]
    if server.key_file:
        lines.append(f"{'keys':<11} {server.key_file}")
    for model in server.models:
        lines.append(
            f"curl {server.url}/predictions/{model}{header} -H 'Content-Type: application/json' "
            '-d \'{"text": "what a day"}\''
        )
    return "\n".join(lines)
