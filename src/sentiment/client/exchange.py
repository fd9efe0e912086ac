"""Sans-IO retries, shared by all clients: yields pauses, receives responses."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any

import httpx

from sentiment.client.auth import KeyFileAuth
from sentiment.client.trust import untrusted_error
from sentiment.errors import (
    BusyError,
    ClientError,
    ConfigError,
    NotFoundError,
    RejectedError,
    ServerError,
    UnauthorizedError,
    UnreachableError,
)

PAUSES = (0.1, 0.3, 1.0, 3.0)  # s before each retry; jitter shortens each by up to half
DIED = "Worker died"  # status 500, or 507 if it was killed; another worker can serve the retry
HTTPS_ALONE = "only accepts HTTPS requests"  # TorchServe's error for plain HTTP
LONGEST_WAIT = 120.0  # s, upper bound for Retry-After
TRIES_WITH_THE_SAME_KEY = 3  # or with none: the file may be written at this moment


# Yields the seconds to wait before each attempt, receives its response or transport error, returns the last response.
Exchange = Generator[float, httpx.Response | httpx.TransportError, httpx.Response]


def exchange(url: str, auth: KeyFileAuth, *, pauses: Sequence[float] = PAUSES, repeatable: bool = True) -> Exchange:
    """Try a request until it is answered.

    A busy server, a dead worker and a broken connection are retried if the request is `repeatable`. After a rejected
    token the key file is read again. A token that TorchServe renews is retried to the last pause, because TorchServe
    rejects the old one up to some seconds before its key file holds the new one. An API key, which is not renewed, is
    given up sooner.

    Args:
        url: The request's URL, for error messages.
        auth: What authorizes the request.
        pauses: Seconds before each retry; jittered down to half.
        repeatable: Retrying the request is safe.

    Raises:
        ClientError: The last attempt failed.
    """
    refused: list[str | None] = []  # Authorization headers
    asked = 0.0  # s, from Retry-After
    for pause in (0.0, *pauses):
        response = yield max(asked, pause * random.uniform(0.5, 1.0))
        if isinstance(response, httpx.Response) and response.is_success:
            return response
        asked = 0.0 if isinstance(response, httpx.TransportError) else retry_after(response)
        problem = unreachable(response, url) if isinstance(response, httpx.TransportError) else failure(response, url)
        if isinstance(problem, UnauthorizedError):
            refused.append(response.request.headers.get("Authorization"))
            few = auth.key_file is not None and refused.count(refused[-1]) < TRIES_WITH_THE_SAME_KEY
            again = few or auth.is_renewed()
        else:
            again = repeatable and isinstance(problem, BusyError | UnreachableError)
        if not again:
            break
    raise problem


def check_url(url: str) -> str:
    """Return `url` without a trailing slash. Raises ConfigError for one that is neither http nor https."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"url={url!r} is no address: {error}; expected http://HOST:PORT") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigError(f"url={url!r}: expected http://HOST:PORT")
    return url.rstrip("/")


def unreachable(error: httpx.TransportError, url: str) -> ClientError:
    if (refused := untrusted_error(error, url)) is not None:
        return refused
    if isinstance(error, httpx.ReadTimeout):
        return UnreachableError(
            f"{url} took the request and sent no answer in time; raise timeout, or send fewer texts"
        )
    reason = str(error) or type(error).__name__
    return UnreachableError(f"no answer from {url}: {reason}; start the server with: sentiment serve")


def drive(flow: Exchange, send: Callable[[], httpx.Response]) -> httpx.Response:
    """Run an exchange over a blocking `send()`."""
    pause = next(flow)
    while True:
        time.sleep(pause)
        try:
            pause = flow.send(attempt(send))
        except StopIteration as done:
            answer: httpx.Response = done.value
            return answer


def attempt(send: Callable[[], httpx.Response]) -> httpx.Response | httpx.TransportError:
    try:
        return send()
    except httpx.TransportError as error:
        return error


async def drive_async(flow: Exchange, send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Run an exchange over an awaited `send()`."""
    pause = next(flow)
    while True:
        await asyncio.sleep(pause)
        try:
            found: httpx.Response | httpx.TransportError = await send()
        except httpx.TransportError as error:
            found = error
        try:
            pause = flow.send(found)
        except StopIteration as done:
            answer: httpx.Response = done.value
            return answer


def retry_after(response: httpx.Response) -> float:
    """Return the seconds of the Retry-After header, at most LONGEST_WAIT; 0 if it is missing or a date."""
    value = response.headers.get("Retry-After", "").strip()
    return min(float(value), LONGEST_WAIT) if value.isdecimal() and len(value) < 10 else 0.0


def decode(response: httpx.Response) -> Any:
    if not response.content.strip():
        return None  # some responses of the management API are empty
    try:
        return response.json()
    except ValueError as error:
        raise ServerError(
            f"{response.url} answered no JSON; is it the right one of TorchServe's addresses?", status=200
        ) from error


def failure(response: httpx.Response, url: str) -> ClientError:
    """Map an error response to a ClientError with the server's own message."""
    try:
        body = response.json()
        reason, type_ = str(body["message"]), str(body.get("type", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        reason, type_ = response.reason_phrase, ""
    status = response.status_code
    text = f"{url} answered {status}: {reason}"
    if status == 403 and HTTPS_ALONE in response.text:
        return RejectedError(f"{url}: the server speaks TLS alone; write https://", status=status)
    # TorchServe rejects a token with 400, and uses 403 for forbidden operations; a proxy's 403 has no type
    if status == 401 or (status == 403 and not type_) or type_ == "InvalidKeyException":
        return UnauthorizedError(f"{text}; name the server's key file with key_file=FILE", status=status)
    if reason.startswith(DIED):
        return BusyError(text, status=status)
    kinds = {404: NotFoundError} | dict.fromkeys((429, 502, 503, 504), BusyError)  # 429, 502 and 504 are a proxy's
    kind: type[ClientError] = kinds.get(status, RejectedError if status < 500 else ServerError)
    return kind(text, status=status)
