"""The process that `sentiment serve backend=granian` starts, with the path of its configuration.

Granian's main process holds the listening socket and starts the worker again if it dies; requests wait meanwhile.
"""

import ctypes
import os
import signal
import sys
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from sentiment.asgi.lines import JsonLine
from sentiment.files import read_json, write_json

KILL_SECONDS = 5  # that the worker gets to end
HEADER_SECONDS = 30  # in which the headers of a request must arrive
MAX_HEADERS = 64 << 10  # bytes
MAX_CONNECTIONS = 4096
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


@dataclass(frozen=True, kw_only=True)
class Served:
    """One model: its unpacked archive, and the settings of it that apply."""

    folder: str
    model: str
    version: str
    batch_size: int
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of the processes, written to a JSON file in the work_dir."""

    models: list[Served]
    host: str
    port: int
    metrics_host: str
    metrics_port: int
    certificate: str | None
    key: str | None
    key_file: str | None
    activity: str
    log_level: str
    json_logs: bool

    def write(self, path: Path) -> None:
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> "Config":
        values: dict[str, Any] = read_json(path)
        return cls(**{**values, "models": [Served(**one) for one in values["models"]]})


def main(path: str) -> None:
    config = Config.read(Path(path))
    level = LogLevels(config.log_level)
    server = Server(
        "sentiment", config.host, config.port, interface=Interfaces.ASGI, http=HTTPModes.http1, websockets=False,
        backlog=1024, backpressure=MAX_CONNECTIONS, log_level=level,
        log_access=level in (LogLevels.info, LogLevels.debug),
        log_dictconfig=logs(json_lines=config.json_logs), respawn_failed_workers=True, respawn_interval=0.1,
        workers_kill_timeout=KILL_SECONDS,
        ssl_cert=Path(config.certificate) if config.certificate else None,
        ssl_key=Path(config.key) if config.key else None,
        ssl_protocol_min=SSLProtocols.tls12,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000, max_buffer_size=MAX_HEADERS),
    )  # fmt: skip
    server.serve(target_loader=partial(create, config, os.getpid()), wrap_loader=False)


def create(config: Config, parent: int) -> Any:
    """Load the models in the worker; the main process, the `parent`, stays small."""
    end_with(parent)
    import torch

    from sentiment.asgi.app import App
    from sentiment.asgi.batcher import Batcher
    from sentiment.asgi.keys import KeyCheck
    from sentiment.asgi.metrics import listen, make_series
    from sentiment.worker.activity import Activity
    from sentiment.worker.admission import MAX_SECONDS
    from sentiment.worker.responder import Responder

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1))
    activity = Activity(Path(config.activity))
    batchers = {}
    for one in config.models:
        responder = Responder(
            Path(one.folder), model=one.model, version=one.version, metrics=make_series,
            seconds=MAX_SECONDS if one.seconds is None else one.seconds,
        )  # fmt: skip
        batchers[one.model] = Batcher(responder, size=one.batch_size, activity=activity)
    listen(config.metrics_host, config.metrics_port, certificate=config.certificate, key=config.key)
    return App(batchers, key=KeyCheck(Path(config.key_file)) if config.key_file else None, activity=activity)


def end_with(parent: int) -> None:
    """Have the kernel kill this process once its parent has ended, as serving/guard.py does; a no-op outside Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before the call
            os.kill(os.getpid(), signal.SIGKILL)


def logs(*, json_lines: bool) -> dict[str, Any]:
    """Return the logging configuration of all loggers, with the keys of TorchServe's JSON log lines."""
    formatters = {
        "lines": {"format": "%(asctime)s [%(levelname)-5s] %(threadName)s %(name)s - %(message)s"},
        "json": {"()": JsonLine},
    }
    formatter = "json" if json_lines else "lines"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": formatters,
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": formatter}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {"_granian": {"propagate": True}, "granian.access": {"propagate": True}},
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
