"""TCP ports of this machine: check that they are free, and find the process that listens on them."""

import contextlib
import socket
from typing import Annotated

import psutil
from annotated_types import Ge, Le

from sentiment.errors import ServingError

Port = Annotated[int, Ge(1), Le(65535)]
LOOPBACK = "127.0.0.1"
GUARD = "sentiment/serving/guard.py"


def reachable(host: str) -> str:
    """Return the address at which this machine reaches a server bound to `host`; loopback for 0.0.0.0."""
    return LOOPBACK if host in ("0.0.0.0", "") else host


def check_free(host: str, port: int, key: str) -> None:
    """Raise ServingError, which names the setting `key`, for a port that is in use."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServingError(f"{key}={port} on {host}: {error.strerror}{holder(port)} or set {key}=PORT") from error


def holder(port: int) -> str:
    """Describe the process that listens on a port and which one to stop; "; stop it" if it cannot be determined."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:  # type: ignore[union-attr]
                process = psutil.Process(connection.pid)
                runner = serve_of(process)
                stop = f"stop process {runner}, which runs it," if runner else "stop it"
                return f" ({process.name()}, process {process.pid}); {stop}"
    return "; stop it"


def serve_of(process: psutil.Process) -> int | None:
    """Return the process id of the `sentiment serve` that started a TorchServe, from its guard's arguments."""
    for parent in process.parents():
        with contextlib.suppress(psutil.Error):
            words = parent.cmdline()
            for script, pid in zip(words, words[1:], strict=False):
                if script.endswith(GUARD) and pid.isdigit():
                    return int(pid)
    return None
