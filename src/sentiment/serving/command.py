"""The command that serves archives until Ctrl-C."""

import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt

from sentiment.client import read_key
from sentiment.interrupts import stop_on_signals
from sentiment.ports import LOOPBACK, Port
from sentiment.serving.server import TorchServe
from sentiment.serving.settings import DAY, LogLevel, LogsTo

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
    token_expiration_min: Annotated[float, Gt(0)] = DAY,
    model_api: bool = False,
    env_file: Path | None = None,
    log_level: LogLevel = "warn",
    json_logs: bool = False,
    logs: LogsTo = "files",
    startup_timeout: Annotated[float, Gt(0)] = 120.0,
    drain_seconds: Annotated[float, Ge(0)] = 20.0,
) -> None:
    """Serve archives until Ctrl-C."""
    server = TorchServe(**locals())
    if json_logs and logs == "stdout":
        for handler in logging.getLogger().handlers:
            handler.setFormatter(JsonLine())
    where = "on standard output" if logs == "stdout" else f"in {server.folder / 'logs'}"
    versions = ", ".join(f"{one.model} {one.version}" for one in server.archives)
    log.info("starting TorchServe for %s, logs %s", versions, where)
    started = time.monotonic()
    stop_on_signals()
    try:
        with server:
            log.info("ready after %.1f s; Ctrl-C stops it", time.monotonic() - started)
            log.info("%s", addresses(server, secrets=logs == "files"))
            wait_and_drain(server)
    except KeyboardInterrupt:
        log.info("stopped")


def wait_and_drain(server: TorchServe) -> None:
    """Wait for Ctrl-C or SIGTERM, which lets the server drain; a second one ends it at once."""
    try:
        server.wait()
    except KeyboardInterrupt:
        seconds = server.settings.drain_seconds
        log.info("stopping: requests under way are answered, for at most %g s; Ctrl-C again ends at once", seconds)
        try:
            if not server.drain():
                log.warning("not all requests were answered within drain_seconds=%g", seconds)
        except KeyboardInterrupt:
            server.stop(at_once=True)
        raise


class JsonLine(logging.Formatter):
    """A record with the keys of TorchServe's own JSON lines."""

    def format(self, record: logging.LogRecord) -> str:
        time = self.formatTime(record)
        line = {"time": time, "level": record.levelname, "thread": record.threadName, "logger": record.name}
        return json.dumps({**line, "message": record.getMessage()})


def addresses(server: TorchServe, *, secrets: bool = True) -> str:
    """Where the server listens and, where secrets may be shown, a curl line that works."""
    token = read_key(server.key_file, "inference") if server.key_file else None
    header = f" -H 'Authorization: Bearer {token}'" if token else ""
    lines = [f"{api:<11} {server.address(api)}" for api in server.ports]
    if server.key_file:
        lines.append(f"{'keys':<11} {server.key_file}")
    for model in server.models if secrets else ():
        lines.append(
            f"curl {server.url}/predictions/{model}{header} -H 'Content-Type: application/json' "
            '-d \'{"text": "what a day"}\''
        )
    return "\n".join(lines)
