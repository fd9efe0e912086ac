"""Authorization by a key file, whose tokens are renewed while a server runs."""

from collections.abc import Generator
from pathlib import Path

import httpx

from sentiment.client.keys import Key, is_expired, is_renewed, read_key

REFUSED = (400, 401)  # statuses of a token that is not accepted; TorchServe answers 400


class KeyFileAuth(httpx.Auth):
    """Bearer token of a key file, which is read again for each attempt.

    Args:
        key_file: TorchServe's key file, or one line with an API key; None: no token is sent.
        key: The key file's entry that authorizes the requests.
        management_url: The address at which an expired token is renewed; None: it is not renewed.
    """

    def __init__(self, key_file: Path | str | None, key: Key, management_url: str | None = None) -> None:
        self.key_file, self.key = Path(key_file) if key_file else None, key
        self.management_url = management_url

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with the token; where that is refused and has expired, renew it and send it once more."""
        response = yield self._signed(request, self.key)
        if (
            response.status_code in REFUSED
            and self.management_url
            and self.key_file
            and is_expired(self.key_file, self.key)
        ):
            renewal = httpx.Request("GET", token_address(self.management_url, self.key), extensions=request.extensions)
            yield self._signed(renewal, "API")
            yield self._signed(request, self.key)

    def _signed(self, request: httpx.Request, key: Key) -> httpx.Request:
        if self.key_file and (token := read_key(self.key_file, key)):
            request.headers["Authorization"] = f"Bearer {token}"
        return request

    def is_renewed(self) -> bool:
        """Tell whether TorchServe renews the token; nothing renews an API key."""
        return self.key_file is not None and is_renewed(self.key_file, self.key)


def token_address(management_url: str, key: Key) -> str:
    """Return the URL at which TorchServe creates a new token and writes it into its key file."""
    return f"{management_url.rstrip('/')}/token?type={key}"
