"""Client for TorchServe's management API: versions, workers and the default version of a model."""

import re
from dataclasses import dataclass
from typing import Any

from sentiment.client.auth import KeyFileAuth, token_address
from sentiment.client.connection import BlockingConnection
from sentiment.client.exchange import check_url, decode
from sentiment.client.keys import Key
from sentiment.errors import RejectedError

CANDIDATE = re.compile(r"\.(.+)\.candidate\.mar")  # the archive of a candidate version


@dataclass(frozen=True, slots=True)
class Version:
    """One served version of a model; `workers` holds the state of each worker, such as READY."""

    model: str
    version: str
    archive: str  # file name in the model store, once it is promoted
    workers: tuple[str, ...]
    batch_size: int
    default: bool = False

    @property
    def ready(self) -> bool:
        return "READY" in self.workers


@dataclass(kw_only=True, eq=False)
class Management(BlockingConnection):
    """Client of the management API; registering and scaling wait for the workers within `timeout`."""

    url: str = "http://127.0.0.1:8081"
    timeout: float = 120.0

    def auth(self, key: Key = "management") -> KeyFileAuth:
        return KeyFileAuth(self.key_file, key, self.url)

    def models(self) -> list[str]:
        """List the names of the registered models."""
        return [model["modelName"] for model in self._send("GET", "models", limit=1000)["models"]]

    def versions(self, model: str) -> list[Version]:
        """List every version of a model, sorted by number. Raises NotFoundError for one that is not registered."""
        default = self._send("GET", f"models/{model}")[0]["modelVersion"]
        answers = self._send("GET", f"models/{model}/all")
        return sorted((version_of(one, default) for one in answers), key=lambda version: number(version.version))

    def version(self, model: str, version: str | None = None) -> Version:
        """Return one version of a model; default: its default version."""
        answer = self._send("GET", f"models/{model}" + (f"/{version}" if version else ""))[0]
        return version_of(answer, answer["modelVersion"] if version is None else None)

    def register(self, archive: str, *, workers: int = 1) -> str:
        """Register an archive of the model store; returns once its workers are ready.

        Raises:
            RejectedError: The server refuses the archive, or runs without `model_api=true`.
        """
        try:
            answer = self._send(
                "POST", "models", repeatable=False, url=archive, initial_workers=workers, synchronous="true"
            )
        except RejectedError as error:
            if error.status == 405:
                raise RejectedError(
                    "the server does not register models; start it with: sentiment serve model_api=true", status=405
                ) from error
            raise
        return str(answer["status"])

    def scale(self, model: str, version: str, *, workers: int) -> None:
        """Set the number of workers of a version; returns once they are ready."""
        path = f"models/{model}/{version}"
        self._send("PUT", path, repeatable=False, min_worker=workers, max_worker=workers, synchronous="true")

    def set_default(self, model: str, version: str) -> None:
        """Make a version the default, which answers requests that name no version."""
        self._send("PUT", f"models/{model}/{version}/set-default")

    def unregister(self, model: str, version: str) -> None:
        """Unregister a version once its requests are answered; the server refuses this for the default version."""
        self._send("DELETE", f"models/{model}/{version}", repeatable=False)

    def renew(self) -> None:
        """Renew both tokens in TorchServe's key file, authorized by the API key of the same file."""
        apis: tuple[Key, ...] = ("inference", "management")
        for api in apis:
            self.send(token_address(self.url, api), self.auth("API"), method="GET")

    def _send(self, method: str, path: str, *, repeatable: bool = True, **query: Any) -> Any:
        url = f"{check_url(self.url)}/{path}"
        return decode(self.send(url, self.auth(), repeatable=repeatable, method=method, params=query or None))


def version_of(answer: dict[str, Any], default: str | None) -> Version:
    return Version(
        answer["modelName"],
        answer["modelVersion"],
        CANDIDATE.sub(r"\1.mar", answer["modelUrl"]),
        tuple(worker["status"] for worker in answer["workers"]),
        answer["batchSize"],
        answer["modelVersion"] == default,
    )


def number(version: str) -> float:
    """Return a version as the number that TorchServe compares: 1.10 equals 1.1 and sorts before 1.9."""
    return float(version)
