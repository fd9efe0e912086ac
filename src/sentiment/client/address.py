"""The address of a served model, and its requests' bodies."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le

from sentiment.client.connection import Connection
from sentiment.client.exchange import check_url
from sentiment.client.messages import inputs, texts_body
from sentiment.errors import RejectedError, RequestError
from sentiment.inference.pairs import Aspects, Text
from sentiment.protocol.validation import MAX_TEXTS, check_input, error_rate, threshold

MAX_BYTES = 6_000_000  # limit for the texts of a request; TorchServe accepts 6,553,500 bytes in all


@dataclass(kw_only=True, eq=False)
class Address(Connection):
    """The address of a served model and the settings that both clients share.

    Attributes:
        url: The server's inference address.
        model: The model's name, optionally with a version: "sentiment/2.0".
        batch_size: The most texts in one request.
        details: Ask for token counts, truncation and readability too.
        max_error: Error rate that the answers given must keep, as the model's validation split promises it; the other
            texts are left to a person (`Prediction.abstained`). Default: the archive's own.
        threshold: Of a model that gives several labels, the probability from which a label is given: one for all labels
            or by label. Default: the archive's own.
    """

    url: str = "http://127.0.0.1:8080"
    model: str = "sentiment"
    batch_size: Annotated[int, Gt(0)] = 64
    details: bool = False
    max_error: Annotated[float, Gt(0), Le(1)] | None = None
    threshold: Annotated[float, Ge(0), Le(1)] | Mapping[str, Annotated[float, Ge(0), Le(1)]] | None = None

    def at(self, api: str) -> str:
        return f"{check_url(self.url)}/{api}/{self.model}"

    def bodies(
        self, texts: Sequence[Text], aspect: Aspects = None, *, details: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Yield request bodies of at most `batch_size` texts and MAX_BYTES; RejectedError for a bad text or setting."""
        given = {"max_error": self.max_error, "threshold": self.threshold}
        try:
            read: dict[str, Any] = {"max_error": error_rate(given), "threshold": threshold(given)}
        except RequestError as error:
            raise RejectedError(str(error)) from error
        asked: dict[str, Any] = {"details": True} if self.details or details else {}
        asked |= {key: value for key, value in read.items() if value is not None}
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
