"""The address of a served model, and its requests' bodies."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le

from sentiment.client.exchange import PAUSES, Exchange, checked_url, exchange
from sentiment.client.messages import inputs, texts_body
from sentiment.errors import RejectedError, RequestError
from sentiment.inference.pairs import Aspects, Text
from sentiment.protocol.validation import MAX_TEXTS, check_input

MAX_BYTES = 6_000_000  # limit for the texts of a request; TorchServe accepts 6,553,500 bytes in all


@dataclass(kw_only=True, eq=False)
class Address:
    """The address of a served model and the settings that both clients share.

    Attributes:
        url: The server's inference address.
        model: The model's name, optionally with a version: "sentiment/2.0".
        key_file: TorchServe's key_file.json, if it requires tokens. It is read again for each attempt, since tokens are
            renewed while the server runs.
        management_url: The address at which an expired token is renewed; None: it is not renewed.
        batch_size: The most texts in one request.
        timeout: Seconds for one request.
        pauses: Seconds before each retry.
        details: Ask for token counts, truncation and readability too.
        max_error: Error rate that the answers given must keep, as the model's validation split promises it; the other
            texts are left to a person (`Prediction.abstained`). Default: the archive's own.
        threshold: Of a model that gives several labels, the probability from which a label is given: one for all labels
            or by label. Default: the archive's own.
        ca_file: PEM file of the CAs to trust for https; default: the usual ones.
        server_name: The name that the certificate must hold; default: the host of `url`.
    """

    url: str = "http://127.0.0.1:8080"
    model: str = "sentiment"
    key_file: Path | str | None = None
    management_url: str | None = None
    batch_size: Annotated[int, Gt(0)] = 64
    timeout: Annotated[float, Gt(0)] = 60.0
    pauses: Sequence[Annotated[float, Ge(0)]] = PAUSES
    details: bool = False
    max_error: Annotated[float, Gt(0), Le(1)] | None = None
    threshold: Annotated[float, Ge(0), Le(1)] | Mapping[str, Annotated[float, Ge(0), Le(1)]] | None = None
    ca_file: Path | str | None = None
    server_name: str | None = None

    def tls_of(self, url: str) -> dict[str, Any]:
        """Return the TLS options for a client of another address of the same server."""
        return {"ca_file": self.ca_file, "server_name": self.server_name} if url.startswith("https://") else {}

    def at(self, api: str) -> str:
        return f"{checked_url(self.url)}/{api}/{self.model}"

    def bodies(
        self, texts: Sequence[Text], aspect: Aspects = None, *, details: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Yield request bodies of at most `batch_size` texts and MAX_BYTES; RejectedError for a bad text."""
        asked: dict[str, Any] = {"details": True} if self.details or details else {}
        if self.max_error is not None:
            asked["max_error"] = self.max_error
        if self.threshold is not None:
            asked["threshold"] = dict(self.threshold) if isinstance(self.threshold, Mapping) else self.threshold
        some: list[Text] = []
        size = 0
        for i, text in enumerate(inputs(texts, aspect)):
            try:
                grown = len(json.dumps(check_input(text, f"texts[{i}]")))
            except RequestError as error:
                raise RejectedError(str(error)) from error
            if some and (len(some) >= min(self.batch_size, MAX_TEXTS) or size + grown > MAX_BYTES):
                yield texts_body(some) | asked
                some, size = [], 0
            some.append(text)
            size += grown
        if some:
            yield texts_body(some) | asked

    def exchange(self, url: str) -> Exchange:
        key_file = Path(self.key_file) if self.key_file else None
        return exchange(url, key_file=key_file, key="inference", management_url=self.management_url, pauses=self.pauses)
