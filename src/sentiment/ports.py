"""Ports of this machine: free, or whose."""

import contextlib
import socket
from typing import Annotated

import psutil
from annotated_types import Ge, Le

from sentiment.errors import ServingError

Port = Annotated[int, Ge(1), Le(65535)]
LOOPBACK = "127.0.0.1"


def reachable(host: str) -> str:
    """Where this machine reaches a server that listens on `host`: 0.0.0.0 is every address of it."""
    return LOOPBACK if host in ("0.0.0.0", "") else host


def check_free(host: str, port: int, key: str) -> None:
    """ServingError where something listens there; `key` is the setting that names the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServingError(
                f"{key}={port} on {host}: {error.strerror}{holder(port)}; stop it or set {key}=PORT"
            ) from error


def holder(port: int) -> str:
    """ " (java, process 123)" for the process that listens on a port, where the system tells."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:  # type: ignore[union-attr]
                return f" ({psutil.Process(connection.pid).name()}, process {connection.pid})"
    return ""
