"""TorchServe over HTTP: predictions, and what the management API tells of a model."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from sentiment.errors import ClientError
from sentiment.schema import MAX_TEXTS, Prediction

PAUSES = (0.1, 0.3, 1.0, 3.0)  # seconds before each further try


class Client:
    """Predicts through `url`, in requests of `batch_size` texts.

    A busy server (503) or a broken connection is tried again; ClientError tells what stayed wrong. `key_file` is
    TorchServe's key_file.json where it asks for tokens; it is read again when a token is refused.
    """

    def __init__(
        self,
        *,
        url: str = "http://127.0.0.1:8080",
        model: str = "sentiment",
        key_file: Path | None = None,
        batch_size: int = 64,
        timeout: float = 60.0,
        pauses: Sequence[float] = PAUSES,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url, self.model = url.rstrip("/"), model
        self.batch_size = min(batch_size, MAX_TEXTS)
        self.key_file = Path(key_file) if key_file else None
        self.pauses = pauses
        self._http = httpx.Client(timeout=timeout, transport=transport, trust_env=False)

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        found: list[Prediction] = []
        for start in range(0, len(texts), self.batch_size):
            batch = list(texts[start : start + self.batch_size])
            answer = self.post(f"/predictions/{self.model}", {"texts": batch})
            found += [Prediction.from_json(value) for value in answer["predictions"]]
        return found

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The decoded answer to a JSON body; ClientError on any status but 200."""
        return self._send("POST", path, body, "inference")

    def describe(self, management_url: str) -> dict[str, Any]:
        """The management API's answer about the model: version, workers and their status."""
        answer = self._send("GET", f"{management_url.rstrip('/')}/models/{self.model}", None, "management")
        described: dict[str, Any] = answer[0]
        return described

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, method: str, path: str, body: dict[str, Any] | None, key: str) -> Any:
        url = path if path.startswith("http") else self.url + path
        problem = ClientError(f"no answer from {url}")
        for pause in (0.0, *self.pauses):
            time.sleep(pause)
            try:
                response = self._http.request(method, url, json=body, headers=self._authorization(key))
            except httpx.TransportError as error:
                reason = str(error) or type(error).__name__
                problem = ClientError(f"no answer from {url}: {reason}; start the server with: sentiment serve")
                continue
            if response.status_code == 200:
                return decoded(response)
            problem = failure(response, url)
            if response.status_code != 503:
                break
        raise problem

    def _authorization(self, key: str) -> dict[str, str]:
        token = read_key(self.key_file, key) if self.key_file else None
        return {"Authorization": f"Bearer {token}"} if token else {}


def read_key(path: Path, name: str) -> str | None:
    """The `inference`, `management` or `API` key of TorchServe's key_file.json; None where there is no such file."""
    try:
        key: str = json.loads(path.read_text(encoding="utf-8"))[name]["key"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ClientError(f"{path} is no key file of TorchServe; start the server again") from error
    return key


def decoded(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise ClientError(f"{response.url} answered no JSON; is it TorchServe's inference address?") from error


def failure(response: httpx.Response, url: str) -> ClientError:
    """The server's own reason, from its JSON error."""
    try:
        reason = str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        reason = response.reason_phrase
    return ClientError(f"{url} answered {response.status_code}: {reason}", status=response.status_code)
