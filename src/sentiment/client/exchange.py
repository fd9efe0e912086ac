"""Sans-IO request logic with retries, shared by both clients: yields pauses and requests, receives responses."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sentiment.client.keys import Key, authorization, expired, is_renewed
from sentiment.client.trust import untrusted
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


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt: send the request with `headers`; or GET a new token from `token_url`."""

    headers: dict[str, str]
    token_url: str | None = None


Exchange = Generator[float | Try, httpx.Response | httpx.TransportError | None, Any]  # a float: seconds to wait


def exchange(
    url: str,
    *,
    key_file: Path | None,
    key: Key,
    management_url: str | None = None,
    pauses: Sequence[float] = PAUSES,
    repeatable: bool = True,
) -> Exchange:
    """Yield the seconds to wait and each attempt, receive its response or transport error, return the decoded JSON.

    A busy server, a dead worker and a broken connection are retried if the request is `repeatable`. After a rejected
    token the key file is read again; an expired token is renewed first if `management_url` is given. A token that
    TorchServe renews is retried to the last pause, because TorchServe rejects the old one up to some seconds before its
    key file holds the new one. An API key, which is not renewed, is given up sooner.

    Args:
        url: The request's URL, for error messages.
        key_file: TorchServe's key file, or None.
        key: The key file's entry that authorizes the request.
        management_url: The address that renews expired tokens.
        pauses: Seconds before each retry; jittered down to half.
        repeatable: Retrying the request is safe.

    Raises:
        ClientError: The last attempt failed.
    """
    refused: list[dict[str, str]] = []
    asked = 0.0  # s, from Retry-After
    for pause in (0.0, *pauses):
        yield max(asked, pause * random.uniform(0.5, 1.0))
        headers = authorization(key_file, key)  # after the pause, in which the file may have been written
        if headers in refused and management_url and key_file and expired(key_file, key):
            yield Try(authorization(key_file, "API"), token_address(management_url, key))
            headers = authorization(key_file, key)
        response = yield Try(headers)
        assert response is not None  # of a wait alone
        if isinstance(response, httpx.Response) and response.is_success:
            return decoded(response)
        asked = 0.0 if isinstance(response, httpx.TransportError) else retry_after(response)
        problem = unreachable(response, url) if isinstance(response, httpx.TransportError) else failure(response, url)
        if isinstance(problem, UnauthorizedError):
            refused.append(headers)
            again = key_file is not None and (
                refused.count(headers) < TRIES_WITH_THE_SAME_KEY or is_renewed(key_file, key)
            )
        else:
            again = repeatable and isinstance(problem, BusyError | UnreachableError)
        if not again:
            break
    raise problem


def token_address(management_url: str, key: Key) -> str:
    """Return the URL at which TorchServe creates a new token and writes it into its key file."""
    return f"{management_url.rstrip('/')}/token?type={key}"


def checked_url(url: str) -> str:
    """Return `url` without a trailing slash.

    Raises:
        ConfigError: It is not an http or https URL.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"url={url!r} is no address: {error}; expected http://HOST:PORT") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigError(f"url={url!r}: expected http://HOST:PORT")
    return url.rstrip("/")


def unreachable(error: httpx.TransportError, url: str) -> ClientError:
    if (refused := untrusted(error, url)) is not None:
        return refused
    if isinstance(error, httpx.ReadTimeout):
        return UnreachableError(
            f"{url} took the request and sent no answer in time; raise timeout, or send fewer texts"
        )
    reason = str(error) or type(error).__name__
    return UnreachableError(f"no answer from {url}: {reason}; start the server with: sentiment serve")


def drive(flow: Exchange, send: Callable[[Try], httpx.Response]) -> Any:
    """Run an exchange over a blocking `send(step)`."""
    answer: httpx.Response | httpx.TransportError | None = None
    while True:
        try:
            step = flow.send(answer)
        except StopIteration as done:
            return done.value
        answer = None
        if isinstance(step, float):
            time.sleep(step)
            continue
        try:
            answer = send(step)
        except httpx.TransportError as error:
            answer = error


async def drive_async(flow: Exchange, send: Callable[[Try], Awaitable[httpx.Response]]) -> Any:
    """Run an exchange over an awaited `send(step)`."""
    answer: httpx.Response | httpx.TransportError | None = None
    while True:
        try:
            step = flow.send(answer)
        except StopIteration as done:
            return done.value
        answer = None
        if isinstance(step, float):
            await asyncio.sleep(step)
            continue
        try:
            answer = await send(step)
        except httpx.TransportError as error:
            answer = error


def retry_after(response: httpx.Response) -> float:
    """Return the seconds of the Retry-After header, at most LONGEST_WAIT; 0 if it is missing or a date."""
    value = response.headers.get("Retry-After", "").strip()
    return min(float(value), LONGEST_WAIT) if value.isdecimal() and len(value) < 10 else 0.0


def decoded(response: httpx.Response) -> Any:
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
        return UnauthorizedError(f"{text}; name the server's key file with key_file=", status=status)
    if reason.startswith(DIED):
        return BusyError(text, status=status)
    kinds = {
        404: NotFoundError,
        429: BusyError,
        502: BusyError,
        503: BusyError,
        504: BusyError,
    }  # 429, 502 and 504 come from a proxy
    kind: type[ClientError] = kinds.get(status, RejectedError if status < 500 else ServerError)
    return kind(text, status=status)
