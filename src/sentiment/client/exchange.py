"""One question to TorchServe, tried again where that may help; it knows no sockets, so sync and async share it."""

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
from sentiment.errors import Busy, ClientError, ConfigError, NotFound, Rejected, ServerFault, Unauthorized, Unreachable

PAUSES = (0.1, 0.3, 1.0, 3.0)  # s before each further try, less up to a half so that clients do not come all at once
DIED = "Worker died"  # with 500, or 507 where it was killed; the next worker takes the request
HTTPS_ALONE = "only accepts HTTPS requests"  # TorchServe's word to plain HTTP
LONGEST_WAIT = 120.0  # s, for a server that says by Retry-After when to ask again
TRIES_WITH_THE_SAME_KEY = 3  # or with none: the file may be written this moment


@dataclass(frozen=True, slots=True)
class Try:
    """Wait `pause` seconds, then send with these headers; or ask `token_url` for a new token instead."""

    pause: float
    headers: dict[str, str]
    token_url: str | None = None


Exchange = Generator[Try, httpx.Response | httpx.TransportError, Any]


def exchange(
    url: str,
    *,
    key_file: Path | None,
    key: Key,
    management_url: str | None = None,
    pauses: Sequence[float] = PAUSES,
    repeatable: bool = True,
) -> Exchange:
    """Yield each try, take its response or transport error, and return the decoded answer.

    A busy server, a dead worker and a broken connection are tried again where the question is `repeatable`. A refused
    token is read anew from the key file, and renewed first where it has expired and `management_url` is known. One that
    TorchServe renews is tried to the last pause: TorchServe refuses the old one before its key file holds the new one,
    on a busy machine for a second or more. A key that nobody renews is given up sooner.
    """
    refused: list[dict[str, str]] = []
    asked = 0.0  # s, by the server
    for pause in (0.0, *pauses):
        headers = authorization(key_file, key)
        if headers in refused and management_url and key_file and expired(key_file, key):
            yield Try(0.0, authorization(key_file, "API"), token_address(management_url, key))
            headers = authorization(key_file, key)
        response = yield Try(max(asked, pause * random.uniform(0.5, 1.0)), headers)
        if isinstance(response, httpx.Response) and response.is_success:
            return decoded(response)
        asked = 0.0 if isinstance(response, httpx.TransportError) else retry_after(response)
        problem = unreachable(response, url) if isinstance(response, httpx.TransportError) else failure(response, url)
        if isinstance(problem, Unauthorized):
            refused.append(headers)
            again = key_file is not None and (
                refused.count(headers) < TRIES_WITH_THE_SAME_KEY or is_renewed(key_file, key)
            )
        else:
            again = repeatable and isinstance(problem, Busy | Unreachable)
        if not again:
            break
    raise problem


def token_address(management_url: str, key: Key) -> str:
    """Where TorchServe makes a new token and writes it into its key file."""
    return f"{management_url.rstrip('/')}/token?type={key}"


def checked_url(url: str) -> str:
    """`url` without a slash at its end; ConfigError where it is no address of a server."""
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
        return Unreachable(f"{url} took the request and sent no answer in time; raise timeout, or send fewer texts")
    reason = str(error) or type(error).__name__
    return Unreachable(f"no answer from {url}: {reason}; start the server with: sentiment serve")


def drive(flow: Exchange, send: Callable[[Try], httpx.Response]) -> Any:
    """Carry an exchange out over a blocking `send(step)`."""
    step = next(flow)
    while True:
        time.sleep(step.pause)
        answer: httpx.Response | httpx.TransportError
        try:
            answer = send(step)
        except httpx.TransportError as error:
            answer = error
        try:
            step = flow.send(answer)
        except StopIteration as done:
            return done.value


async def drive_async(flow: Exchange, send: Callable[[Try], Awaitable[httpx.Response]]) -> Any:
    """The same over an awaited `send(step)`."""
    step = next(flow)
    while True:
        await asyncio.sleep(step.pause)
        answer: httpx.Response | httpx.TransportError
        try:
            answer = await send(step)
        except httpx.TransportError as error:
            answer = error
        try:
            step = flow.send(answer)
        except StopIteration as done:
            return done.value


def retry_after(response: httpx.Response) -> float:
    """Return the seconds of the header Retry-After, LONGEST_WAIT at most; 0 where there is none, or a date."""
    value = response.headers.get("Retry-After", "").strip()
    return min(float(value), LONGEST_WAIT) if value.isdecimal() and len(value) < 10 else 0.0


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
    if status == 403 and HTTPS_ALONE in response.text:
        return Rejected(f"{url}: the server speaks TLS alone; write https://", status=status)
    # TorchServe refuses a token with 400, and with 403 what is not to be done; a proxy's 403 has no type
    if status == 401 or (status == 403 and not type_) or type_ == "InvalidKeyException":
        return Unauthorized(f"{text}; name the server's key file with key_file=", status=status)
    if reason.startswith(DIED):
        return Busy(text, status=status)
    kinds = {404: NotFound, 429: Busy, 502: Busy, 503: Busy, 504: Busy}  # the other three are a proxy's
    kind: type[ClientError] = kinds.get(status, Rejected if status < 500 else ServerFault)
    return kind(text, status=status)
