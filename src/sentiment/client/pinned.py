"""A client bound to one model, for jobs that must not mix two models' predictions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from sentiment.errors import ModelChangedError
from sentiment.inference.pairs import Text
from sentiment.inference.types import Identity, Model, Prediction, Threshold

ADDRESS = ("url", "model", "key_file", "ca_file", "server_name")  # attributes needed to reconnect to the same server


class Describing(Protocol):
    """A client whose answers carry the hash of the model that computed them."""

    url: str
    max_error: float | None
    threshold: Threshold | None

    def describe(self) -> Model: ...
    def answers(self, texts: Sequence[Text], *, details: bool) -> Iterable[tuple[list[Prediction], str | None]]: ...


class PinnedClient:
    """A client bound to the model that `client` describes at construction.

    Each answer carries the model's hash in a header. Archives of earlier releases send none: the server is asked to
    describe itself after each call instead.
    """

    def __init__(self, client: Describing) -> None:
        self.client = client
        self.model = client.describe()

    def identity(self) -> Identity:
        own = self.model
        deciding: dict[str, Any] = {
            "engine": "rest",
            "name": own.name,
            "version": own.version,
            "export": own.sha256,
            "labels": list(own.labels),
            "max_length": own.max_length,
            "truncation": own.truncation,
        }
        if own.default_aspect:
            deciding["default_aspect"] = own.default_aspect
        if self.client.max_error is not None:
            deciding["max_error"] = self.client.max_error
        if (threshold := self.client.threshold) is not None:
            deciding["threshold"] = dict(threshold) if isinstance(threshold, Mapping) else threshold
        address = {name: getattr(self.client, name) for name in ADDRESS}
        return Identity(deciding, {name: None if value is None else str(value) for name, value in address.items()})

    def predict(self, texts: Sequence[Text]) -> list[Prediction]:
        """Predict the texts. Raises ModelChangedError where another model answered."""
        predictions: list[Prediction] = []
        hashes: set[str | None] = set()
        for found, sha256 in self.client.answers(texts, details=True):
            predictions += found
            hashes.add(sha256)
        if others := hashes - {None, self.model.sha256}:
            raise self._changed(f"export {str(others.pop())[:12]}...")
        if None in hashes and (now := self.client.describe()) != self.model:
            raise self._changed(_name_of(now))
        return predictions

    def _changed(self, other: str) -> ModelChangedError:
        return ModelChangedError(
            f"the model served at {self.client.url} changed during the job: it began with {_name_of(self.model)}, "
            f"and {other} answers now"
        )


def _name_of(model: Model) -> str:
    return f"{model.name} {model.version} (export {str(model.sha256)[:12]}...)"
