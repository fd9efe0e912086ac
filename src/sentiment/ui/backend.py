"""What the page asks: a server over HTTP, or a model in this process."""

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sentiment.client import Client, Management, Version
from sentiment.errors import ClientError, ConfigError, RequestError
from sentiment.inference.types import Classifier, Explanation, Model, Prediction

if TYPE_CHECKING:
    from sentiment.inference.predictor import Predictor

FRESH = 3.0  # s that one look at the server serves every open page
PAUSES = (0.2, 0.5)  # s; a person waits, and the page asks again by itself
LOOK_TIMEOUT = 5.0  # s
VERSION = re.compile(r"\d+(\.\d+)*")


@dataclass(frozen=True, slots=True)
class State:
    """What the model tells of itself, or why it does not answer."""

    model: Model | None
    problem: str = ""


class Backend(Protocol):
    where: str  # in words, for the status line
    tables: Classifier  # for whole tables, where patience pays

    def predict(self, texts: Sequence[str], version: str | None = None) -> list[Prediction]: ...
    def explain(self, text: str, target: str) -> Explanation: ...
    def state(self) -> State: ...
    def versions(self) -> list[Version]:
        """What the server lists; [] where it lists nothing to this page."""
        ...


def backend(engine: Classifier, *, management_url: str | None, run: Path | None) -> Backend:
    if isinstance(engine, Client):
        return Served(engine, management_url)
    from sentiment.inference.predictor import Predictor

    if not isinstance(engine, Predictor):
        raise ConfigError(f"engine is a {type(engine).__name__}; the page takes engine=rest or engine=local")
    return InProcess(engine, name_of(run))


def name_of(run: Path | None) -> str:
    """The run of a run directory or of its export folder."""
    if run is None:
        return "model"
    return run.resolve().parent.name if run.name == "export" else run.resolve().name


class InProcess:
    """A model in this process: one version, always there."""

    where = "in this process"

    def __init__(self, predictor: "Predictor", name: str) -> None:
        self.predictor, self.name = predictor, name
        self.tables: Classifier = predictor

    def predict(self, texts: Sequence[str], version: str | None = None) -> list[Prediction]:
        if version:
            raise RequestError("this page has one model in its own process; versions need a server (engine=rest)")
        return self.predictor.predict(texts)

    def explain(self, text: str, target: str) -> Explanation:
        return self.predictor.explain([text], target)[0]

    def state(self) -> State:
        own = self.predictor.preprocessing
        labels = tuple(self.predictor.labels)
        return State(Model(self.name, "", labels, own.max_length, own.truncation))

    def versions(self) -> list[Version]:
        return []


class Served:
    """A model behind TorchServe; `management_url` is None where this machine cannot reach that API."""

    def __init__(
        self, client: Client, management_url: str | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        client = replace(client, management_url=management_url or client.management_url)
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

    def predict(self, texts: Sequence[str], version: str | None = None) -> list[Prediction]:
        if not version:
            return self.client.predict(texts)
        with self.at(version) as client:
            return client.predict(texts)

    def explain(self, text: str, target: str) -> Explanation:
        return self.client.explain([text], target)[0]

    def at(self, version: str) -> Client:
        """A client of one version; what is no version must not come into an address."""
        if not VERSION.fullmatch(version):
            raise RequestError(f"version {version[:40]!r}: expected numbers parted by dots, such as 2.0")
        return replace(self.client, model=f"{self.name}/{version}")

    def state(self) -> State:
        """One look serves all who ask within FRESH seconds."""
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
