"""A server that clients ask: how requests to it are authorized, verified, timed and tried again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

import httpx
from annotated_types import Ge, Gt

from sentiment.client.auth import KeyFileAuth
from sentiment.client.exchange import PAUSES, drive, exchange
from sentiment.client.keys import Key
from sentiment.client.trust import extensions, verification


@dataclass(kw_only=True, eq=False)
class Connection:
    """Base of the clients.

    Attributes:
        url: The server's address.
        key_file: TorchServe's key_file.json, if it requires tokens. It is read again for each attempt, since tokens are
            renewed while the server runs.
        management_url: The address at which an expired token is renewed; None: it is not renewed.
        timeout: Seconds for one request.
        pauses: Seconds before each retry.
        ca_file: PEM file of the CAs to trust for https; default: the usual ones.
        server_name: The name that the certificate must hold; default: the host of `url`.
    """

    url: str
    key_file: Path | str | None = None
    management_url: str | None = None
    timeout: Annotated[float, Gt(0)] = 60.0
    pauses: Sequence[Annotated[float, Ge(0)]] = PAUSES
    ca_file: Path | str | None = None
    server_name: str | None = None

    def auth(self, key: Key = "inference") -> KeyFileAuth:
        """Return what authorizes requests by an entry of the key file."""
        return KeyFileAuth(self.key_file, key, self.management_url)

    def options(self) -> dict[str, Any]:
        """Return the options of an httpx client."""
        verify = verification(self.url, self.ca_file, self.server_name)
        return {"timeout": self.timeout, "trust_env": False, "verify": verify}

    def tls_of(self, url: str) -> dict[str, Any]:
        """Return the TLS options for a client of another address of the same server."""
        return {"ca_file": self.ca_file, "server_name": self.server_name} if url.startswith("https://") else {}


@dataclass(kw_only=True, eq=False)
class BlockingConnection(Connection):
    """Base of the clients that wait for each answer; as a context manager it is closed at the end of the block."""

    transport: httpx.BaseTransport | None = None

    def __post_init__(self) -> None:
        self._http = httpx.Client(transport=self.transport, **self.options())

    def send(self, url: str, auth: KeyFileAuth, *, repeatable: bool = True, **request: Any) -> httpx.Response:
        """Send a request until it is answered; `request` holds httpx's own arguments."""
        request |= {"url": url, "auth": auth, "extensions": extensions(self.server_name)}
        flow = exchange(url, auth, pauses=self.pauses, repeatable=repeatable)
        return drive(flow, lambda: self._http.request(**request))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
