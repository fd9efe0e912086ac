"""Backends of the page: a server over HTTP, or a model in this process."""

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sentiment.client import Client, Management, Version
from sentiment.errors import ClientError, ConfigError, RequestError
from sentiment.inference.pairs import Text
from sentiment.inference.types import Classifier, Explanation, Model, Prediction

if TYPE_CHECKING:
    from sentiment.inference.predictor import Predictor

FRESH = 3.0  # s, lifetime of the cached server state
PAUSES = (0.2, 0.5)  # s before each retry; short, since a person waits and the page polls anyway
LOOK_TIMEOUT = 5.0  # s
VERSION = re.compile(r"\d+(\.\d+)*")


@dataclass(frozen=True, slots=True)
class State:
    """The model's description, or the reason why it does not answer."""

    model: Model | None
    problem: str = ""


class Backend(Protocol):
    where: str  # description for the status line
    tables: Classifier  # client for whole tables, with longer retries

    def predict(self, texts: Sequence[Text], version: str | None = None) -> list[Prediction]: ...
    def explain(self, text: Text, target: str) -> Explanation: ...
    def state(self) -> State: ...
    def versions(self) -> list[Version]:
        """List the served versions; empty if the page cannot list them."""
        ...


def backend(engine: Classifier, *, run: Path | None) -> Backend:
    if isinstance(engine, Client):
        return Served(engine)
    from sentiment.inference.predictor import Predictor

    if not isinstance(engine, Predictor):
        raise ConfigError(f"engine is a {type(engine).__name__}; the page takes engine=rest or engine=local")
    return InProcess(engine, name_of(run))


def name_of(run: Path | None) -> str:
    """Return the run's name for a run directory or its export folder."""
    if run is None:
        return "model"
    return run.resolve().parent.name if run.name == "export" else run.resolve().name


class InProcess:
    """Backend with a model in this process: a single version, always available."""

    where = "in this process"

    def __init__(self, predictor: "Predictor", name: str) -> None:
        self.predictor, self.name = predictor, name
        self.tables: Classifier = predictor

    def predict(self, texts: Sequence[Text], version: str | None = None) -> list[Prediction]:
        if version:
            raise RequestError("this page has one model in its own process; versions need a server (engine=rest)")
        return self.predictor.predict(texts)

    def explain(self, text: Text, target: str) -> Explanation:
        return self.predictor.explain([text], target)[0]

    def state(self) -> State:
        return State(self.predictor.describe(self.name))

    def versions(self) -> list[Version]:
        return []


class Served:
    """Backend with a model behind TorchServe; the client has no `management_url` if that API is out of reach."""

    def __init__(self, client: Client, *, clock: Callable[[], float] = time.monotonic) -> None:
        management_url = client.management_url
        self.where = f"at {client.url}"
        self.tables: Classifier = client
        self.name, _, self.version = client.model.partition("/")
        self.client = replace(client, details=True, pauses=PAUSES)
        self.looker = replace(client, pauses=(), timeout=min(LOOK_TIMEOUT, client.timeout))
        self.management = (
            Management(
                url=management_url,
                key_file=client.key_file,
                pauses=(),
                timeout=LOOK_TIMEOUT,
                **client.tls_of(management_url),
            )  # fmt: skip
            if management_url
            else None
        )
        self.clock, self._lock = clock, threading.Lock()
        self._seen, self._state = float("-inf"), State(None)

    def predict(self, texts: Sequence[Text], version: str | None = None) -> list[Prediction]:
        if not version:
            return self.client.predict(texts)
        with self.at(version) as client:
            return client.predict(texts)

    def explain(self, text: Text, target: str) -> Explanation:
        return self.client.explain([text], target)[0]

    def at(self, version: str) -> Client:
        """Return a client for one version. Raises RequestError for what is no number, as it enters a URL."""
        if not VERSION.fullmatch(version):
            raise RequestError(f"version {version[:40]!r}: expected numbers parted by dots, such as 2.0")
        return replace(self.client, model=f"{self.name}/{version}")

    def state(self) -> State:
        """Return the server's state, cached for FRESH seconds and shared by all visitors."""
        with self._lock:
            if self.clock() - self._seen > FRESH:
                self._state, self._seen = self._look(), self.clock()
            return self._state

    def _look(self) -> State:
        try:
            return State(self.looker.describe())
        except ClientError as error:
            return State(None, str(error))

    def versions(self) -> list[Version]:
        if self.management is None:
            return []
        try:
            return self.management.versions(self.name)
        except ClientError:
            return []
