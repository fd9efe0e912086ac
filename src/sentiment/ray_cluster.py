"""Ray: a cluster that is there, or one of this machine for as long as it is needed."""

import importlib.util
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sentiment.errors import ClusterError, ConfigError

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # else it calls home
    "RAY_DEDUP_LOGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a warning of what will be the default
}
PATIENCE = 10.0  # s
TOKENS = "; where the cluster asks for a token, set RAY_AUTH_MODE=token"


@contextmanager
def ray_cluster(address: str | None, *, quiet: bool = False) -> Iterator[Any]:
    """The module ray, connected to `address`; null starts a Ray here, on the loopback alone, and stops it at the end.

    `quiet` keeps what workers print to their own logs. ClusterError where nothing answers.
    """
    if importlib.util.find_spec("ray") is None:
        raise ConfigError("Ray is not installed; pip install 'bert-sentiment[ray]'")
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
    """ClusterError where nothing listens at [ray://]HOST:PORT: Ray itself would try for minutes."""
    host, found, port = address.removeprefix("ray://").rpartition(":")
    if found and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()
        except OSError as error:
            raise ClusterError(f"no Ray at {address}: {error}") from error
