"""Checks for settings that expose the server to the network; only `insecure=true` permits them."""

import ipaddress
import socket
from collections.abc import Sequence

from sentiment.errors import ConfigError
from sentiment.serving.settings import Settings

RULE = "!" * 78


def exposures(settings: Settings) -> list[str]:
    """Describe what anyone on the network could do or read; empty for a server that is not exposed."""
    found = []
    inference, management = (not is_loopback(host, key) for host, key in hosts(settings))
    if inference and not settings.token_auth:
        found.append(f"token_auth=false with host={settings.host}: anyone who reaches it is answered")
    if management and not settings.token_auth:
        found.append(
            f"token_auth=false with management_host={settings.management_host}: "
            "anyone who reaches it can unregister, scale and switch models"
        )
    elif management and not settings.tls.on:
        found.append(
            f"management_host={settings.management_host} without tls: "
            "the tokens that unregister, scale and switch models cross the network in the clear"
        )
    return found


def check_exposure(settings: Settings) -> list[str]:
    """Return the exposures that `insecure=true` permits.

    Raises:
        ConfigError: The server is exposed without `insecure=true`, or `insecure=true` is set without need.
    """
    found = exposures(settings)
    if found and not settings.insecure:
        raise ConfigError(
            f"{'; '.join(found)}; keep tokens on and management_host=127.0.0.1, or say insecure=true where a proxy, "
            "a firewall or a network policy keeps strangers out"
        )
    if settings.insecure and not found:
        raise ConfigError("insecure=true permits nothing here: these settings keep strangers out; leave it out")
    return found


def banner(found: Sequence[str]) -> list[str]:
    """Format the exposures as the lines of a warning banner."""
    return [RULE, "!! INSECURE, as insecure=true allows:", *(f"!! {one}" for one in found), RULE] if found else []


def advice(settings: Settings) -> str | None:
    """Return what the inference API lacks for strangers; None for a server that only this machine reaches."""
    if is_loopback(settings.host, "host"):
        return None
    clear = "" if settings.tls.on else "the inference key and the texts cross the network in the clear, "
    return (
        f"host={settings.host} is for services of your own: {clear}a silent connection is held for ever, and no client "
        "has a rate; before strangers put the proxy of deploy/proxy"
    )


def hosts(settings: Settings) -> list[tuple[str, str]]:
    return [(settings.host, "host"), (settings.management_host, "management_host")]


def check_hosts(settings: Settings) -> None:
    """Raise ConfigError for an IPv6 address, on which TorchServe cannot listen."""
    for host, key in [*hosts(settings), (settings.metrics_host, "metrics_host")]:
        if ":" in host:
            raise ConfigError(f"{key}={host}: TorchServe takes no IPv6 address; 0.0.0.0 listens on those too")


def is_loopback(host: str, key: str) -> bool:
    """Return True if every address that `host` resolves to is a loopback address.

    Raises:
        ConfigError: `host` cannot be resolved; the message names the setting `key`.
    """
    try:
        addresses = {str(found[4][0]) for found in socket.getaddrinfo(host or "0.0.0.0", None)}
    except OSError as error:
        raise ConfigError(f"{key}={host}: no such host here ({error.strerror})") from error
    return all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in addresses)
