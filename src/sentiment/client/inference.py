"""Sync and async clients for the predictions of a served model."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Annotated, Any, Self

import httpx
from annotated_types import Gt

from sentiment.client.address import Address
from sentiment.client.connection import BlockingConnection
from sentiment.client.exchange import check_url, decode, drive_async, exchange
from sentiment.client.messages import explain_body, explanation, halves, inputs, predictions, request
from sentiment.client.pinned import PinnedClient
from sentiment.client.trust import extensions
from sentiment.errors import ClientError, RejectedError, ServerError
from sentiment.inference.pairs import Aspects, Text
from sentiment.inference.types import Explanation, Model, Prediction
from sentiment.protocol.validation import MODEL_HEADER


@dataclass(kw_only=True, eq=False)
class Client(Address, BlockingConnection):
    """Ask a served model for predictions and explanations; threads may share a client.

    Texts go in requests of `batch_size`, one request after another. As a context manager it is closed at the end of the
    block.

    Raises:
        ClientError: Of every method, one of its subclasses, once `pauses` are used up: the server cannot be reached,
            refuses the token, has no such model, or rejects a text.

    Example:
        ```python
        with Client(key_file="outputs/serve-8080/key_file.json") as client:
            client.predict(["what a day"])[0].label
        ```
    """

    def predict(self, texts: Sequence[Text], aspect: Aspects = None) -> list[Prediction]:
        """Predict the label of each text of a list, in order.

        Args:
            texts: The texts.
            aspect: For a model that reads aspects, what the texts are about: one for all, or a list with one each.
        """
        return [prediction for found, _ in self.answers(texts, aspect) for prediction in found]

    def answers(
        self, texts: Sequence[Text], aspect: Aspects = None, *, details: bool = False
    ) -> Iterator[tuple[list[Prediction], str | None]]:
        """Yield each request's predictions and the model's hash, None if the server does not send it."""
        url = self.at("predictions")
        first = 0
        for body in list(self.bodies(texts, aspect, details=details)):
            yield from self._answers(url, body, first)
            first += len(body["texts"])

    def _answers(self, url: str, body: dict[str, Any], first: int) -> Iterator[tuple[list[Prediction], str | None]]:
        """Send a request body, whose texts begin at `first`; if the server cannot compute so much, send its halves."""
        try:
            answer, headers = self._ask(url, body)
            found = predictions(answer, body)
        except RejectedError as error:
            for half in halves(body, error, first=first):
                yield from self._answers(url, half, first)
                first += len(half["texts"])
        else:
            yield found, headers.get(MODEL_HEADER)

    def pinned(self) -> PinnedClient:
        """Return a client bound to the current model, which raises ModelChangedError once another model answers."""
        return PinnedClient(self)

    def explain(self, texts: Sequence[Text], target: str | None = None, aspect: Aspects = None) -> list[Explanation]:
        """Explain the prediction of each text, each in its own request; `target` is by default the label predicted."""
        url = self.at("explanations")
        return [explanation(self.post(url, explain_body(text, target))) for text in inputs(texts, aspect)]

    def describe(self) -> Model:
        """Return the name, version, labels, limits and scores of the served model."""
        url = self.at("predictions")
        answer, _ = self._ask(url, None)
        try:
            return Model.from_json(answer)
        except (KeyError, TypeError) as error:
            raise ServerError(f"{url} describes no model of sentiment package; package the run again") from error

    def ping(self) -> str:
        """Return the server's health, "Healthy" or "Unhealthy", without asking a model."""
        return str(self._health()["status"])

    def is_managed(self) -> bool:
        """Return False if the server says that it has no management API (backend=granian)."""
        try:
            with replace(self, pauses=()) as once:
                return bool(once._health().get("management", True))
        except ClientError:
            return True

    def _health(self) -> dict[str, Any]:
        url = f"{check_url(self.url)}/ping"
        answer = decode(self.send(url, self.auth(), method="GET"))
        if not isinstance(answer, dict) or "status" not in answer:
            raise ServerError(f"{url} answered no status; is it TorchServe's inference address?")
        return answer

    def post(self, url: str, body: dict[str, Any]) -> Any:
        """Send a JSON body and return the decoded answer."""
        return self._ask(url, body)[0]

    def _ask(self, url: str, body: dict[str, Any] | None) -> tuple[Any, httpx.Headers]:
        """Send a JSON body, or ask for the description if it is None; return the decoded answer and the headers."""
        response = self.send(url, self.auth(), **request(body))
        return decode(response), response.headers


@dataclass(kw_only=True, eq=False)
class AsyncClient(Address):
    """Ask a served model from an event loop, with up to `concurrency` requests under way at once.

    It raises what `Client` raises.

    Example:
        ```python
        async with AsyncClient(key_file="outputs/serve-8080/key_file.json") as client:
            predictions = await client.predict(["what a day", "dull"])
        ```
    """

    concurrency: Annotated[int, Gt(0)] = 8
    transport: httpx.AsyncBaseTransport | None = None

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(self.concurrency)
        limits = httpx.Limits(max_connections=self.concurrency, max_keepalive_connections=self.concurrency)
        self._http = httpx.AsyncClient(transport=self.transport, limits=limits, **self.options())

    async def predict(self, texts: Sequence[Text], aspect: Aspects = None) -> list[Prediction]:
        """Predict the label of each text of a list, in order; `aspect` is one for all, or a list with one each."""
        url = self.at("predictions")
        bodies = list(self.bodies(texts, aspect))
        starts = accumulate((len(body["texts"]) for body in bodies), initial=0)
        answers = await together([self._predict(url, *both) for both in zip(bodies, starts, strict=False)])
        return [one for answer in answers for one in answer]

    async def _predict(self, url: str, body: dict[str, Any], first: int) -> list[Prediction]:
        try:
            return predictions(await self.post(url, body), body)
        except RejectedError as error:
            found: list[Prediction] = []
            for half in halves(body, error, first=first):
                found += await self._predict(url, half, first + len(found))
            return found

    async def explain(
        self, texts: Sequence[Text], target: str | None = None, aspect: Aspects = None
    ) -> list[Explanation]:
        """Explain the prediction of each text; `target` is by default the label predicted."""
        url = self.at("explanations")
        answers = await together([self.post(url, explain_body(text, target)) for text in inputs(texts, aspect)])
        return [explanation(answer) for answer in answers]

    async def post(self, url: str, body: dict[str, Any]) -> Any:
        """Send a JSON body and return the decoded answer."""
        auth = self.auth()
        options = {**request(body), "url": url, "auth": auth, "extensions": extensions(self.server_name)}

        async def send() -> httpx.Response:
            async with self._places:
                return await self._http.request(**options)

        return decode(await drive_async(exchange(url, auth, pauses=self.pauses), send))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def together(work: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Await all coroutines concurrently; the first failure cancels the others and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
