"""One question to TorchServe, tried again where that may help; it knows no sockets, so sync and async share it."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sentiment.client.keys import Key, authorization
from sentiment.errors import Busy, ClientError, NotFound, Rejected, ServerFault, Unauthorized, Unreachable

PAUSES = (0.1, 0.3, 1.0, 3.0)  # s before each further try, less up to a half so that clients do not come all at once
DIED = "Worker died"  # with 500, or 413 where the kernel killed it; the next worker takes the request


@dataclass(frozen=True, slots=True)
class Try:
    """Wait `pause` seconds, then send with these headers."""

    pause: float
    headers: dict[str, str]


Exchange = Generator[Try, httpx.Response | httpx.TransportError, Any]


def exchange(url: str, *, key_file: Path | None, key: Key, pauses: Sequence[float] = PAUSES) -> Exchange:
    """Yield each try, take its response or transport error, and return the decoded answer.

    A busy server, a dead worker and a broken connection are tried again, a refused token once a new one stands in the
    key file.
    """
    problem: ClientError = Unreachable(f"no answer from {url}")
    used: dict[str, str] | None = None
    for pause in (0.0, *pauses):
        try:
            headers = authorization(key_file, key)
        except Unauthorized as error:  # TorchServe may be writing it
            problem = error
            continue
        if isinstance(problem, Unauthorized) and headers == used:
            break
        used = headers
        response = yield Try(pause * random.uniform(0.5, 1.0), headers)
        if isinstance(response, httpx.TransportError):
            reason = str(response) or type(response).__name__
            problem = Unreachable(f"no answer from {url}: {reason}; start the server with: sentiment serve")
        elif response.is_success:
            return decoded(response)
        else:
            problem = failure(response, url)
            if not isinstance(problem, Busy | Unauthorized):
                break
    raise problem


def drive(flow: Exchange, send: Callable[[dict[str, str]], httpx.Response]) -> Any:
    """Carry an exchange out over a blocking `send(headers)`."""
    step = next(flow)
    while True:
        time.sleep(step.pause)
        answer: httpx.Response | httpx.TransportError
        try:
            answer = send(step.headers)
        except httpx.TransportError as error:
            answer = error
        try:
            step = flow.send(answer)
        except StopIteration as done:
            return done.value


async def drive_async(flow: Exchange, send: Callable[[dict[str, str]], Awaitable[httpx.Response]]) -> Any:
    """The same over an awaited `send(headers)`."""
    step = next(flow)
    while True:
        await asyncio.sleep(step.pause)
        answer: httpx.Response | httpx.TransportError
        try:
            answer = await send(step.headers)
        except httpx.TransportError as error:
            answer = error
        try:
            step = flow.send(answer)
        except StopIteration as done:
            return done.value


def decoded(response: httpx.Response) -> Any:
    if not response.content.strip():
        return None  # some answers of the management API
    try:
        return response.json()
    except ValueError as error:
        raise ServerFault(
            f"{response.url} answered no JSON; is it the right one of TorchServe's addresses?", status=200
        ) from error


def failure(response: httpx.Response, url: str) -> ClientError:
    """The server's own reason, from its JSON error, as one of ClientError's kinds."""
    try:
        body = response.json()
        reason, type_ = str(body["message"]), str(body.get("type", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        reason, type_ = response.reason_phrase, ""
    status = response.status_code
    text = f"{url} answered {status}: {reason}"
    if status in (401, 403) or type_ == "InvalidKeyException":  # TorchServe refuses a token with 400
        return Unauthorized(f"{text}; name the server's key file with key_file=", status=status)
    if reason.startswith(DIED):
        return Busy(text, status=status)
    kinds: dict[int, type[ClientError]] = {404: NotFound, 503: Busy}
    kind = kinds.get(status, Rejected if status < 500 else ServerFault)
    return kind(text, status=status)
