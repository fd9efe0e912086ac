"""Connection to a Ray cluster: an existing one, or a temporary local one."""

import importlib.util
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sentiment.errors import ClusterError, MissingPackageError

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # disables usage reports
    "RAY_DEDUP_LOGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # silences a warning about a future default
}
PATIENCE = 10.0  # seconds
TOKENS = "; where the cluster asks for a token, set RAY_AUTH_MODE=token"


@contextmanager
def ray_cluster(address: str | None, *, quiet: bool = False) -> Iterator[Any]:
    """Connect to a Ray cluster and yield the module `ray`.

    Args:
        address: [ray://]HOST:PORT of a cluster. None starts a local one on the loopback interface and stops it at the
            end.
        quiet: Do not forward the output of workers to this terminal.

    Raises:
        MissingPackageError: Ray is not installed.
        ClusterError: The cluster cannot be reached or started.
    """
    if importlib.util.find_spec("ray") is None:
        raise MissingPackageError("a Ray cluster", modules=["ray"], extras=["ray"])
    os.environ.update({name: value for name, value in ENVIRONMENT.items() if name not in os.environ})
    import ray

    if address:
        check_listening(address)
    here: dict[str, Any] = {} if address else {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    try:
        ray.init(address or "local", logging_level=logging.ERROR, log_to_driver=not quiet, **here)
    except (ConnectionError, ValueError, RuntimeError) as error:
        hint = TOKENS if address and "RAY_AUTH_MODE" not in os.environ else ""
        raise ClusterError(f"no Ray at {address or 'this machine'}: {str(error).splitlines()[0]}{hint}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def check_listening(address: str) -> None:
    """Raise ClusterError if no server listens at [ray://]HOST:PORT; Ray itself would retry for minutes."""
    host, found, port = address.removeprefix("ray://").rpartition(":")
    if found and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()
        except OSError as error:
            raise ClusterError(f"no Ray at {address}: {error}") from error
